//! DynamoDB as it fails: the strict tables in memory behind a plan of faults. A request once
//! sent is carried out whatever becomes of the one who sent it.

use std::{
    collections::BTreeMap,
    slice,
    sync::{Arc, Mutex},
    time::Instant,
};

use redtrail_core::{
    edge::{EdgeError, EdgeErrorKind, ItemStore, Timer, Unless},
    item::{Item, Put},
    memory::{Faults, FaultyStore, KeyRate, MemoryStore, ReadFate, WriteFate, Written},
};
use redtrail_model::Table;
use serde_dynamo::AttributeValue;

use crate::{
    executor::{Answer, Clock},
    fuse::{Fuse, Stage},
    sabotage::Sabotage,
    weather::{Fault, Weather},
};

/// The tables that all containers write.
pub(crate) type Tables = FaultyStore<MemoryStore, Clock, Plan>;

/// Tables of which each key takes as many writes a second as the weather leaves it, or `key_rate`.
pub(crate) fn tables(weather: &Arc<Weather>, key_rate: Option<u32>) -> Tables {
    FaultyStore {
        store: MemoryStore::default(),
        timer: weather.clock.clone(),
        faults: Plan {
            weather: Arc::clone(weather),
            hot: weather
                .has(Fault::KeyHot)
                .then(|| KeyRate::new(weather.pick(&[5, 20]))),
            always: key_rate.map(KeyRate::new),
            is_slow: weather.has(Fault::StoreSlow),
            denied_until: Mutex::default(),
        },
    }
}

/// Whether the put is the ledger's entry of an object, not a row that lists something.
pub(crate) fn is_entry(put: &Put) -> bool {
    put.table == Table::Ledger && !put.keys()[0].contains('#')
}

/// What befalls each request.
pub(crate) struct Plan {
    weather: Arc<Weather>,
    hot: Option<KeyRate>,
    /// What a key takes in any weather.
    always: Option<KeyRate>,
    is_slow: bool,
    denied_until: Mutex<Option<Instant>>,
}

impl Plan {
    fn is_denied(&self) -> bool {
        let now = self.weather.clock.now();
        let mut until = self.denied_until.lock().unwrap();
        if self.weather.strikes(Fault::WriteDenied) {
            *until = Some(now + self.weather.millis(1000..60_000));
        }
        until.is_some_and(|until| now < until)
    }

    fn written(&self, batch: &[Put]) -> Written {
        let weather = &self.weather;
        let all = || (0..batch.len()).collect();
        let failed = |kind, written| Written::Failed { kind, written };
        let retryable = EdgeErrorKind::Retryable;
        if self.is_denied() {
            let permission = "dynamodb:BatchWriteItem";
            return failed(EdgeErrorKind::Denied { permission }, Vec::new());
        }
        if weather.strikes(Fault::WriteThrottled) {
            let reason = weather.pick(&[
                "KeyRangeThroughputExceeded",
                "MaxOnDemandThroughputExceeded",
                "AccountLimitExceeded",
            ]);
            return failed(EdgeErrorKind::Throttled { reason }, Vec::new());
        }
        if weather.strikes(Fault::WriteFails) {
            return failed(retryable, Vec::new());
        }
        if weather.strikes(Fault::WrittenThenFails) {
            return failed(retryable, all());
        }
        if weather.strikes(Fault::PartlyWrittenThenFails) {
            return failed(retryable, weather.some_of(batch.len()));
        }
        if weather.strikes(Fault::ItemsUnprocessed) {
            let written = weather.some_of(batch.len());
            let left = (0..batch.len()).filter(|position| !written.contains(position));
            return Written::AllBut(left.collect());
        }
        let hot = self.hot.as_ref().filter(|_| !weather.is_calm());
        match hot.or(self.always.as_ref()) {
            Some(rate) => {
                let left = rate.left_over(batch, weather.clock.now());
                if left.is_empty() {
                    return Written::All;
                }
                weather.count(&format!("fault {:?}", Fault::KeyHot));
                Written::AllBut(left)
            }
            None => Written::All,
        }
    }
}

impl Faults for Plan {
    fn on_write(&self, batch: &[Put]) -> WriteFate {
        let weather = &self.weather;
        let mut fate = WriteFate {
            before: weather.millis(1..15),
            written: self.written(batch),
            after: weather.millis(1..15),
        };
        if self.is_slow && !weather.is_calm() {
            weather.count(&format!("fault {:?}", Fault::StoreSlow));
            fate.before += weather.millis(100..1500);
        }
        if weather.strikes(Fault::WriteDelay) {
            fate.before += weather.millis(500..8000);
        }
        if weather.strikes(Fault::AnswerDelay) {
            fate.after += weather.millis(500..120_000);
        }
        fate
    }

    fn on_get(&self, _: Table, _: [&str; 2]) -> ReadFate {
        let weather = &self.weather;
        let failed = weather.strikes(Fault::LookUpFails).then(|| {
            let permission = "dynamodb:GetItem";
            let reason = "AccountLimitExceeded";
            weather.pick(&[
                EdgeErrorKind::Retryable,
                EdgeErrorKind::Throttled { reason },
                EdgeErrorKind::Denied { permission },
            ])
        });
        let before = weather.millis(1..15);
        ReadFate { before, failed }
    }
}

/// Entries of the ledger as they were before they were last replaced.
#[derive(Default)]
pub(crate) struct Replaced(Mutex<BTreeMap<[String; 2], Option<Item>>>);

/// One container's way to the tables.
pub(crate) struct SimStore {
    pub(crate) weather: Arc<Weather>,
    pub(crate) tables: Arc<Tables>,
    pub(crate) replaced: Arc<Replaced>,
    pub(crate) fuse: Arc<Fuse>,
    pub(crate) sabotage: Option<Arc<Sabotage>>,
}

impl SimStore {
    /// What `request` gives; it goes on even if no one waits for it any more.
    async fn send<T: Send + 'static>(
        &self,
        request: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let answer = Answer::new();
        let reply = answer.clone();
        self.weather
            .clock
            .spawn(async move { reply.give(request.await) });
        answer.receive().await
    }

    async fn remember_replaced(&self, batch: &[Put]) -> Result<(), EdgeError> {
        for put in batch.iter().filter(|put| is_entry(put)) {
            let before = self.tables.store.get(put.table, put.keys()).await?;
            let keys = put.keys().map(str::to_owned);
            self.replaced.0.lock().unwrap().insert(keys, before);
        }
        Ok(())
    }
}

impl ItemStore for SimStore {
    async fn write(&self, batch: &[Put]) -> Result<Vec<usize>, EdgeError> {
        let stage = match batch.iter().any(is_entry) {
            true => Stage::LedgerWrite,
            false => self.fuse.write_stage(),
        };
        self.fuse.step(stage, &self.weather).await;
        self.remember_replaced(batch).await?;
        let batch: Vec<Put> = match &self.sabotage {
            Some(sabotage) => sabotage.before(batch),
            None => batch.to_vec(),
        };
        let tables = Arc::clone(&self.tables);
        let sent = batch.clone();
        let written = self.send(async move { tables.write(&sent).await }).await;
        self.weather.note(&format!(
            "write {} {stage:?} {:?}",
            batch.len(),
            written.as_ref().map_err(|error| error.kind)
        ));
        self.fuse.step(stage, &self.weather).await;
        match &self.sabotage {
            Some(sabotage) => sabotage.after(written),
            None => written,
        }
    }

    async fn put_unless(&self, put: &Put, unless: Unless) -> Result<bool, EdgeError> {
        self.fuse.step(Stage::PutOff, &self.weather).await;
        self.remember_replaced(slice::from_ref(put)).await?;
        let (tables, sent) = (Arc::clone(&self.tables), put.clone());
        let put = self.send(async move { tables.put_unless(&sent, unless).await });
        let put = put.await;
        self.weather.note(&format!("put off {put:?}"));
        if let Ok(false) = put {
            self.weather.count("path finished meanwhile");
        }
        self.fuse.step(Stage::PutOff, &self.weather).await;
        put
    }

    async fn get(&self, table: Table, keys: [&str; 2]) -> Result<Option<Item>, EdgeError> {
        self.fuse.step(Stage::LookUp, &self.weather).await;
        let mut found = self.tables.get(table, keys).await?;
        if self.weather.strikes(Fault::LookUpStale) {
            let replaced = self.replaced.0.lock().unwrap();
            if let Some(before) = replaced.get(&keys.map(str::to_owned)) {
                found.clone_from(before);
            }
        }
        self.fuse.step(Stage::LookUp, &self.weather).await;
        let verdict = found.as_ref().and_then(|item| item.inner().get("verdict"));
        if verdict == Some(&AttributeValue::S("waiting".to_owned())) {
            self.weather.count("path resumed");
        }
        self.weather
            .note(&format!("look up {} {verdict:?}", keys[1]));
        Ok(found)
    }
}
