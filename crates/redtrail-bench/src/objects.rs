//! The objects that are read: made by the generator, the same everywhere.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use redtrail_trailgen::{HardShape, Trail, TrailOptions};

const SEED: u64 = 1;

/// Removes objects that an earlier generator may have made.
///
/// # Errors
/// When they cannot be removed.
pub(crate) fn forget(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A trail of `megabytes` in one object, of which that share is of the Redshift family.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn object(folder: &Path, megabytes: u32, share: f64) -> io::Result<PathBuf> {
    let path = folder.join(format!("{megabytes}MB-{:.0}%.json.gz", share * 100.0));
    write(path, |out| {
        let bytes = u64::from(megabytes) * 1_000_000;
        trail(share).write_gzip_object(bytes, out, |_| {}).map(drop)
    })
}

/// Objects of the sizes that real trails have, 1 % of their records of the family.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn typical_objects(folder: &Path, count: usize) -> io::Result<Vec<PathBuf>> {
    let mut trail = trail(0.01);
    let paths = (0..count).map(|number| {
        let object = trail.typical_object();
        let path = folder.join(format!("typical-{number}.json.gz"));
        write(path, |out| out.write_all(&object.gzip()))
    });
    paths.collect()
}

/// One object of `megabytes` and with a record of 256 KB in it, the largest that CloudTrail
/// writes.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn object_with_huge_record(folder: &Path, megabytes: u32) -> io::Result<PathBuf> {
    let path = folder.join(format!("{megabytes}MB-huge.json.gz"));
    write(path, |out| {
        let mut options = TrailOptions {
            seed: SEED,
            redshift_share: 0.01,
            ..TrailOptions::default()
        };
        options.hard_shapes = vec![HardShape::Huge];
        options.hard_share = 0.0005;
        let bytes = u64::from(megabytes) * 1_000_000;
        let mut trail = Trail::with_options(options);
        trail.write_gzip_object(bytes, out, |_| {}).map(drop)
    })
}

fn trail(redshift_share: f64) -> Trail {
    Trail::with_options(TrailOptions {
        seed: SEED,
        redshift_share,
        ..TrailOptions::default()
    })
}

/// Once for each run.
fn write(
    path: PathBuf,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<PathBuf> {
    if path.exists() {
        return Ok(path);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut out = BufWriter::new(File::create(&path)?);
    fill(&mut out)?;
    out.flush()?;
    Ok(path)
}
