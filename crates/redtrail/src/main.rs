//! The `redtrail` command: what the function would do and what it has found, for people
//! and scripts. Each subcommand has its module; how a line is written is `output`'s.

mod active;
mod backfill;
mod backfill_estimate;
mod backfill_here;
#[cfg(test)]
mod backfill_interrupted;
mod backfill_queue;
mod backfill_report;
mod backfill_retention;
mod backfill_run;
mod check;
mod coverage_line;
mod csv_text;
mod deliveries;
mod digest_keys;
mod digest_report;
mod event_filter;
mod event_json;
mod event_table;
mod event_writer;
mod events;
mod failure;
mod find;
mod grid;
mod ingest_queue;
mod inspect;
mod inspect_coverage;
mod inspect_s3;
mod ledger;
mod ledger_rows;
mod listed;
mod local;
mod objects;
mod originals;
mod output;
mod pace;
mod place;
mod public_keys;
mod published;
mod quarantine;
mod quarantine_list;
mod quarantine_replay;
mod quarantine_show;
mod query;
mod raw;
mod reconcile;
mod reconcile_report;
mod record_text;
mod references;
mod scope;
mod selector_args;
mod short_name;
mod stack;
mod stored_size;
mod subject;
mod tables;
mod time_range;
mod touched;
mod touched_page;
mod trail_folder;
mod trail_s3;
mod verify;
mod verify_report;
mod who;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
pub(crate) use redtrail_core::plain_text;

/// Who did what in Amazon Redshift, from CloudTrail's logs.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
struct Redtrail {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Inspect(Box<inspect::Inspect>),
    Events(events::Events),
    Find(find::Find),
    Touched(touched::Touched),
    Who(who::Who),
    Active(active::Active),
    Query(query::Query),
    Raw(raw::Raw),
    Verify(verify::Verify),
    Reconcile(reconcile::Reconcile),
    PublicKeys(public_keys::PublicKeysCommand),
    Ledger(ledger::Ledger),
    Quarantine(quarantine::Quarantine),
    Backfill(Box<backfill::Backfill>),
    Local(local::Local),
    Check(check::Check),
}

const EXAMPLES: &str = "\
Examples:
  redtrail inspect AWSLogs/                   what a folder of log objects holds
  redtrail inspect s3://BUCKET --since 6h     what a trail in S3 holds
  redtrail events payload.json                what the function would fetch
  redtrail find ana@example.com               who and what is known by that
  redtrail touched ana@example.com --since 6h what she touched, resource by resource
  redtrail who sales-prod                     who touched a cluster
  redtrail active --day yesterday             who and what had activity
  redtrail query principal arn:aws:iam::123456789012:role/Analyst --since 6h
  redtrail raw REFERENCE                      the original record, from S3
  redtrail verify --bucket BUCKET --since 2d  what the trail's digests prove
  redtrail reconcile s3://BUCKET --stack redtrail --since 2d   was all of it ingested?
  redtrail ledger                             what became of each day's log objects
  redtrail quarantine list                    what could not be read, and why
  redtrail backfill s3://BUCKET --stack redtrail --since 90d    ingest what came before
  redtrail local                              an S3 and a DynamoDB to try it on
  redtrail check --stack redtrail             can the deployed function do its work?

redtrail COMMAND --help says more of each.";

fn main() -> ExitCode {
    let result = match Redtrail::parse().command {
        Command::Inspect(command) => command.run(),
        Command::Events(command) => command.run(),
        Command::Find(command) => command.run(),
        Command::Touched(command) => command.run(),
        Command::Who(command) => command.run(),
        Command::Active(command) => command.run(),
        Command::Query(command) => command.run(),
        Command::Raw(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Reconcile(command) => command.run(),
        Command::PublicKeys(command) => command.run(),
        Command::Ledger(command) => command.run(),
        Command::Quarantine(command) => command.run(),
        Command::Backfill(command) => command.run(),
        Command::Local(command) => command.run(),
        Command::Check(command) => command.run(),
    };
    result.unwrap_or_else(|failure| failure.report())
}
