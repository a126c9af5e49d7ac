//! `redtrail raw`: the original records that references name, from S3 or from files.

use std::{
    fs::File,
    io::{self, BufRead, IsTerminal},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use redtrail_aws::{s3::S3Source, shared_config};
use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind},
    log_reader::{Limits, Picked, PickedElement, Rejected},
    object::ObjectAddress,
    original::{self, OriginalError},
};
use redtrail_model::Origin;
use serde::Deserialize;

use crate::{
    failure::{FAILED, Failure, chain},
    output::{Answer, remark},
    record_text::{Layout, record_text},
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
enum RawForm {
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

/// The largest record that is shown; CloudTrail's own bound is 256 KB.
const MAX_RECORD_BYTES: usize = 8 << 20;
/// Records held at once, of one object.
const MOST_AT_ONCE: usize = 16;

impl Raw {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let places = places(&self.references)?;
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
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed("could not start", "Try once more.", error))?
            .block_on(self.answer(&places))
    }

    async fn answer(self, places: &[Origin]) -> Result<ExitCode, Failure> {
        let mut originals = Originals {
            region: self.region.filter(|text| !text.is_empty()),
            endpoint_url: self.endpoint_url.filter(|text| !text.is_empty()),
            source: None,
        };
        let mut printer = Printer {
            answer: Answer::new(),
            form: self.output,
            names_each: places.len() > 1 && self.output == RawForm::Pretty,
        };
        let mut printed = 0;
        let of_one_object = places.chunk_by(Origin::is_of_same_object);
        for places in of_one_object.flat_map(|places| places.chunks(MOST_AT_ONCE)) {
            match originals.pick(places).await {
                Ok(picked) => {
                    for place in places {
                        match printer.record(place, &picked) {
                            Ok(()) => printed += 1,
                            Err(Failure::Output(error)) => return Err(error.into()),
                            Err(failure) => printer.report(&failure)?,
                        }
                    }
                }
                Err(NotRead { failure, ends_all }) => {
                    printer.report(&failure)?;
                    if ends_all {
                        break;
                    }
                }
            }
        }
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

/// The places that the arguments, or the lines of standard input, refer to.
fn places(references: &[String]) -> Result<Vec<Origin>, Failure> {
    if references.iter().filter(|text| *text == "-").count() > 1 {
        return Err(Failure::usage(
            "`-` stands twice",
            "Standard input can be read once only.",
        ));
    }
    let mut places = Vec::new();
    for reference in references {
        if reference == "-" {
            from_standard_input(&mut places)?;
        } else {
            places.push(place(reference, "")?);
        }
    }
    Ok(places)
}

fn from_standard_input(places: &mut Vec<Origin>) -> Result<(), Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::usage(
            "`-` reads from standard input, which is a terminal",
            "Give the reference itself, or a file of references as in: redtrail raw - < FILE",
        ));
    }
    for (number, line) in (1..).zip(stdin.lock().lines()) {
        let line = line.map_err(|error| {
            Failure::usage(
                format!("could not read line {number} of standard input: {error}"),
                "Give references, one a line.",
            )
        })?;
        if !line.trim().is_empty() {
            places.push(place(&line, &format!(" in line {number}"))?);
        }
    }
    Ok(())
}

/// A line of an answer in JSON.
#[derive(Deserialize)]
struct AnswerLine {
    reference: String,
}

fn place(text: &str, whereabouts: &str) -> Result<Origin, Failure> {
    let text = text.trim();
    let of_answer = serde_json::from_str::<AnswerLine>(text).ok();
    let text = of_answer.map_or_else(|| text.to_owned(), |line| line.reference);
    text.parse().map_err(|error| {
        Failure::usage(
            format!("`{text}`{whereabouts} is no reference: {error}"),
            "`redtrail query KEY --output jsonl` has one in each line: the member `reference`.",
        )
    })
}

/// Where originals are read. S3 is asked for its settings when it is first needed.
struct Originals {
    region: Option<String>,
    endpoint_url: Option<String>,
    source: Option<S3Source>,
}

/// Why nothing could be read of an object.
struct NotRead {
    failure: Failure,
    /// Other objects would fare no better.
    ends_all: bool,
}

impl Originals {
    /// These places, which are of one object.
    async fn pick(&mut self, places: &[Origin]) -> Result<Picked, NotRead> {
        let limits = Limits {
            max_record_bytes: MAX_RECORD_BYTES,
            ..Limits::default()
        };
        let wanted: Vec<u64> = places.iter().map(|place| place.record_index).collect();
        match places.first() {
            None => Ok(Picked::default()),
            Some(place) if place.is_file() => {
                read_file(&place.key, limits, wanted).map_err(|failure| NotRead {
                    failure,
                    ends_all: false,
                })
            }
            Some(place) => {
                let address = ObjectAddress {
                    bucket: place.bucket.clone(),
                    key: place.key.clone(),
                    version_id: place.version.clone(),
                };
                original::fetch(self.source().await, &address, limits, wanted)
                    .await
                    .map_err(|error| not_fetched(&address, error))
            }
        }
    }

    async fn source(&mut self) -> &S3Source {
        let source = match self.source.take() {
            Some(source) => source,
            None => {
                S3Source::new(shared_config::s3(self.region.take(), self.endpoint_url.take()).await)
            }
        };
        self.source.insert(source)
    }
}

fn read_file(path: &str, limits: Limits, wanted: Vec<u64>) -> Result<Picked, Failure> {
    if path == "-" {
        return Err(Failure::usage(
            "what `inspect` read from standard input is not there any more",
            "Give `inspect` the object as a file, and `raw` the reference it then prints.",
        ));
    }
    let attempt = || format!("could not read {path}");
    let unreadable = |error| {
        Failure::failed(
            attempt(),
            "A reference holds the path that `inspect` was given: go to the folder where it ran.",
            chain(&error),
        )
    };
    File::open(path)
        .and_then(|file| original::read(file, limits, wanted))
        .map_err(unreadable)?
        .map_err(|why| rejected(attempt(), &why))
}

fn not_fetched(address: &ObjectAddress, error: OriginalError) -> NotRead {
    let edge = match error {
        OriginalError::Edge(edge) => edge,
        OriginalError::Rejected(why) => {
            return NotRead {
                failure: rejected(format!("could not read {address}"), &why),
                ends_all: false,
            };
        }
        cut_short @ OriginalError::CutShort { .. } => {
            return NotRead {
                failure: Failure::failed(cut_short.to_string(), "Try once more.", ""),
                ends_all: false,
            };
        }
    };
    let next = next_step(address, &edge);
    let cause = edge.source.as_ref().map(|cause| chain(cause.as_ref()));
    NotRead {
        ends_all: edge.kind.is_retryable(),
        failure: Failure::failed(edge.to_string(), next, cause.unwrap_or_default()),
    }
}

fn next_step(address: &ObjectAddress, error: &EdgeError) -> String {
    let bucket = &address.bucket;
    match error.kind {
        EdgeErrorKind::Missing => "It is gone: expired by a lifecycle rule, deleted, or in \
             another account's or endpoint's bucket."
            .to_owned(),
        EdgeErrorKind::Denied { permission } => {
            let permission = match (permission, &address.version_id) {
                ("s3:GetObject", Some(_)) => "s3:GetObjectVersion",
                _ => permission,
            };
            format!(
                "The identity that `aws sts get-caller-identity` shows needs {permission} here. \
                 Without s3:ListBucket on the bucket, S3 says the same of an object that is gone."
            )
        }
        EdgeErrorKind::Refused => "An archived object must be restored first: \
             `aws s3api restore-object`."
            .to_owned(),
        EdgeErrorKind::Changed
        | EdgeErrorKind::Retryable
        | EdgeErrorKind::Throttled { .. }
        | EdgeErrorKind::OutOfTime => format!(
            "Check network and credentials (`aws sts get-caller-identity` must work), and give \
             the bucket's region as --region: `aws s3api get-bucket-location --bucket {bucket}` \
             tells it."
        ),
    }
}

fn rejected(attempt: String, why: &Rejected) -> Failure {
    Failure::failed(
        attempt,
        "The object is damaged, and nothing of it is shown; `aws s3api list-object-versions` \
         may know an earlier version of it.",
        format!("{}: {why}", why.reason()),
    )
}

/// Writes records in the form asked for.
struct Printer {
    answer: Answer,
    form: RawForm,
    /// Each record's reference is told before it.
    names_each: bool,
}

impl Printer {
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

    fn report(&mut self, failure: &Failure) -> io::Result<()> {
        self.answer.flush()?;
        failure.report();
        Ok(())
    }
}
