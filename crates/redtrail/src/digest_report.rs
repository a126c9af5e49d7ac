//! How what digests prove is told: findings as they come, a summary of each place, and the
//! verdict.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use redtrail_digest::{
    TimeRange,
    edge::{DigestDone, Watch},
    finding::{Finding, FindingCounts, FindingKind, Verdict},
    place::Place,
};
use serde::Serialize;

use crate::{
    failure::{Failure, chain},
    output::Answer,
    plain_text::json_line,
};

/// How the findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportForm {
    /// For reading.
    #[default]
    Text,
    /// For programs: one JSON document.
    Json,
}

/// Findings of one kind in one place that are written out for reading.
const MOST_WRITTEN: u64 = 20;

/// Exit status when something was found to be wrong.
const INVALID: u8 = 1;
/// Exit status when not everything is proven.
const UNPROVEN: u8 = 3;

/// What could not be carried out, or not be written, is neither valid nor invalid.
pub(crate) fn or_unproven(done: Result<ExitCode, Failure>) -> Result<ExitCode, Failure> {
    match done {
        Err(failure @ (Failure::Failed { .. } | Failure::Output(_))) => {
            failure.report();
            Ok(ExitCode::from(UNPROVEN))
        }
        done => done,
    }
}

/// A place as a summary has it.
#[derive(Serialize)]
#[serde(remote = "Place")]
pub(crate) struct PlaceMembers {
    #[serde(skip)]
    prefix: String,
    organization: Option<String>,
    account: String,
    region: String,
}

/// The summary of a place.
pub(crate) trait PlaceTold: Serialize {
    /// For reading.
    fn lines(&self) -> Vec<String>;
}

/// What the verdicts mean, for reading.
pub(crate) struct Sentences {
    pub(crate) valid: &'static str,
    pub(crate) invalid: &'static str,
    pub(crate) unproven: &'static str,
}

/// Writes the report.
pub(crate) struct Reporter<P> {
    answer: Answer,
    form: ReportForm,
    sentences: Sentences,
    range: TimeRange,
    counts: FindingCounts,
    /// Of the place at hand: how many of each kind were written, or held back.
    written: BTreeMap<FindingKind, u64>,
    has_finding: bool,
    places: Vec<P>,
    progress: ProgressBar,
    /// Writing failed.
    failed: Option<io::Error>,
}

impl<P: PlaceTold> Reporter<P> {
    pub(crate) fn new(
        form: ReportForm,
        sentences: Sentences,
        range: TimeRange,
    ) -> Result<Self, Failure> {
        let mut answer = Answer::new();
        if form == ReportForm::Json {
            answer.prepared("{\"findings\":[")?;
        }
        Ok(Self {
            answer,
            form,
            sentences,
            range,
            counts: FindingCounts::default(),
            written: BTreeMap::new(),
            has_finding: false,
            places: Vec::new(),
            progress: bar(),
            failed: None,
        })
    }

    pub(crate) fn places_to_come(&self, count: usize) {
        self.progress.set_message(format!("{count} places"));
    }

    /// Whether all that was told could be written.
    pub(crate) fn written(&mut self) -> Result<(), Failure> {
        self.failed.take().map_or(Ok(()), |error| Err(error.into()))
    }

    /// A place is done.
    pub(crate) fn place(&mut self, told: P) -> Result<(), Failure> {
        let held_back = self
            .written
            .values()
            .map(|count| count.saturating_sub(MOST_WRITTEN));
        let held_back: u64 = held_back.sum();
        self.written.clear();
        match self.form {
            ReportForm::Json => self.places.push(told),
            ReportForm::Text => {
                let mut lines = told.lines();
                if held_back > 0 {
                    let more = format!("{held_back} further findings; --output json has all");
                    lines.insert(0, more);
                }
                let answer = &mut self.answer;
                self.progress.suspend(|| {
                    lines.iter().try_for_each(|line| answer.line(line))?;
                    answer.flush()
                })?;
            }
        }
        Ok(())
    }

    /// The end, which may have come early, and the exit status.
    pub(crate) fn exit(&mut self, stopped: Option<Failure>) -> Result<ExitCode, Failure> {
        let verdict = self.finish(stopped.as_ref())?;
        if let Some(failure) = stopped {
            failure.report();
        }
        Ok(match verdict {
            Verdict::Valid => ExitCode::SUCCESS,
            Verdict::Invalid => ExitCode::from(INVALID),
            Verdict::Unproven => ExitCode::from(UNPROVEN),
        })
    }

    fn finish(&mut self, stopped: Option<&Failure>) -> Result<Verdict, Failure> {
        self.progress.finish_and_clear();
        self.written()?;
        let verdict = match stopped {
            Some(_) => self.counts.verdict().max(Verdict::Unproven),
            None => self.counts.verdict(),
        };
        match self.form {
            ReportForm::Json => {
                let end = EndJson {
                    places: &self.places,
                    counts: &self.counts,
                    since: self.range.since.to_string(),
                    until: self.range.until.to_string(),
                    stopped_by: stopped.map(|failure| chain(failure)),
                    verdict,
                };
                let end = json_line(&end)?;
                let members = end.strip_prefix('{').unwrap_or_default();
                self.answer.prepared(&format!("\n],{members}\n"))?;
            }
            ReportForm::Text => self.say_verdict(verdict, stopped.is_some())?,
        }
        self.answer.flush()?;
        Ok(verdict)
    }

    fn say_verdict(&mut self, verdict: Verdict, is_stopped: bool) -> io::Result<()> {
        let TimeRange { since, until, .. } = self.range;
        for (kind, count) in &self.counts.0 {
            let line = format!("{:>8} {:<20} {}", count, kind.name(), meaning(*kind));
            self.answer.line(&line)?;
        }
        let says = match verdict {
            Verdict::Valid => self.sentences.valid,
            Verdict::Invalid => self.sentences.invalid,
            Verdict::Unproven if is_stopped => "unproven: not all of it could be read",
            Verdict::Unproven => self.sentences.unproven,
        };
        self.answer.line(&format!("{since} to {until}: {says}"))
    }

    fn write(&mut self, finding: &Finding) -> io::Result<()> {
        let written = self.written.entry(finding.kind).or_default();
        *written += 1;
        let is_held_back = self.form == ReportForm::Text && *written > MOST_WRITTEN;
        if is_held_back {
            return Ok(());
        }
        let answer = &mut self.answer;
        let separator = if self.has_finding { ",\n" } else { "\n" };
        self.has_finding = true;
        match self.form {
            ReportForm::Text => self.progress.suspend(|| {
                answer.line(&finding_line(finding))?;
                answer.flush()
            }),
            ReportForm::Json => {
                answer.prepared(separator)?;
                answer.prepared(&json_line(&FindingJson::of(finding))?)
            }
        }
    }
}

impl<P: PlaceTold> Watch for Reporter<P> {
    fn finding(&mut self, finding: Finding) {
        self.counts += &finding;
        if self.failed.is_none() {
            self.failed = self.write(&finding).err();
        }
    }

    fn digests_to_come(&mut self, count: u64) {
        self.progress.inc_length(count);
    }

    fn digest_done(&mut self, _: DigestDone) {
        self.progress.inc(1);
    }
}

fn finding_line(finding: &Finding) -> String {
    let mut line = format!("{} {} {}", finding.kind, finding.count, finding.place);
    if let Some((from, to)) = finding.time {
        line.push_str(&format!(" {from} to {to}"));
    }
    if let Some(key) = &finding.key {
        line.push_str(&format!(" {key}"));
    }
    if let Some(detail) = &finding.detail {
        line.push_str(&format!(" ({detail})"));
    }
    line
}

/// What a kind of finding means, in a few words.
fn meaning(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::DigestMissing => "hours (of backfill: digests) whose digest is gone",
        FindingKind::DigestAltered => "digests with another content than was signed",
        FindingKind::DigestDamaged => "digests that are not exactly one whole gzip member",
        FindingKind::DigestMalformed => "digests that are no digests inside",
        FindingKind::DigestMoved => "digests that belong elsewhere",
        FindingKind::SignatureMissing => "digests without a signature",
        FindingKind::SignatureMalformed => "signatures that are not hexadecimal",
        FindingKind::SignatureInvalid => "signatures that do not fit",
        FindingKind::AlgorithmUnknown => "algorithms that CloudTrail does not use",
        FindingKind::KeyUnknown => "digests signed by a key that is not CloudTrail's",
        FindingKind::LinkBroken => "digests that link to something else",
        FindingKind::BackfillTimeMissing => "backfill digests that do not say when they were made",
        FindingKind::LogMissing => "logs that are gone",
        FindingKind::LogAltered => "logs with another content",
        FindingKind::LogDamaged => "logs that are not exactly one whole gzip member",
        FindingKind::LogUnlisted => "objects among the logs that CloudTrail did not deliver",
        FindingKind::Restart => "times that validation or logging was started again",
        FindingKind::Gap => "hours without validation",
        FindingKind::UnprovenStart => "hours before the first digest",
        FindingKind::UnprovenTail => "hours after the last digest",
        FindingKind::NoDigest => "hours, and no digest at all",
        FindingKind::LooksLikeReplica => "digests signed for another bucket: see --original-bucket",
        FindingKind::SignatureNotKept => "digests whose signature was lost in copying",
        FindingKind::KeyNotSaved => "digests whose key was not saved",
        FindingKind::KeyUnusable => "digests whose key is of an unknown kind",
        FindingKind::DigestUnreadable => "digests that may not be read",
        FindingKind::LogUnreadable => "logs that may not be read",
        FindingKind::LogEntryMalformed => "entries of digests in an unknown form",
        FindingKind::LogElsewhere => "logs listed in another bucket",
        FindingKind::LogUnproven => "logs of hours that are not proven",
        FindingKind::LogNotIngested => "logs that were not ingested",
        FindingKind::LogWaiting => "logs that are not finished yet",
        FindingKind::LogRejected => "logs that were rejected",
        FindingKind::TooManyDigests => "places with more digests than can be",
    }
}

#[derive(Serialize)]
struct FindingJson<'a> {
    name: &'static str,
    verdict: Verdict,
    count: u64,
    #[serde(flatten)]
    place: PlaceName<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backfill: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl<'a> FindingJson<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            name: finding.kind.name(),
            verdict: finding.kind.verdict(),
            count: finding.count,
            place: PlaceName::of(&finding.place),
            trail: finding.chain.as_ref().map(|chain| chain.trail.as_str()),
            backfill: finding.chain.as_ref().map(|chain| chain.is_backfill),
            key: finding.key.as_deref(),
            from: finding.time.map(|(from, _)| from.to_string()),
            to: finding.time.map(|(_, to)| to.to_string()),
            detail: finding.detail.as_deref(),
        }
    }
}

/// Whose place it is.
#[derive(Serialize)]
struct PlaceName<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
    account: &'a str,
    region: &'a str,
}

impl<'a> PlaceName<'a> {
    fn of(place: &'a Place) -> Self {
        Self {
            organization: place.organization.as_deref(),
            account: &place.account,
            region: &place.region,
        }
    }
}

#[derive(Serialize)]
struct EndJson<'a, P> {
    places: &'a [P],
    counts: &'a FindingCounts,
    since: String,
    until: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_by: Option<String>,
    verdict: Verdict,
}

/// A bar while standard error is a terminal.
fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template("{pos}/{len} digests of {msg} {wide_bar} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
