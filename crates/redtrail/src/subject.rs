//! What a question is about, or why the text names no one thing: said with what is known.

use redtrail_aws::{
    coverage::coverage,
    query::Window,
    reader::Reader,
    subject::{Subject, SubjectError},
};
use redtrail_core::{
    coverage::{Coverage, Reach},
    directory::Known,
};

use crate::{
    coverage_line,
    failure::Failure,
    output::{RowForm, remark},
    short_name::shortened,
    tables::unanswered,
};

/// Names listed where a text may mean several.
const MOST_LISTED: usize = 20;
const LONGEST_LISTED: usize = 160;

/// The one thing that was found.
pub(crate) async fn the_one(
    found: Result<Subject, SubjectError>,
    reader: &Reader,
    form: RowForm,
) -> Result<Subject, Failure> {
    let error = match found {
        Ok(subject) => return Ok(subject),
        Err(SubjectError::Query(error)) => return Err(unanswered(error)),
        Err(error) => error,
    };
    let problem = error.to_string();
    Err(match error {
        SubjectError::Unknown { .. } => {
            // That nothing is known says no more than what was delivered.
            let all = coverage(reader, &[Reach::default()], Window::default()).await;
            coverage_line::tell(&all.map_err(unanswered)?, reader, form);
            Failure::failed(
                "could not tell what is asked for",
                "`redtrail find PART` lists what is known, `redtrail ledger` what was delivered.",
                problem,
            )
        }
        SubjectError::Ambiguous { text, found } => {
            remark(&format!("`{text}` may mean:"));
            for found in found.iter().take(MOST_LISTED) {
                let kind = found.kind.name().replace('_', " ");
                let shown = shortened(&found.text, LONGEST_LISTED);
                remark(&format!("  {kind:<15} {shown}"));
            }
            if found.len() > MOST_LISTED {
                remark(&format!("  and {} more", found.len() - MOST_LISTED));
            }
            Failure::usage(problem, next_of(&found[..found.len().min(MOST_LISTED)]))
        }
        SubjectError::Statements { found, .. } => {
            for key in found.iter().take(MOST_LISTED) {
                remark(&format!("  {}", key.as_str()));
            }
            Failure::usage(problem, "Give one of these keys.")
        }
        SubjectError::Invalid { .. } | SubjectError::Query(_) => {
            Failure::usage(problem, "Give another name, or the whole key.")
        }
    })
}

fn next_of(found: &[redtrail_aws::find::Match]) -> &'static str {
    let is_facet = |kind| !matches!(kind, Known::Principal | Known::Resource);
    if found.iter().any(|found| is_facet(found.kind)) {
        "Give one of these whole, or `redtrail touched` with --person, --session and the like."
    } else {
        "Give one of these, or more of it."
    }
}

/// How far an answer about that window reaches.
pub(crate) async fn reach(
    subject: &Subject,
    reader: &Reader,
    window: Window,
) -> Result<Coverage, Failure> {
    let coverage = coverage(reader, &subject.reaches, window).await;
    coverage.map_err(unanswered)
}
