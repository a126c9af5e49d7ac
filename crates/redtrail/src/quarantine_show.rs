//! `redtrail quarantine show`: what stands in S3 where a record is quarantined or an object
//! rejected, and what is wrong with it, by reading it.

use std::process::ExitCode;

use clap::Args;
use redtrail_core::{inspect::inspect, log_reader::Limits, select::Selector};
use redtrail_model::Origin;

use crate::{
    failure::{FAILED, Failure},
    originals::{NotRead, Originals},
    output::{Answer, remark},
    place::Place,
    raw::{Printer, RawForm},
    references::references,
};

/// Shows what stands there: the record, or what is wrong with the object
///
/// Each object is read whole. Of a record every character that deceives the eye is shown as an
/// escape, be it JSON or not.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Show {
    /// As `quarantine list` prints them; - reads them from standard input, one a line
    #[arg(required = true, value_name = "REFERENCE")]
    references: Vec<String>,

    /// The bucket's region
    #[arg(
        long,
        value_name = "REGION",
        env = "TRAIL_BUCKET_REGION",
        hide_env_values = true
    )]
    bucket_region: Option<String>,

    /// Another S3 than the region's own
    #[arg(
        long,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL_S3",
        hide_env_values = true
    )]
    endpoint_url: Option<String>,
}

const HELP: &str = "\
Examples:
  redtrail quarantine show 's3://BUCKET/AWSLogs/.../x.json.gz?versionId=VERSION#12'
  redtrail quarantine show 's3://BUCKET/AWSLogs/.../x.json.gz'
  redtrail quarantine list --since 30d --output jsonl | redtrail quarantine show -

OBJECT#INDEX is a record: it is shown with the reason for which it cannot be read. OBJECT is
an object: it is read, and what is wrong with it is said. `redtrail raw REFERENCE --output raw`
gives a record's very bytes.

A record may hold secrets that AWS would have masked: redtrail keeps no content of it, and
what is shown here comes from the bucket.

Region and credentials come from the environment and the AWS configuration files. It takes
s3:GetObject on the bucket's objects, with versions s3:GetObjectVersion, and kms:Decrypt where
a key of yours encrypts them.

Exit status: 0 all shown, 1 something could not be had, 2 wrong usage.";

impl Show {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let places = references(&self.references, |text| text.parse::<Place>())?;
        let mut originals = Originals::new(self.bucket_region, self.endpoint_url);
        let mut printer = Printer {
            answer: Answer::new(),
            form: RawForm::Pretty,
            names_each: places.len() > 1,
            before: |record| Some(standing(record)),
        };
        let is_record = |place: &Place| matches!(place, Place::Record(_));
        let mut shown = 0;
        for places in places.chunk_by(|one, next| is_record(one) == is_record(next)) {
            let origins: Vec<Origin> = places.iter().map(|place| place.origin().clone()).collect();
            if places.first().is_some_and(is_record) {
                shown += printer.records(&origins, &mut originals).await?;
                continue;
            }
            for origin in &origins {
                shown += usize::from(show_object(&mut printer, origin, &mut originals).await?);
            }
        }
        printer.answer.flush()?;
        if shown == places.len() {
            return Ok(ExitCode::SUCCESS);
        }
        if places.len() > 1 {
            remark(&format!("{shown} of {} shown", places.len()));
        }
        Ok(ExitCode::from(FAILED))
    }
}

/// Says what is wrong with an object; false if it could not be had.
async fn show_object(
    printer: &mut Printer,
    object: &Origin,
    originals: &mut Originals,
) -> Result<bool, Failure> {
    let name = object.object_reference();
    match originals.pick(object, Vec::new()).await {
        Ok(picked) => {
            let answer = &mut printer.answer;
            answer.line(&format!(
                "{name}: whole, with {} records; `redtrail quarantine replay` has it read again",
                picked.read
            ))?;
        }
        Err(NotRead::Rejected { why, .. }) => {
            let answer = &mut printer.answer;
            answer.line(&format!("{name}: rejected, {}: {why}", why.reason()))?;
        }
        Err(not_read) => {
            printer.report(&not_read.failure())?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// How the function would judge a record: it is read as the only one of an object.
fn standing(record: &[u8]) -> String {
    let object = [b"{\"Records\":[", record, b"]}"].concat();
    let origin = Origin {
        bucket: "".into(),
        key: "".into(),
        version: None,
        record_index: 0,
    };
    let selector = Selector::default();
    let read = inspect(
        || Ok(&object[..]),
        origin,
        &selector,
        Limits::default(),
        |_| Ok(()),
    );
    match read {
        Ok(Ok(summary)) => match summary.quarantined.first() {
            Some(element) => format!("cannot be read: {}", element.reason),
            None if summary.tally.selected > 0 => {
                "can be read by this version of redtrail, and is of the family:".to_owned()
            }
            None => "can be read by this version of redtrail, and is not of the family:".to_owned(),
        },
        Ok(Err(why)) => format!("cannot be read: {why}"),
        Err(error) => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_each_record_s_standing() {
        let family = br#"{"eventSource":"redshift.amazonaws.com","eventName":"DescribeClusters","eventTime":"2026-03-02T09:00:00Z","eventID":"e","userIdentity":{"type":"Root","accountId":"111122223333"}}"#;
        for (record, expected) in [
            (&b"7"[..], "cannot be read: not_an_object"),
            (b"{}", "cannot be read: no_event_source"),
            (
                br#"{"eventSource":"redshift.amazonaws.com","a":tru}"#,
                "cannot be read: malformed",
            ),
            (
                br#"{"eventSource":"s3.amazonaws.com"}"#,
                "is not of the family",
            ),
            (family, "is of the family"),
        ] {
            let standing = standing(record);
            assert!(standing.contains(expected), "{standing}");
        }
    }
}
