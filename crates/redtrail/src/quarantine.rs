//! `redtrail quarantine`: the rejected objects and quarantined records of the ledger, what
//! stands there in S3, and reading them again.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::{failure::Failure, quarantine_list, quarantine_replay, quarantine_show};

/// Lists, shows and replays what could not be read
///
/// The ledger keeps of it the place, the size and the reason, never the content.
#[derive(Args)]
pub(crate) struct Quarantine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(quarantine_list::List),
    Show(quarantine_show::Show),
    Replay(quarantine_replay::Replay),
}

impl Quarantine {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed("could not start", "Try once more.", error))?;
        runtime.block_on(async {
            match self.command {
                Command::List(command) => command.run().await,
                Command::Show(command) => command.run().await,
                Command::Replay(command) => command.run().await,
            }
        })
    }
}
