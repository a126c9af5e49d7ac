//! Instruction counts, held to those on file: they are the same on a busy machine and on an
//! idle one, so a few in a hundred more are a change of the code.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use clap::ValueEnum;

use crate::{case::Case, objects};

/// How much worse a ratio may get.
const TOLERANCE: f64 = 1.03;
const TYPICAL_OBJECTS: usize = 20;

/// Counts, compares with the file at `path` and tells; whether all is well. With `update`,
/// the file is written anew.
///
/// # Errors
/// When a file cannot be read or written, or Valgrind fails.
pub(crate) fn gate(folder: &Path, path: &Path, update: bool) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    if let Some(why) = unable() {
        writeln!(out, "SKIPPED: instruction counts are not compared. {why}")?;
        return Ok(true);
    }
    let counted = ratios(folder)?;
    if update {
        let lines = counted
            .iter()
            .map(|(name, ratio)| format!("{name}\t{ratio:.4}\n"));
        fs::write(path, lines.collect::<String>())?;
    }
    let known = known(path)?;
    let mut is_well = true;
    writeln!(
        out,
        "{:<24}{:>9}{:>9}",
        "instructions to gunzip's", "on file", "now"
    )?;
    for (name, ratio) in &counted {
        let Some(before) = known.get(name) else {
            writeln!(out, "{name:<24}{:>9}{ratio:>9.3}  not on file", "")?;
            is_well = false;
            continue;
        };
        let verdict = if *ratio > before * TOLERANCE {
            is_well = false;
            "  WORSE"
        } else if ratio * TOLERANCE < *before {
            "  better: put it on file with `make counts`"
        } else {
            ""
        };
        writeln!(out, "{name:<24}{before:>9.3}{ratio:>9.3}{verdict}")?;
    }
    Ok(is_well)
}

/// Why there is nothing to compare here.
fn unable() -> Option<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let is_comparable = std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    let is_comparable = false;
    if !is_comparable {
        return Some("Those on file are of x86-64 with AVX2, which this machine is not.");
    }
    let is_installed = Command::new("valgrind").arg("--version").output();
    if is_installed.is_ok_and(|output| output.status.success()) {
        None
    } else {
        Some("Valgrind is missing: `apt-get install valgrind` (Debian, Ubuntu) brings it.")
    }
}

/// For each kind of trail, the instructions of reading it to those of unpacking it.
fn ratios(folder: &Path) -> io::Result<Vec<(String, f64)>> {
    let mut trails = vec![(
        format!("{TYPICAL_OBJECTS} typical objects"),
        objects::typical_objects(folder, TYPICAL_OBJECTS)?,
    )];
    for share in [0.0, 0.01, 0.2, 1.0] {
        let object = objects::object(folder, 4, share)?;
        trails.push((
            format!("4 MB, {:.0} % Redshift", share * 100.0),
            vec![object],
        ));
    }
    let nothing = instructions(Case::Nothing, &[])?;
    let mut ratios = Vec::new();
    for (name, objects) in trails {
        let gunzip = instructions(Case::Gunzip, &objects)?;
        let read = instructions(Case::Read, &objects)?;
        let ratio = read.saturating_sub(nothing) as f64 / gunzip.saturating_sub(nothing) as f64;
        ratios.push((name, ratio));
    }
    Ok(ratios)
}

fn instructions(case: Case, objects: &[PathBuf]) -> io::Result<u64> {
    let name = case.to_possible_value();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .arg("run")
        .args(name.iter().map(|name| name.get_name()))
        .args(objects)
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let collected = told
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count
        .filter(|_| output.status.success())
        .ok_or_else(|| io::Error::other(format!("Valgrind tells no count: {told}")))
}

fn known(path: &Path) -> io::Result<BTreeMap<String, f64>> {
    let text = fs::read_to_string(path)?;
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    Ok(lines
        .filter_map(|(name, ratio)| Some((name.to_owned(), ratio.parse().ok()?)))
        .collect())
}
