//! Writes what the fuzz targets begin with: the catalogue of bad and odd objects, the records in
//! them, the payloads of `events/`. `seeds FOLDER` makes a folder for each target.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use redtrail_core::log_reader::{Limits, PickedElement, Picker};
use redtrail_trailgen::catalogue;

/// What is longer is slow to mutate, and tells little more.
const MAX_BYTES: usize = 4096;

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("which folder?"))?;
    for case in catalogue::cases() {
        let bytes = case.bytes();
        write(
            &folder,
            "reader",
            &case.name,
            &[b"\x06", &bytes[..]].concat(),
        )?;
        let mut picker = Picker::new(Limits::default(), [1]);
        if picker.push(&bytes).is_err() {
            continue;
        }
        let Ok(picked) = picker.finish() else {
            continue;
        };
        for element in picked.elements.values() {
            if let PickedElement::Whole(record) = element {
                write(&folder, "record", &case.name, &record.bytes)?;
                write(&folder, "differential", &case.name, &record.bytes)?;
            }
        }
    }
    for entry in fs::read_dir("events")? {
        let path = entry?.path();
        if path.is_file() {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            write(&folder, "envelope", &name, &fs::read(&path)?)?;
        }
    }
    let texts = [
        "2026-03-02T09:00:00.000Z#e1",
        "2026-03-02T10:00:00.5+01:00",
        "arn:aws:redshift:us-east-1:111122223333:cluster:sales",
        "name:redshift-serverless:us-east-1:111122223333:workgroup/w",
        "statement:us-east-1:111122223333/5c52",
        "AWSService:redshift.amazonaws.com",
        "s3://trail/AWSLogs/k.json.gz?versionId=v%231#3",
        "a b.json.gz#0",
        "AWSLogs/o-example/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz",
    ];
    for (index, text) in texts.iter().enumerate() {
        write(&folder, "cursor", &index.to_string(), text.as_bytes())?;
    }
    let things = [
        "AWSService\nredshift.amazonaws.com\n\nAWSService:redshift.amazonaws.com",
        "AWSAccount\n1\n2:3\n\nAWSAccount\n1:2\n3",
        "redshift\nus-east-1\n1\nworkgroup\nw\n\nredshift\nus-east-1\n1\nworkgroup/w\n",
        "us-east-1\n1\nid\n\nus-east-1\n1/id\n",
        "arn:aws:redshift:r:1:cluster:c\n\narn:aws:redshift:r:1:cluster:c~0000000000000000000000000000000000000000000000000000000000000000",
    ];
    for (index, thing) in things.iter().enumerate() {
        write(&folder, "keys", &index.to_string(), thing.as_bytes())?;
    }
    Ok(())
}

fn write(folder: &Path, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    if bytes.len() > MAX_BYTES {
        return Ok(());
    }
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}
