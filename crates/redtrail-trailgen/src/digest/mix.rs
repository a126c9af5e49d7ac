//! A trail with several things done to it, the question to ask, and the findings that are the
//! right answer.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    chain::{ChainPlan, Hour, HourPlan, Made, TrailObject},
    keys::SigningKey,
    tampering::{Tampering, Where},
};
use crate::dice::Dice;

/// Hours set aside for one tampering, and one between it and the next.
const SLOT: usize = 4;

/// A trail made from a seed.
#[derive(Debug)]
pub struct Mix {
    pub plan: ChainPlan,
    pub tamperings: Vec<Tampering>,
    /// By their keys.
    pub objects: BTreeMap<String, TrailObject>,
    pub public_keys: Vec<PublicKeyEntry>,
    /// The bucket the objects lie in: the plan's, or a replica of it.
    pub bucket: String,
    pub since: Timestamp,
    pub until: Timestamp,
    pub now: Timestamp,
    /// Names of findings and how much of each there must be.
    pub expected: BTreeMap<&'static str, u64>,
}

/// A key as ListPublicKeys has it.
#[derive(Clone, Debug)]
pub struct PublicKeyEntry {
    pub fingerprint: String,
    pub der: Vec<u8>,
}

/// The findings there must be.
#[derive(Debug, Default)]
pub(super) struct Expected(BTreeMap<&'static str, u64>);

impl Expected {
    pub(super) fn add(&mut self, name: &'static str, count: usize) {
        if count > 0 {
            *self.0.entry(name).or_default() += count as u64;
        }
    }
}

impl Mix {
    /// A trail to which nothing was done.
    pub fn clean(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let hours = dice.below(10) + 1;
        let plan = plan(&mut dice, hours);
        Self::make(&mut dice, plan, &[])
    }

    /// A trail to which nothing was done, with so many logs in each hour.
    pub fn busy(seed: u64, hours: usize, logs: usize) -> Self {
        let mut dice = Dice::new(seed);
        let mut plan = plan(&mut dice, hours);
        plan.hours.iter_mut().for_each(|hour| hour.logs = logs);
        Self::make(&mut dice, plan, &[])
    }

    /// Two whole trails of one account and Region that share a bucket.
    pub fn two_trails(seed: u64) -> [Self; 2] {
        let mut dice = Dice::new(seed);
        let first = plan(&mut dice, 6);
        let mut second = first.clone();
        second.trail = "other".to_owned();
        second.home_region = "us-west-2".to_owned();
        [first, second].map(|plan| Self::make(&mut dice, plan, &[]))
    }

    /// A trail with some of all tamperings.
    pub fn tampered(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        // Every kind comes in its turn, with up to three others.
        let turn = usize::try_from(seed).unwrap_or_default() % Tampering::ALL.len();
        let mut tamperings = vec![Tampering::ALL[turn]];
        for _ in 0..dice.below(4) {
            let further = dice.pick(&Tampering::ALL);
            let is_free = |place| !tamperings.iter().any(|other| other.place() == place);
            let fits = match further.place() {
                Where::Middle => is_free(Where::Everywhere),
                Where::Everywhere => false,
                place => is_free(place) && is_free(Where::Everywhere),
            };
            if fits {
                tamperings.push(further);
            }
        }
        Self::of(&mut dice, &tamperings)
    }

    /// A trail with one tampering.
    pub fn single(seed: u64, tampering: Tampering) -> Self {
        Self::of(&mut Dice::new(seed), &[tampering])
    }

    fn of(dice: &mut Dice, tamperings: &[Tampering]) -> Self {
        let hours = SLOT * (tamperings.len() + 2) + 1;
        let mut plan = plan(dice, hours);
        for hour in &mut plan.hours {
            // What becomes of these would hang on two digests.
            hour.late_logs = 0;
        }
        Self::make(dice, plan, tamperings)
    }

    fn make(dice: &mut Dice, mut plan: ChainPlan, tamperings: &[Tampering]) -> Self {
        let mut expected = Expected::default();
        let hours = plan.hours.len();
        // Slot 0 is the oldest, the last one the newest; between them one for each.
        let slots: Vec<usize> = (1..)
            .zip(tamperings)
            .map(|(slot, tampering)| match tampering.place() {
                Where::Middle | Where::Everywhere => slot * SLOT,
                Where::Oldest => 0,
                Where::Newest => hours.saturating_sub(3),
            })
            .collect();
        for (tampering, from) in tamperings.iter().zip(&slots) {
            let slot = plan.hours.get_mut(*from..from + 3);
            tampering.plan(slot.unwrap_or_default(), &mut expected);
        }
        if tamperings.contains(&Tampering::OldestDeleted) {
            // What is deleted is missed when it is linked to, whatever it linked to.
            plan.goes_on_before = true;
        }
        if tamperings.contains(&Tampering::LateStart) {
            plan.goes_on_before = false;
        }
        let mut made = plan.make(dice);
        let every: Vec<Hour> = made.hours.clone();
        for (tampering, from) in tamperings.iter().zip(&slots) {
            let slot = every.get(*from..from + 3).unwrap_or_default();
            let start = plan.hour(*from);
            let key = |dice: &mut Dice| {
                let minute = dice.between(10, 40);
                plan.log_key(start, minute, dice)
            };
            tampering.apply(slot, key, &mut made, dice, &mut expected);
        }
        let question = Question::of(dice, &plan, tamperings, &made, &mut expected);
        let uses_spki = dice.chance(0.5);
        let public_keys = [SigningKey::first(), SigningKey::second()].map(|key| PublicKeyEntry {
            fingerprint: key.fingerprint.clone(),
            der: if uses_spki {
                key.public_spki()
            } else {
                key.public_pkcs1()
            },
        });
        Self {
            bucket: question.bucket,
            since: question.since,
            until: question.until,
            now: question.now,
            plan,
            tamperings: tamperings.to_vec(),
            objects: made.objects,
            public_keys: public_keys.to_vec(),
            expected: expected.0,
        }
    }
}

struct Question {
    bucket: String,
    since: Timestamp,
    until: Timestamp,
    now: Timestamp,
}

impl Question {
    fn of(
        dice: &mut Dice,
        plan: &ChainPlan,
        tamperings: &[Tampering],
        made: &Made,
        expected: &mut Expected,
    ) -> Self {
        let mut since = plan.first;
        let until = plan.hour(plan.hours.len());
        let is_clean = tamperings.is_empty();
        // A tampered trail is looked at when all its digests are due.
        let later = if is_clean && dice.chance(0.5) {
            dice.between(0, 119)
        } else {
            240 * 60
        };
        let now = until + SignedDuration::from_mins(later);
        let mut bucket = plan.bucket.clone();
        if tamperings.contains(&Tampering::LateStart) {
            since -= SignedDuration::from_hours(2);
            expected.add("unproven_start", 2);
        }
        if tamperings.contains(&Tampering::AllDigestsDeleted) {
            expected.add("no_digest", plan.hours.len());
            expected.add("log_unproven", made.objects.len());
        }
        if tamperings.contains(&Tampering::Replica) {
            bucket = format!("{bucket}-r");
            let digests = made
                .objects
                .keys()
                .filter(|key| key.contains("CloudTrail-Digest"));
            expected.add("looks_like_replica", digests.count());
        }
        Self {
            bucket,
            since,
            until,
            now,
        }
    }
}

fn plan(dice: &mut Dice, hours: usize) -> ChainPlan {
    let regions = ["us-east-1", "eu-west-1"];
    let (region, home_region) = (dice.pick(&regions), dice.pick(&regions));
    // Not on the hour, as they are.
    let second = dice.between(1_700_000_000, 1_790_000_000);
    let has_backfill = dice.chance(0.5);
    let second_key_from = dice.below(2 * hours);
    let hour = |dice: &mut Dice, number: usize| HourPlan {
        logs: dice.below(4),
        backfill_logs: if has_backfill && dice.chance(0.3) {
            dice.below(2) + 1
        } else {
            0
        },
        // There is no digest yet that would list those of the last hour.
        late_logs: if number + 1 < hours && dice.chance(0.2) {
            1
        } else {
            0
        },
        uses_second_key: number >= second_key_from,
        ..HourPlan::default()
    };
    ChainPlan {
        bucket: "trail".to_owned(),
        prefix: dice.pick(&["", "", "a/", "b/c/"]).to_owned(),
        organization: dice.chance(0.3).then(|| "o-a1".to_owned()),
        account: "111122223333".to_owned(),
        region: region.to_owned(),
        trail: dice.pick(&["t", "my_t", "t.1-x"]).to_owned(),
        home_region: home_region.to_owned(),
        first: Timestamp::from_second(second).unwrap_or_default(),
        hours: (0..hours).map(|number| hour(dice, number)).collect(),
        goes_on_before: dice.chance(0.5),
    }
}
