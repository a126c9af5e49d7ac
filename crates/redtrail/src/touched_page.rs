//! What somebody touched as one page for a browser: credentials, a timeline, the resources. It
//! holds all it needs, runs nothing and loads nothing, and whatever the data say is text in it.

use std::{collections::HashMap, fs, path::Path};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use redtrail_aws::query::Window;
use redtrail_core::uses::{HandOut, Outcome, TouchedResource};
use redtrail_model::{AuditEvent, EventTime, ResourceKey};

use crate::{
    failure::Failure,
    plain_text::plain,
    short_name::{resource, second},
    touched::{BLIND, expiry},
};

/// Resources with a lane of their own in the timeline.
const MOST_LANES: usize = 40;
/// Credentials shown.
const MOST_HAND_OUTS: usize = 200;
/// Marks in a lane at most: events closer to each other are one mark.
const STEPS: i64 = 240;
const LANE_HEIGHT: usize = 22;
const STEP_WIDTH: i64 = 4;
/// Longest text shown whole.
const LONGEST: usize = 300;

/// Nothing but the page's own style is let in.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE: &str = "
:root { color-scheme: light dark; --denied: #c62828; --failed: #b26a00; --write: #1565c0;
  --read: #8a8f98; --line: #8884; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
th { overflow-wrap: normal; white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.t { white-space: nowrap; font-variant-numeric: tabular-nums; }
small, .key { color: #777; } .denied { color: var(--denied); font-weight: 600; }
.scroll { overflow-x: auto; } svg { display: block; font: 12px system-ui, sans-serif; }
svg text { fill: currentColor; } svg line { stroke: var(--line); }
.m-read { fill: var(--read); } .m-write { fill: var(--write); }
.m-denied { fill: var(--denied); } .m-failed { fill: var(--failed); }
.legend span { margin-right: 1rem; white-space: nowrap; }
.legend i { display: inline-block; width: .7em; height: .7em; margin-right: .35em; border-radius: 2px; }
@media (max-width: 40rem) {
  thead { display: none; }
  tr { display: block; border-bottom: 1px solid var(--line); padding: .4rem 0; }
  td, td.n, td.t { display: flex; gap: 1rem; justify-content: space-between; border: 0;
    padding: .1rem 0; text-align: right; white-space: normal; }
  td::before { content: attr(data-name); color: #777; text-align: left; flex: none; }
}";

/// All that the page shows.
pub(crate) struct Page<'p> {
    pub(crate) who: &'p str,
    pub(crate) window: Window,
    pub(crate) hand_outs: &'p [HandOut],
    pub(crate) resources: &'p [TouchedResource],
    pub(crate) timeline: &'p Timeline,
    pub(crate) coverage: &'p str,
}

/// What was done to each resource, and when.
#[derive(Debug, Default)]
pub(crate) struct Timeline(HashMap<ResourceKey, Vec<(EventTime, Outcome)>>);

impl Timeline {
    pub(crate) fn add(&mut self, event: &AuditEvent) {
        let mark = Outcome::of(event);
        for key in event.resource_arns() {
            let lane = self.0.entry(key.clone()).or_default();
            lane.push((event.event_time, mark));
        }
    }

    /// Its first and last event.
    fn ends(&self) -> Option<(EventTime, EventTime)> {
        let times = || self.0.values().flatten().map(|(time, _)| *time);
        times().min().zip(times().max())
    }
}

/// Writes it to `file`, in place of what is there.
pub(crate) fn write_page(file: &Path, page: &Page<'_>) -> Result<(), Failure> {
    fs::write(file, render(page).into_string()).map_err(|error| {
        Failure::failed(
            format!("could not write {}", file.display()),
            "Give --html a file in a folder that can be written to.",
            error,
        )
    })
}

fn render(page: &Page<'_>) -> Markup {
    let title = format!("Touched by {}", shown(page.who));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p { (span(page.window)) " (UTC)." }
                p { (plain(page.coverage)) "." }
                @if !page.hand_outs.is_empty() { (credentials(page.hand_outs)) }
                @if page.resources.is_empty() {
                    p { "No resource was touched in this time." }
                } @else {
                    (timeline(page))
                    (resources(page.resources))
                }
            }
        }
    }
}

fn span(window: Window) -> String {
    let shown = |time: Option<EventTime>, other: &str| time.map_or(other.to_owned(), second);
    format!(
        "{} to {}",
        shown(window.since, "the first event"),
        shown(window.until, "now")
    )
}

fn credentials(hand_outs: &[HandOut]) -> Markup {
    html! {
        h2 { "Database credentials handed out" }
        p { small { (BLIND) } }
        @if hand_outs.len() > MOST_HAND_OUTS {
            p { small { "The last " (MOST_HAND_OUTS) " of " (hand_outs.len()) "." } }
        }
        table {
            thead { tr {
                th { "At (UTC)" } th { "Database user" } th { "Expire" } th { "Open" } th { "From" }
            } }
            @for hand_out in hand_outs.iter().take(MOST_HAND_OUTS) {
                tr {
                    td.t data-name="At" { (second(hand_out.event_time)) }
                    td data-name="Database user" { (or_dash(hand_out.database_user.as_deref())) }
                    td data-name="Expire" { (or_dash(hand_out.expires.as_deref().map(expiry).as_deref())) }
                    td data-name="Open" {
                        @for key in &hand_out.opens { div { (shown(&resource(key))) } }
                    }
                    td data-name="From" { (or_dash(hand_out.source_ip_address.as_deref())) }
                }
            }
        }
    }
}

fn resources(touched: &[TouchedResource]) -> Markup {
    html! {
        h2 { "Resources" }
        table {
            thead { tr {
                th { "Resource" } th { "Part" } th.n { "Reads" } th.n { "Writes" }
                th.n { "Denied" } th.n { "Failed" } th { "First (UTC)" } th { "Last (UTC)" }
            } }
            @for touched in touched { (resource_row(touched)) }
        }
    }
}

fn resource_row(touched: &TouchedResource) -> Markup {
    let uses = &touched.uses;
    let parts: Vec<String> = touched.parts.iter().map(ToString::to_string).collect();
    let time = |time: Option<EventTime>| time.map(second).unwrap_or_default();
    html! {
        tr {
            td data-name="Resource" {
                div {
                    (shown(&resource(&touched.resource_key)))
                    br;
                    small.key { (shown(touched.resource_key.as_str())) }
                }
            }
            td data-name="Part" { (parts.join(", ")) }
            td.n data-name="Reads" { (uses.reads) }
            td.n data-name="Writes" { (uses.writes) }
            td.n.denied[uses.denied > 0] data-name="Denied" { (uses.denied) }
            td.n data-name="Failed" { (uses.failed) }
            td.t data-name="First" { (time(uses.first)) }
            td.t data-name="Last" { (time(uses.last)) }
        }
    }
}

/// A lane for each resource, the last touched first; a mark for each step of time.
fn timeline(page: &Page<'_>) -> Markup {
    // From the first to the last event: there may be little between the ends of the window.
    let Some((from, to)) = page.timeline.ends() else {
        return html! {};
    };
    let lanes: Vec<&TouchedResource> = page.resources.iter().take(MOST_LANES).collect();
    let further = page.resources.len() - lanes.len();
    let width = STEPS * STEP_WIDTH;
    let height = lanes.len() * LANE_HEIGHT + LANE_HEIGHT;
    html! {
        h2 { "Timeline" }
        p.legend {
            @for mark in Outcome::ALL {
                span { i.(format!("m-{}", mark.name())) style=(swatch(mark)) {} (mark.name()) }
            }
        }
        div.scroll {
            svg width=(width + 8) height=(height) role="img" aria-label="When each resource was touched" {
                @for (row, touched) in lanes.iter().enumerate() {
                    (lane(page.timeline, touched, row * LANE_HEIGHT, from, to))
                }
                text x="0" y=(height - 6) { (second(from)) }
                text x=(width) y=(height - 6) text-anchor="end" { (second(to)) }
            }
        }
        @if further > 0 { p { small { (further) " more resources are in the table below." } } }
    }
}

fn swatch(mark: Outcome) -> String {
    format!("background: var(--{})", mark.name())
}

fn lane(
    timeline: &Timeline,
    touched: &TouchedResource,
    top: usize,
    from: EventTime,
    to: EventTime,
) -> Markup {
    let length = (to.epoch_millis() - from.epoch_millis()).max(1);
    let mut steps: HashMap<i64, (Outcome, u64)> = HashMap::new();
    let events = timeline.0.get(&touched.resource_key);
    for (time, mark) in events.into_iter().flatten() {
        let step = (time.epoch_millis() - from.epoch_millis()) * (STEPS - 1) / length;
        let (shown, count) = steps.entry(step).or_insert((*mark, 0));
        *shown = (*shown).max(*mark);
        *count += 1;
    }
    let mut steps: Vec<_> = steps.into_iter().collect();
    steps.sort_unstable();
    let name = shown(&resource(&touched.resource_key));
    html! {
        line x1="0" x2=(STEPS * STEP_WIDTH) y1=(top + LANE_HEIGHT - 2) y2=(top + LANE_HEIGHT - 2) {}
        text x="0" y=(top + 11) { (name) }
        @for (step, (mark, count)) in steps {
            rect class=(format!("m-{}", mark.name())) x=(step * STEP_WIDTH) y=(top + 13) rx="1"
                width=(STEP_WIDTH - 1) height="6" {
                title {
                    (name) ": " (count) @if count == 1 { " event" } @else { " events" }
                    " at " (second(at_step(step, from, length)))
                }
            }
        }
    }
}

fn at_step(step: i64, from: EventTime, length: i64) -> EventTime {
    let millis = from.epoch_millis() + step * length / (STEPS - 1);
    EventTime::from_epoch_millis(millis).unwrap_or(from)
}

/// What would deceive the eye as an escape, and not too long. Markup is escaped where it is put in.
fn shown(text: &str) -> String {
    let text = plain(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}

fn or_dash(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use redtrail_core::uses::Summary;
    use serde_json::json;

    use super::*;

    /// What somebody could put where a text of the event's is shown.
    const HOSTILE: [&str; 6] = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "</title></style></svg><h1>forged</h1>",
        "a\u{202e}b\u{1b}[2J\r\nc\u{0}",
        "&lt;b&gt; &#x3c;i&#x3e; ${7*7} {{7*7}}",
        "javascript:alert(1)",
    ];

    /// The page, every text of it as given.
    fn page(text: &str) -> String {
        let key = "2026-03-02T09:00:00.000Z#e1";
        let event: AuditEvent = serde_json::from_value(json!({
            "event_key": key, "event_id": "e1", "event_time": "2026-03-02T09:00:00.000Z",
            "event_source": text, "event_name": "GetClusterCredentials",
            "principal": format!("Unknown:{text}"), "session_name": text, "person": text,
            "access_key_id": text, "source_ip_address": text, "user_agent": text,
            "request_parameters": {"dbUser": text, "dbName": text},
            "response_elements": {"expiration": text},
            "resource_arns": [
                format!("arn:aws:redshift:us-east-1:111122223333:cluster:{text}"),
                format!("name:redshift:us-east-1:111122223333:snapshot/{text}"),
            ],
            "resource_parts": ["target", "via"],
            "selected_by": "event_source", "record_bytes": 1, "object_bucket": text,
            "object_key": text, "record_index": 0,
        }))
        .unwrap();
        let mut summary = Summary::default();
        let mut timeline = Timeline::default();
        summary.count(&event);
        timeline.add(&event);
        let page = Page {
            who: text,
            window: Window::default(),
            hand_outs: &summary.hand_outs(),
            resources: &summary.resources(),
            timeline: &timeline,
            coverage: text,
        };
        render(&page).into_string()
    }

    /// The tags alone, with their attributes.
    fn tags(page: &str) -> Vec<&str> {
        let tag = |rest: &'_ str| rest.split_once('>').map(|(tag, _)| tag.len());
        page.match_indices('<')
            .filter_map(|(at, _)| page.get(at..at + tag(page.get(at..)?)?))
            .collect()
    }

    #[test]
    fn ok_whatever_the_data_say_is_text() {
        let harmless = page("harmless");
        assert!(tags(&harmless).len() > 60);
        for text in HOSTILE {
            let hostile = page(text);
            assert_eq!(tags(&hostile), tags(&harmless), "{text}");
            let is_plain = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
            assert!(hostile.chars().all(is_plain), "{text}");
        }
    }

    #[test]
    fn ok_it_loads_and_runs_nothing() {
        let page = page("harmless");
        assert!(page.contains(POLICY));
        for word in [
            "<script", "<link", "<img", "<iframe", " href=", " src=", " on", "url(", "@import",
        ] {
            let found = tags(&page).into_iter().find(|tag| tag.contains(word));
            assert_eq!(found, None, "{word}");
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
