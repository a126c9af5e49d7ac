//! Measures what reading a trail costs, beside the bare gunzip that nobody can do without.

mod case;

use std::{fs::File, io, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use case::Case;

/// Measures what reading a trail costs.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Does one case once for each object, to be measured from outside.
    Run { case: Case, objects: Vec<PathBuf> },
    /// Times
    Time { objects: Vec<PathBuf> },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("redtrail-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> io::Result<ExitCode> {
    match command {
        Command::Run { case, objects } => {
            for object in objects {
                case.run(File::open(object)?)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Time { objects } => {
            for path in objects {
                let bytes = std::fs::read(&path)?;
                let cases = [
                    Case::Gunzip,
                    Case::Read,
                    Case::GunzipSha256,
                    Case::ReadSha256,
                ];
                let mut times = [const { Vec::new() }; 4];
                for _ in 0..25 {
                    for (case, times) in cases.iter().zip(&mut times) {
                        let before = clock();
                        case.run(&bytes[..])?;
                        times.push(clock() - before);
                    }
                }
                let medians = times.map(|mut times| {
                    times.sort_by(f64::total_cmp);
                    (times[12] * 1e3, times[0] * 1e3)
                });
                eprintln!(
                    "{} {medians:.2?} read {:.3} min {:.3} sha {:.3}",
                    path.display(),
                    medians[1].0 / medians[0].0,
                    medians[1].1 / medians[0].1,
                    medians[3].0 / medians[2].0
                );
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn clock() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
