//! What redtrail writes, in DynamoDB's bytes and write units, on two trails: a sparse one,
//! as most are, and one heavy with Redshift. The figures stand in `docs/tables.md`; after a
//! change that moves them, write them anew:
//! `REDTRAIL_UPDATE=1 cargo test --release --workspace --test cost`
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    env,
    fmt::Write,
    fs,
    path::Path,
};

use redtrail_core::{
    batch::put_bytes,
    directory::{self, Fact, Remembered},
    edge::ObjectIdentity,
    item::{Put, puts},
    ledger::{LedgerEntry, Run},
    log_reader::{Proven, RawRecord},
    normalize::audit_event,
    object::ObjectAddress,
    retention::{Retention, Retentions},
    select::{Judgement, Selector},
    tally::Tally,
};
use redtrail_model::{AuditEvent, Origin, Table};
use redtrail_trailgen::{LogObject, Trail, TrailOptions};
use serde_dynamo::AttributeValue;
use serde_json::Value;

const BUCKET: &str = "example-organization-trail";
/// What one write unit pays for.
const UNIT_BYTES: usize = 1024;
/// Dollars, on demand in us-east-1: <https://aws.amazon.com/dynamodb/pricing/on-demand/>
const OF_A_MILLION_UNITS: f64 = 0.625;
const OF_A_GB_MONTH: f64 = 0.25;
/// What DynamoDB adds to the size of each item it stores.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
const STORED_OVERHEAD: usize = 100;

/// The median of an object of real trails.
const RECORDS: usize = 53;
const SPARSE_OBJECTS: usize = 4000;
const SPARSE_SHARE: f64 = 0.0003;
/// A day of one account and Region, an object each five minutes.
const HEAVY_OBJECTS: usize = 288;
const HEAVY_RECORDS: usize = 140;
/// Calls made with the same credentials. The generator changes them with most calls, but a
/// session lasts an hour, and a statement of the Data API takes three calls and more.
const CALLS: usize = 20;
/// Callers that take turns.
const CALLERS: usize = 24;
/// The size of a sparse trail to name a price for.
const RECORDS_A_MONTH: f64 = 1e9;

#[test]
fn ok_costs_are_within_bounds_and_the_document_tells_them() {
    let records = heavy_trail();
    let restless = events(records.clone());
    let heavy = events(with_sessions(records));
    let sparse = events(sparse_trail());
    let ledger = ledger_bytes();
    for mix in [&heavy, &sparse] {
        for table in [Table::Principals, Table::Resources] {
            let bytes = percentile(&bytes(mix, table), 95);
            assert!(bytes <= UNIT_BYTES, "{table:?}: {bytes} bytes");
        }
    }
    let one_resource = mean(of_one_resource(&heavy), EventCost::units);
    assert!(one_resource <= 2.3, "{one_resource} write units an event");
    assert!(ledger <= UNIT_BYTES, "{ledger} bytes of the ledger");

    let wanted = document([&heavy, &restless, &sparse], ledger);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tables.md");
    let written = fs::read_to_string(&file).unwrap();
    let (before, rest) = written.split_once(BEGIN).unwrap();
    let (there, after) = rest.split_once(END).unwrap();
    if env::var_os("REDTRAIL_UPDATE").is_some() {
        fs::write(&file, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
    } else {
        assert!(
            there == wanted,
            "docs/tables.md tells other costs: REDTRAIL_UPDATE=1 cargo test --release --workspace --test cost"
        );
    }
}

/// A record and the place it stands in.
type Placed = (Value, Origin);

/// Objects as an organization's trail has them. Only what is selected is handed out.
fn sparse_trail() -> Vec<Placed> {
    let mut trail = Trail::with_options(TrailOptions {
        seed: 53,
        redshift_share: SPARSE_SHARE,
        ..TrailOptions::default()
    });
    let selector = Selector::default();
    let objects = (0..SPARSE_OBJECTS).map(|_| trail.object(RECORDS));
    let telling = objects.filter(|object| !object.truth.is_empty());
    let records = telling.flat_map(|object| records(&object));
    let selected = records.filter(|(record, _)| {
        let judgement = selector.judge(record.to_string().as_bytes());
        matches!(judgement, Judgement::Selected(_))
    });
    selected.collect()
}

/// Events of the family alone.
fn heavy_trail() -> Vec<Placed> {
    let mut trail = Trail::with_options(TrailOptions {
        seed: 288,
        redshift_share: 1.0,
        accounts: vec!["111122223333".into()],
        regions: vec!["us-east-1".into()],
        ..TrailOptions::default()
    });
    let objects = (0..HEAVY_OBJECTS).map(|_| trail.object(HEAVY_RECORDS));
    objects.flat_map(|object| records(&object)).collect()
}

/// The same calls, each caller staying for some of them.
fn with_sessions(mut records: Vec<Placed>) -> Vec<Placed> {
    let mut callers: Vec<(usize, Value)> = Vec::new();
    let by_people = records
        .iter_mut()
        .filter(|(record, _)| is_of_the_account(record));
    for (turn, (record, _)) in by_people.enumerate() {
        match callers.get_mut(turn % CALLERS) {
            Some((left, caller)) if *left > 0 => {
                *left -= 1;
                for member in CALLER {
                    record[member] = caller[member].clone();
                }
            }
            Some(seat) => *seat = (CALLS - 1, record.clone()),
            None => callers.push((CALLS - 1, record.clone())),
        }
    }
    records
}

/// What of a record is the caller's.
const CALLER: [&str; 3] = ["userIdentity", "sourceIPAddress", "userAgent"];

/// Whether the call was made with credentials of the account's own.
fn is_of_the_account(record: &Value) -> bool {
    let identity = &record["userIdentity"];
    identity["accountId"] == record["recipientAccountId"] && identity["invokedBy"].is_null()
}

fn records(object: &LogObject) -> Vec<Placed> {
    let mut document: Value = serde_json::from_slice(&object.plain).unwrap();
    let Value::Array(records) = document["Records"].take() else {
        panic!("no records");
    };
    let place = |record_index| Origin {
        bucket: BUCKET.into(),
        key: object.key.as_str().into(),
        version: None,
        record_index,
    };
    records.into_iter().zip((0..).map(place)).collect()
}

/// What one event costs.
struct EventCost {
    kind: &'static str,
    resources: usize,
    bytes: Vec<(Table, usize)>,
    /// Write units of the two event tables, of their indexes and of the directory.
    rows: usize,
    indexes: usize,
    edges: BTreeMap<String, usize>,
    /// Bytes that DynamoDB keeps for it in the event tables and their indexes.
    stored: usize,
}

/// One of an event's figures.
type Figure = fn(&EventCost) -> usize;

impl EventCost {
    fn directory(&self) -> usize {
        self.edges.values().sum()
    }

    fn units(&self) -> usize {
        self.rows + self.indexes + self.directory()
    }
}

/// The costs of the records' events, written by one warm container.
fn events(records: Vec<Placed>) -> Vec<EventCost> {
    let selector = Selector::default();
    let remembered = Remembered::default();
    let events = records.into_iter().map(|(record, origin)| {
        let raw = RawRecord {
            index: origin.record_index,
            offset: 0,
            bytes: record.to_string().into_bytes(),
        };
        audit_event(&raw, &origin, &selector).unwrap()
    });
    events.map(|event| cost(&event, &remembered)).collect()
}

fn cost(event: &AuditEvent, remembered: &Remembered) -> EventCost {
    let mut cost = EventCost {
        kind: kind(event),
        resources: event.touched.resources.len(),
        bytes: Vec::new(),
        rows: 0,
        indexes: 0,
        edges: BTreeMap::new(),
        stored: 0,
    };
    for put in puts(event, Retention::Days(400)).unwrap() {
        let bytes = put_bytes(&put);
        let units = bytes.div_ceil(UNIT_BYTES);
        let indexes = put.table.schema().indexes.iter();
        let indexed = indexes.filter(|index| put.get(index.sort_key).is_some());
        let indexed = indexed.count();
        cost.rows += units;
        cost.indexes += units * indexed;
        cost.stored += (1 + indexed) * (bytes + STORED_OVERHEAD);
        cost.bytes.push((put.table, bytes));
    }
    let facts = directory::puts(event, Retention::Days(800)).unwrap();
    let fresh = remembered.fresh(facts, &mut HashSet::new());
    for put in &fresh {
        *cost.edges.entry(edge_kind(put)).or_default() += put_bytes(put).div_ceil(UNIT_BYTES);
    }
    remembered.remember(fresh.iter().map(Fact::of));
    cost
}

/// What an item of the directory says, as the document names it.
fn edge_kind(put: &Put) -> String {
    let [subject, edge] = ["subject", "edge"].map(|name| match put.get(name).unwrap() {
        AttributeValue::S(text) => text.as_str(),
        other => panic!("{other:?}"),
    });
    let start = |text: &str| text.split('#').next().unwrap_or_default().to_owned();
    match start(subject).as_str() {
        "known" => subject.to_owned(),
        subject => format!("{subject}# {}#", start(edge)),
    }
}

fn kind(event: &AuditEvent) -> &'static str {
    let service = event.event_source.split('.').next().unwrap_or_default();
    let reads = event.read_only == Some(true);
    match (service, event.event_name.as_str()) {
        _ if event.error_code.is_some() => "denied",
        (_, "GetClusterCredentials" | "GetCredentials") => "credentials handed out",
        ("redshift", _) if reads => "Redshift, read",
        ("redshift", _) => "Redshift, write",
        ("redshift-serverless", _) if reads => "Serverless, read",
        ("redshift-serverless", _) => "Serverless, write",
        ("redshift-data", "ExecuteStatement") => "Data API, statement run",
        ("redshift-data", _) => "Data API, polled, fetched, cancelled",
        ("sqlworkbench", _) => "query editor v2",
        ("kms", _) => "KMS for a cluster",
        _ => "other services, called by Redshift",
    }
}

/// Size of the ledger's item of an object in which nothing was selected.
fn ledger_bytes() -> usize {
    let object = Trail::new(1).object(RECORDS);
    let address = ObjectAddress {
        bucket: BUCKET.to_owned(),
        key: object.key.clone(),
        version_id: None,
    };
    let identity = ObjectIdentity {
        etag: Some("\"9b2cf535f27731c974343645a3985328\"".to_owned()),
        version_id: Some("3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH".to_owned()),
        stored_bytes: Some(object.gzip().len() as u64),
    };
    let read = object.records as u64;
    let proven = Proven {
        read,
        not_selected: read,
        sha256: Some([0xab; 32]),
        plain_bytes: object.plain.len() as u64,
    };
    let tally = Tally {
        read,
        not_selected: read,
        ..Tally::default()
    };
    let run = Run {
        object: &address,
        identity: &identity,
        finished_at: "2026-03-02T09:10:00Z".parse().unwrap(),
        duration_ms: 100,
        retentions: Retentions {
            events: Retention::Days(400),
            directory: Retention::Days(800),
            ledger: Retention::Days(800),
        },
    };
    let entry = LedgerEntry::proven(run, &proven, &tally, None);
    put_bytes(&entry.put().unwrap())
}

fn bytes<'e>(events: impl IntoIterator<Item = &'e EventCost>, table: Table) -> Vec<usize> {
    let all = events.into_iter().flat_map(|event| &event.bytes);
    all.filter(|(of, _)| *of == table)
        .map(|(_, bytes)| *bytes)
        .collect()
}

fn percentile(values: &[usize], percent: usize) -> usize {
    let mut values = values.to_vec();
    values.sort_unstable();
    let place = (values.len() * percent).div_ceil(100).max(1) - 1;
    values.get(place).copied().unwrap_or_default()
}

fn of_one_resource(events: &[EventCost]) -> impl Iterator<Item = &EventCost> {
    events.iter().filter(|event| event.resources == 1)
}

fn mean<'e>(events: impl IntoIterator<Item = &'e EventCost>, of: Figure) -> f64 {
    let (mut sum, mut count) = (0, 0);
    for event in events {
        sum += of(event);
        count += 1;
    }
    sum as f64 / f64::from(count)
}

const BEGIN: &str = "<!-- Written by crates/redtrail-core/tests/cost.rs -->\n";
const END: &str = "<!-- Until here. -->\n";

fn document(mixes: [&[EventCost]; 3], ledger: usize) -> String {
    let [heavy, restless, sparse] = mixes;
    let mut text = String::new();
    event_kinds(&mut text, heavy);
    events_of_mixes(&mut text, [heavy, restless, sparse]);
    directory_edges(&mut text, [heavy, restless, sparse]);
    month(&mut text, sparse, ledger);
    text
}

fn event_kinds(text: &mut String, heavy: &[EventCost]) {
    text.push_str(
        "\n| event, on the heavy trail | of 100 | resources | principals item, bytes (p95) | resources item, bytes (p95) | write units: items | and indexes | $ a million |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let mut by_kind: BTreeMap<&str, Vec<&EventCost>> = BTreeMap::new();
    for event in heavy {
        by_kind.entry(event.kind).or_default().push(event);
    }
    for (kind, events) in by_kind {
        let mean = |of| mean(events.iter().copied(), of);
        let sizes = |table| {
            let bytes = bytes(events.iter().copied(), table);
            match percentile(&bytes, 50) {
                0 => "none".to_owned(),
                median => format!("{median} ({})", percentile(&bytes, 95)),
            }
        };
        let units = mean(|event| event.rows + event.indexes);
        writeln!(
            text,
            "| {kind} | {:.1} | {:.2} | {} | {} | {:.2} | {:.2} | {:.2} |",
            100.0 * events.len() as f64 / heavy.len() as f64,
            mean(|event| event.resources),
            sizes(Table::Principals),
            sizes(Table::Resources),
            mean(|event| event.rows),
            mean(|event| event.indexes),
            units * OF_A_MILLION_UNITS,
        )
        .unwrap();
    }
}

fn events_of_mixes(text: &mut String, mixes: [&[EventCost]; 3]) {
    text.push_str(
        "\n| | heavy trail | new credentials each call | sparse trail |\n|---|---|---|---|\n",
    );
    let mut row = |name: &str, of: &dyn Fn(&[EventCost]) -> String| {
        writeln!(text, "| {name} | {} |", mixes.map(of).join(" | ")).unwrap();
    };
    for (name, table) in [
        ("principals", Table::Principals),
        ("resources", Table::Resources),
    ] {
        row(
            &format!("{name} item, bytes: median, 95th percentile"),
            &|mix| {
                let bytes = bytes(mix, table);
                format!("{}, {}", percentile(&bytes, 50), percentile(&bytes, 95))
            },
        );
    }
    let figures: [(&str, Figure); 4] = [
        ("items", |event| event.rows),
        ("indexes", |event| event.indexes),
        ("directory", EventCost::directory),
        ("all", EventCost::units),
    ];
    for (name, figure) in figures {
        row(
            &format!("write units an event with one resource: {name}"),
            &|mix| format!("{:.2}", mean(of_one_resource(mix), figure)),
        );
    }
    row("write units an event, of whatever resources: all", &|mix| {
        format!("{:.2}", mean(mix, EventCost::units))
    });
    row("$ a million events with one resource", &|mix| {
        let units = mean(of_one_resource(mix), EventCost::units);
        format!("{:.2}", units * OF_A_MILLION_UNITS)
    });
    row("$ a million events", &|mix| {
        format!("{:.2}", mean(mix, EventCost::units) * OF_A_MILLION_UNITS)
    });
    row("$ a month to keep a million events, with indexes", &|mix| {
        format!(
            "{:.2}",
            gigabytes(mean(mix, |event| event.stored) * 1e6) * OF_A_GB_MONTH
        )
    });
}

fn directory_edges(text: &mut String, mixes: [&[EventCost]; 3]) {
    text.push_str(
        "\n| directory: write units of 100 events | heavy trail | new credentials each call | sparse trail |\n\
         |---|---|---|---|\n",
    );
    let units = |mix: &[EventCost], wanted: &str| {
        let edges = mix.iter().flat_map(|event| &event.edges);
        let units = edges
            .filter(|(kind, _)| *kind == wanted)
            .map(|(_, units)| units);
        100.0 * units.sum::<usize>() as f64 / mix.len() as f64
    };
    let all = mixes.iter().copied().flatten();
    let kinds: BTreeSet<_> = all.flat_map(|event| event.edges.keys()).collect();
    for kind in kinds {
        let shares = mixes.map(|mix| format!("{:.1}", units(mix, kind)));
        writeln!(text, "| `{kind}` | {} |", shares.join(" | ")).unwrap();
    }
}

fn month(text: &mut String, sparse: &[EventCost], ledger: usize) {
    let objects = RECORDS_A_MONTH / RECORDS as f64;
    let events = RECORDS_A_MONTH * SPARSE_SHARE;
    let units = mean(sparse, EventCost::units);
    let of_an_object = ledger.div_ceil(UNIT_BYTES) as f64;
    let million = |units: f64| units / 1e6 * OF_A_MILLION_UNITS;
    let kept = gigabytes(objects * (ledger + STORED_OVERHEAD) as f64);
    let kept_events = gigabytes(events * mean(sparse, |event| event.stored));
    let rows = [
        (
            "ledger item of an object with nothing selected, bytes",
            format!("{ledger}"),
        ),
        (
            "write units an object with nothing selected",
            format!("{of_an_object:.0}"),
        ),
        (
            "write units an object, its share of events counted in",
            format!(
                "{:.2}",
                of_an_object + RECORDS as f64 * SPARSE_SHARE * units
            ),
        ),
        (
            "$ a million objects",
            format!(
                "{:.2}",
                million(1e6 * (of_an_object + RECORDS as f64 * SPARSE_SHARE * units))
            ),
        ),
        (
            "a billion records a month: objects, events",
            format!("{:.1} million, {:.1} million", objects / 1e6, events / 1e6),
        ),
        (
            "$ a month for writing the ledger",
            format!("{:.2}", million(objects * of_an_object)),
        ),
        (
            "$ a month for writing events and directory",
            format!("{:.2}", million(events * units)),
        ),
        (
            "$ a month to keep each month of ledger, of events",
            format!(
                "{:.2}, {:.2}",
                kept * OF_A_GB_MONTH,
                kept_events * OF_A_GB_MONTH
            ),
        ),
    ];
    text.push_str("\n| sparse trail | |\n|---|---|\n");
    for (name, value) in rows {
        writeln!(text, "| {name} | {value} |").unwrap();
    }
}

/// DynamoDB's are of 2^30 bytes.
fn gigabytes(bytes: f64) -> f64 {
    bytes / f64::from(1 << 30)
}
