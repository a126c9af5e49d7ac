//! Every question over a year of activity, asked of the built command and answered a second time
//! by looking through all events: people in several Identity Center roles and accounts, service
//! roles seen with and without their path, shared clusters, a workgroup whose name is used again,
//! datashares between accounts. The answers must be the same, in whatever order the objects came.

#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test may fail by panicking, its helpers too"
)]

#[path = "../command/run.rs"]
#[allow(
    dead_code,
    reason = "of helpers shared with other tests not all are used"
)]
mod run;
#[path = "../command/trail.rs"]
#[allow(
    dead_code,
    reason = "of helpers shared with other tests not all are used"
)]
mod trail;

mod questions;
mod story;

use std::collections::BTreeMap;

use redtrail_core::retention::Retention;
use story::{Deed, year};
use trail::{Trail, key, log};

/// The year's objects: those of one account, Region and day stand together, in a few objects.
fn objects(deeds: &[Deed]) -> Vec<(String, Vec<u8>)> {
    let mut of_day: BTreeMap<(String, String), Vec<&Deed>> = BTreeMap::new();
    for deed in deeds {
        let day = deed.time[..10].to_owned();
        let place = (deed.account.to_owned(), day);
        of_day.entry(place).or_default().push(deed);
    }
    let mut objects = Vec::new();
    for ((account, day), deeds) in of_day {
        // So that a name and its ARN mostly stand in different objects.
        for (part, deeds) in deeds.chunks(6).enumerate() {
            let time = format!("{}T23{:02}", day.replace('-', ""), part % 60);
            let records: Vec<String> = deeds.iter().map(|deed| deed.record.to_string()).collect();
            objects.push((key("", &account, story::REGION, &time), log(&records)));
        }
    }
    objects
}

fn tell(objects: &[(String, Vec<u8>)]) -> Trail {
    let trail = Trail::start();
    for (key, body) in objects {
        trail.deliver(key, body, Retention::Forever);
    }
    trail
}

#[test]
fn ok_every_question_over_a_year() {
    let deeds = year(20_260_302);
    assert!(deeds.len() > 2000, "{}", deeds.len());
    let mut objects = objects(&deeds);
    let in_order = tell(&objects);
    questions::ask_all(&in_order, &deeds);
    objects.reverse();
    let backwards = tell(&objects);
    questions::same_answers(&in_order, &backwards);
}
