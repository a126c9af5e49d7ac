//! Measures what reading a trail costs, beside the bare gunzip that nobody can do without, and
//! what writing and starting do.

mod case;
mod chart;
mod clock;
mod gate;
mod null_server;
mod objects;
mod processes;
mod report;
mod starting;
mod writing;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use case::Case;
use redtrail_core::select::Selector;

/// Measures what reading a trail, writing its events and starting cost.
#[derive(Parser)]
struct Arguments {
    /// Where the objects that are read are made.
    #[arg(long, default_value = "target/bench/objects")]
    objects: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Does one case once for each object, to be measured from outside.
    Run {
        /// Tells the peak of resident memory, in KiB.
        #[arg(long)]
        peak: bool,
        case: Case,
        objects: Vec<PathBuf>,
    },
    /// Compares instruction counts with those on file.
    Gate {
        /// Puts what is counted on file.
        #[arg(long)]
        update: bool,
    },
    /// Measures reading these objects, all together, against unpacking them.
    Read {
        /// Prints the four times as a list.
        #[arg(long)]
        json: bool,
        objects: Vec<PathBuf>,
    },
    /// Measures writing items against a bare loop.
    Write,
    /// Measures how functions start.
    Start {
        /// A Python to run them from.
        #[arg(long, default_value = "python3")]
        python: PathBuf,
    },
    #[command(hide = true)]
    NullServer,
    /// Measures everything and writes docs/performance.md.
    Report {
        /// A Python that has the peers.
        #[arg(long, default_value = "python3")]
        python: PathBuf,
    },
}

fn main() -> ExitCode {
    let Arguments { objects, command } = Arguments::parse();
    match run(&objects, command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("redtrail-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is well.
fn run(folder: &Path, command: Command) -> io::Result<bool> {
    match command {
        Command::Run {
            peak,
            case,
            objects,
        } => {
            let selector = Selector::default();
            for object in objects {
                case.run(File::open(object)?, &selector)?;
            }
            if peak {
                let status = fs::read_to_string("/proc/self/status")?;
                let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let told = line.unwrap_or_default().trim().trim_end_matches(" kB");
                writeln!(io::stdout(), "{told}")?;
            }
            Ok(true)
        }
        Command::Gate { update } => {
            objects::forget(folder)?;
            let counts = Path::new("crates/redtrail-bench/counts.tsv");
            gate::gate(folder, counts, update)
        }
        Command::Read { json, objects } => {
            let times = report::read(&objects)?;
            let told = if json {
                serde_json::to_string(&times)?
            } else {
                report::in_a_line(times)
            };
            writeln!(io::stdout(), "{told}")?;
            Ok(true)
        }
        Command::Write => {
            writeln!(io::stdout(), "{}", report::writing(folder)?)?;
            Ok(true)
        }
        Command::Start { python } => {
            writeln!(io::stdout(), "{}", report::starting(&python)?)?;
            Ok(true)
        }
        Command::NullServer => {
            null_server::serve()?;
            Ok(true)
        }
        Command::Report { python } => {
            objects::forget(folder)?;
            report::write(folder, &python)?;
            Ok(true)
        }
    }
}
