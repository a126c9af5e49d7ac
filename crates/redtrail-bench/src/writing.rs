//! What writing costs, beside a bare loop that makes the same items of the same events and
//! sends them by the SDK.

use std::{
    collections::HashMap,
    fs::File,
    io,
    path::Path,
    time::{Duration, Instant},
};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use redtrail_aws::{
    clients::{self, Connection},
    dynamodb::{DynamoDbStore, TableNames},
    timer::TokioTimer,
};
use redtrail_core::{
    inspect::inspect,
    item::{self, Put},
    log_reader::Limits,
    retention::Retention,
    select::Selector,
    writer::{Effort, Writer},
};
use redtrail_model::AuditEvent;

use crate::{
    case::origin,
    clock::{cpu_seconds, median},
    null_server::NullServer,
    objects,
};

const ROUNDS: usize = 15;
/// Events whose rows wait together: about a thousand items.
const PORTION_EVENTS: usize = 500;
const BATCH_ITEMS: usize = 25;
const LONGEST: Duration = Duration::from_secs(60);

/// Microseconds of CPU time an item, and items a request.
pub(crate) struct Writing {
    pub(crate) items: usize,
    pub(crate) bare_micros: f64,
    pub(crate) ours_micros: f64,
    pub(crate) items_a_batch: f64,
}

/// Both ways in turn.
///
/// # Errors
/// When the object cannot be made, or a request fails.
pub(crate) fn measure(folder: &Path) -> io::Result<Writing> {
    let events = events(folder)?;
    let server = NullServer::start()?;
    let connection = connection(server.endpoint.clone());
    let client = clients::dynamodb(&connection, clients::http_client());
    let names = names();
    let store = DynamoDbStore::new(client.clone(), names.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    let effort = Effort::default();
    let writer = Writer {
        store: &store,
        timer: &TokioTimer,
        effort: &effort,
    };
    let items: usize = events.chunks(PORTION_EVENTS).map(|of| puts(of).len()).sum();
    let micros = |seconds: f64| seconds * 1e6 / items as f64;
    for _ in 0..ROUNDS {
        let before = cpu_seconds();
        runtime.block_on(send_bare(&client, &names, &events))?;
        bare.push(micros(cpu_seconds() - before));
        let before = cpu_seconds();
        runtime.block_on(async {
            for portion in events.chunks(PORTION_EVENTS) {
                let until = Instant::now() + LONGEST;
                let written = writer.put_all(puts(portion), until).await;
                written.map_err(io::Error::other)?;
            }
            Ok::<_, io::Error>(())
        })?;
        ours.push(micros(cpu_seconds() - before));
    }
    let batches = effort.sums().batches;
    Ok(Writing {
        items,
        bare_micros: median(bare),
        ours_micros: median(ours),
        items_a_batch: (items * ROUNDS) as f64 / batches as f64,
    })
}

async fn send_bare(client: &Client, names: &TableNames, events: &[AuditEvent]) -> io::Result<()> {
    for portion in events.chunks(PORTION_EVENTS) {
        let mut puts = puts(portion).into_iter().peekable();
        while puts.peek().is_some() {
            let mut requests: HashMap<String, Vec<WriteRequest>> = HashMap::new();
            for put in puts.by_ref().take(BATCH_ITEMS) {
                let item: HashMap<String, AttributeValue> = put.item().into();
                let request = PutRequest::builder().set_item(Some(item)).build();
                let request = request.map_err(io::Error::other)?;
                let request = WriteRequest::builder().put_request(request).build();
                let table = names.of(put.table).to_owned();
                requests.entry(table).or_default().push(request);
            }
            let request = client.batch_write_item().set_request_items(Some(requests));
            request.send().await.map_err(io::Error::other)?;
        }
    }
    Ok(())
}

fn puts(events: &[AuditEvent]) -> Vec<Put> {
    let rows = events
        .iter()
        .flat_map(|event| item::puts(event, Retention::Days(400)));
    rows.flatten().collect()
}

/// The events of an object of which all are of the family.
fn events(folder: &Path) -> io::Result<Vec<AuditEvent>> {
    let path = objects::object(folder, 4, 1.0)?;
    let mut events = Vec::new();
    let open = || File::open(&path);
    let selector = Selector::default();
    let read = inspect(open, origin(), &selector, Limits::default(), |event| {
        events.push(event);
        Ok(())
    })?;
    read.map_err(io::Error::other)?;
    Ok(events)
}

fn connection(endpoint: String) -> Connection {
    Connection {
        credentials: Credentials::new("AKIDEXAMPLE", "secret", None, None, "bench"),
        region: "us-east-1".to_owned(),
        s3_region: "us-east-1".to_owned(),
        dynamodb_region: "us-east-1".to_owned(),
        s3_endpoint: None,
        dynamodb_endpoint: Some(endpoint),
        sqs_endpoint: None,
        cloudtrail_endpoint: None,
    }
}

fn names() -> TableNames {
    TableNames {
        principals: "principals".to_owned(),
        resources: "resources".to_owned(),
        directory: "directory".to_owned(),
        ledger: "ledger".to_owned(),
    }
}
