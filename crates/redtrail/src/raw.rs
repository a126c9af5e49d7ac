//! `redtrail raw`: the original records that references name, from S3 or from files.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use redtrail_core::log_reader::{Picked, PickedElement};
use redtrail_model::Origin;

use crate::{
    failure::{FAILED, Failure, runtime},
    originals::{MAX_RECORD_BYTES, Originals},
    output::{Answer, remark},
    record_text::{Layout, record_text},
    references::references,
};

/// Fetches the original records that answers refer to
///
/// Each object is read whole and proven undamaged, as the function reads it, before a
/// record of it is printed. Control characters and others that deceive the eye are shown
/// as escapes.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Raw {
    /// As `query` and `inspect` print them; - reads them from standard input, one a line
    #[arg(required = true, value_name = "REFERENCE")]
    references: Vec<String>,

    /// The form of the records
    #[arg(long, value_enum, default_value_t)]
    output: RawForm,

    /// The bucket's region
    #[arg(long, env = "TRAIL_BUCKET_REGION", hide_env_values = true)]
    region: Option<String>,

    /// Another S3 than the region's own
    #[arg(
        long,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL_S3",
        hide_env_values = true
    )]
    endpoint_url: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RawForm {
    /// For reading: JSON over many lines.
    #[default]
    Pretty,
    /// For programs: JSON in one line a record.
    Json,
    /// One record's very bytes, for a file or another program.
    Raw,
}

const HELP: &str = "\
Examples:
  redtrail raw 's3://BUCKET/AWSLogs/.../x.json.gz?versionId=VERSION#12'
  redtrail raw 'AWSLogs/.../x.json.gz#12'            from a file, as `inspect` names it
  redtrail raw REFERENCE --output raw | sha256sum
  redtrail query principal KEY --since 1h --output jsonl | redtrail raw - --output json

A reference is OBJECT#INDEX. In a table, OBJECT is the line above the rows and #INDEX stands
under the row's time; with --output jsonl it is the member `reference`. Standard input may
hold references or such lines of JSON. Quote a reference: to a shell, `?` and `#` are signs.
In a key, `?` and `%` are written %3F and %25.

Without a version, a reference names whatever the bucket has under that key today.

Region and credentials come from the environment and the AWS configuration files, as for
the AWS CLI (AWS_PROFILE, AWS_REGION, …). It takes s3:GetObject on the bucket's objects, with
versions s3:GetObjectVersion, and kms:Decrypt where a key of yours encrypts them.

Exit status: 0 all printed, 1 some record could not be had, 2 wrong usage.";

/// Records held at once, of one object.
const MOST_AT_ONCE: usize = 16;

impl Raw {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let places = references(&self.references, |text| text.parse::<Origin>())?;
        if self.output == RawForm::Raw {
            if places.len() != 1 {
                return Err(Failure::usage(
                    "--output raw takes one reference: bytes of several would run together",
                    "Give one, or take --output json: a line for each.",
                ));
            }
            if io::stdout().is_terminal() {
                return Err(Failure::usage(
                    "a terminal obeys what a record may hold: --output raw does not write to one",
                    "Send it to a file or a program, or leave --output raw out.",
                ));
            }
        }
        runtime()?.block_on(self.answer(&places))
    }

    async fn answer(self, places: &[Origin]) -> Result<ExitCode, Failure> {
        let mut originals = Originals::new(self.region, self.endpoint_url);
        let mut printer = Printer {
            answer: Answer::new(),
            form: self.output,
            names_each: places.len() > 1 && self.output == RawForm::Pretty,
            before: |_| None,
        };
        let printed = printer.records(places, &mut originals).await?;
        printer.answer.flush()?;
        let wanted = places.len();
        if printed == wanted {
            return Ok(ExitCode::SUCCESS);
        }
        if wanted > 1 {
            remark(&format!("{printed} of {wanted} records printed"));
        }
        Ok(ExitCode::from(FAILED))
    }
}

/// Writes records in the form asked for.
pub(crate) struct Printer {
    pub(crate) answer: Answer,
    pub(crate) form: RawForm,
    /// Each record's reference is told before it.
    pub(crate) names_each: bool,
    /// What is remarked of a record before it.
    pub(crate) before: fn(&[u8]) -> Option<String>,
}

impl Printer {
    /// Fetches and writes the records at these places, and reports each that it cannot; how
    /// many were written.
    pub(crate) async fn records(
        &mut self,
        places: &[Origin],
        originals: &mut Originals,
    ) -> Result<usize, Failure> {
        let mut printed = 0;
        let of_one_object = places.chunk_by(Origin::is_of_same_object);
        for places in of_one_object.flat_map(|places| places.chunks(MOST_AT_ONCE)) {
            let Some(object) = places.first() else {
                continue;
            };
            let wanted = places.iter().map(|place| place.record_index).collect();
            match originals.pick(object, wanted).await {
                Ok(picked) => {
                    for place in places {
                        match self.record(place, &picked) {
                            Ok(()) => printed += 1,
                            Err(Failure::Output(error)) => return Err(error.into()),
                            Err(failure) => self.report(&failure)?,
                        }
                    }
                }
                Err(not_read) => {
                    let ends_all = not_read.ends_all();
                    self.report(&not_read.failure())?;
                    if ends_all {
                        break;
                    }
                }
            }
        }
        Ok(printed)
    }

    fn record(&mut self, place: &Origin, picked: &Picked) -> Result<(), Failure> {
        let bytes = match picked.elements.get(&place.record_index) {
            Some(PickedElement::Whole(record)) => &record.bytes,
            Some(PickedElement::TooLarge { length }) => {
                return Err(Failure::failed(
                    format!("could not show {place}"),
                    "Fetch the whole object: `aws s3 cp`.",
                    format!("the record has {length} bytes, more than {MAX_RECORD_BYTES}"),
                ));
            }
            None => {
                return Err(Failure::failed(
                    format!("could not find {place}"),
                    "It is not the object that the reference was made of: in a bucket without \
                     versions another may have taken its place.",
                    format!("the object has {} records, counted from 0", picked.read),
                ));
            }
        };
        let layout = match self.form {
            RawForm::Raw => return Ok(self.answer.bytes(bytes)?),
            RawForm::Pretty => Layout::Pretty,
            RawForm::Json => Layout::OneLine,
        };
        let shown = record_text(bytes, layout);
        if !shown.is_json && self.form == RawForm::Json {
            return Err(Failure::failed(
                format!("could not write {place} as JSON"),
                "--output pretty shows it as it stands, --output raw writes its bytes.",
                "the record is no well-formed JSON",
            ));
        }
        if self.names_each {
            self.remark(&format!("{place}:"))?;
        }
        if let Some(remark) = (self.before)(bytes) {
            self.remark(&remark)?;
        }
        if !shown.is_json {
            self.remark("the record is no well-formed JSON; it is shown as it stands:")?;
        }
        if !shown.is_utf8 {
            self.remark("where it holds bytes that are no UTF-8, U+FFFD is shown:")?;
        }
        Ok(self.answer.prepared(&format!("{}\n", shown.text))?)
    }

    /// A remark that stands between records as they were written.
    fn remark(&mut self, text: &str) -> io::Result<()> {
        self.answer.flush()?;
        remark(text);
        Ok(())
    }

    pub(crate) fn report(&mut self, failure: &Failure) -> io::Result<()> {
        self.answer.flush()?;
        failure.report();
        Ok(())
    }
}
