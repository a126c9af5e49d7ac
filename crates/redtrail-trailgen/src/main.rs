//! The command that writes generated trails to files.

use std::{
    fs, io,
    io::{BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use redtrail_trailgen::{Trail, TrailOptions, catalogue, sample};

/// Makes CloudTrail log objects: realistic, of any size, the same for the same seed.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Examples:
  redtrail-trailgen sample events/trail
  redtrail-trailgen object --megabytes 50 --redshift 0.01 --seed 1 > file.json.gz
  redtrail-trailgen object --megabytes 4 --hard 0.2 --truth truth.tsv > hard.json.gz
  redtrail-trailgen trail --objects 100 --redshift 0.05 bucket/"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes the sample organization trail below a folder.
    Sample { directory: PathBuf },
    /// Writes the bad and odd objects of the catalogue into a folder, bombs among them.
    Catalogue { directory: PathBuf },
    /// Writes one log object to standard output.
    Object {
        /// Size of the document before compression, in millions of bytes.
        #[arg(long, default_value_t = 4.0, value_parser = positive)]
        megabytes: f64,
        /// Write the document without gzip.
        #[arg(long)]
        plain: bool,
        /// Write the family events to this file: id, source, name, principal, resources.
        #[arg(long, value_name = "FILE")]
        truth: Option<PathBuf>,
        #[command(flatten)]
        mix: Mix,
    },
    /// Writes many log objects of usual sizes below a folder, at their keys.
    Trail {
        directory: PathBuf,
        #[arg(long, default_value_t = 100)]
        objects: u32,
        #[command(flatten)]
        mix: Mix,
    },
}

#[derive(clap::Args)]
struct Mix {
    /// Share of records of the Redshift family, 0 to 1.
    #[arg(long, default_value_t = 0.0003, value_parser = share)]
    redshift: f64,
    /// Share of records that are legal but oddly written, 0 to 1.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    hard: f64,
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Mix {
    fn trail(&self) -> Trail {
        Trail::with_options(TrailOptions {
            seed: self.seed,
            redshift_share: self.redshift,
            hard_share: self.hard,
            ..TrailOptions::default()
        })
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads standard output may stop when it has enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("redtrail-trailgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> io::Result<()> {
    match command {
        Command::Sample { directory } => sample::write(&directory),
        Command::Catalogue { directory } => {
            fs::create_dir_all(&directory)?;
            let cases = catalogue::cases().into_iter().chain(catalogue::bombs());
            cases.into_iter().try_for_each(|case| {
                fs::write(
                    directory.join(format!("{}.json.gz", case.name)),
                    case.bytes(),
                )
            })
        }
        Command::Object {
            megabytes,
            plain,
            truth,
            mix,
        } => {
            let mut truth = truth.map(fs::File::create).transpose()?.map(BufWriter::new);
            let mut failure = None;
            let tell = |event: redtrail_trailgen::Truth| {
                if let Some(file) = &mut truth {
                    let line = [
                        event.event_id,
                        event.event_source,
                        event.event_name,
                        event.principal,
                        event.resources.join(" "),
                    ];
                    failure = writeln!(file, "{}", line.join("\t"))
                        .err()
                        .or(failure.take());
                }
            };
            let bytes = (megabytes * 1e6) as u64;
            let mut out = BufWriter::new(io::stdout().lock());
            let mut trail = mix.trail();
            if plain {
                trail.write_object(bytes, &mut out, tell)?;
            } else {
                trail.write_gzip_object(bytes, &mut out, tell)?;
            }
            out.flush()?;
            if let Some(mut file) = truth {
                file.flush()?;
            }
            failure.map_or(Ok(()), Err)
        }
        Command::Trail {
            directory,
            objects,
            mix,
        } => {
            let mut trail = mix.trail();
            for _ in 0..objects {
                let object = trail.typical_object();
                let path = directory.join(&object.key);
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)?;
                }
                fs::write(path, object.gzip())?;
            }
            Ok(())
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to 1".into()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number < 1e9 => Ok(number),
        _ => Err("expected a number above 0".into()),
    }
}
