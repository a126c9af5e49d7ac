//! What DynamoDB refuses of a BatchWriteItem, all of it or nothing. Stand-ins for DynamoDB
//! are mostly laxer; this is what the writer is held to.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>

use std::collections::HashSet;

use redtrail_model::{MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, Table};
use serde_dynamo::AttributeValue;
use thiserror::Error;

use crate::{
    batch::{MAX_BATCH_ITEMS, put_bytes},
    item::Put,
};

const MAX_REQUEST_BYTES: usize = 16 << 20;
const MAX_ITEM_BYTES: usize = 400 << 10;
const MAX_DEPTH: usize = 32;
const MAX_DIGITS: usize = 38;
/// Powers of ten of a number's first digit.
const MAGNITUDES: std::ops::RangeInclusive<i64> = -130..=125;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("a batch without requests")]
    NoRequests,
    #[error("{0} requests in one batch")]
    TooManyRequests(usize),
    #[error("{0} bytes in one batch")]
    BatchTooLarge(usize),
    #[error("one key twice in one batch")]
    KeyTwice,
    #[error("an item of {0} bytes")]
    ItemTooLarge(usize),
    #[error("the key attribute {name} is {problem}")]
    Key {
        name: &'static str,
        problem: KeyProblem,
    },
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("a number that is none, too long, or out of range")]
    Number,
    #[error("an empty set")]
    EmptySet,
    #[error("a set that holds a value twice")]
    ValueTwice,
}

/// What is wrong with a key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    Missing,
    NotText,
    Empty,
    TooLong,
}

impl std::fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::NotText => "no string",
            Self::Empty => "empty",
            Self::TooLong => "too long",
        })
    }
}

/// Whether DynamoDB takes this batch.
///
/// # Errors
/// The first thing it would refuse.
pub fn check_batch(batch: &[Put]) -> Result<(), Refusal> {
    if batch.is_empty() {
        return Err(Refusal::NoRequests);
    }
    if batch.len() > MAX_BATCH_ITEMS {
        return Err(Refusal::TooManyRequests(batch.len()));
    }
    let mut keys = HashSet::new();
    let mut total = 0;
    for put in batch {
        check_item(put)?;
        if !keys.insert((put.table, put.keys())) {
            return Err(Refusal::KeyTwice);
        }
        total += put_bytes(put);
    }
    if total > MAX_REQUEST_BYTES {
        return Err(Refusal::BatchTooLarge(total));
    }
    Ok(())
}

/// Whether DynamoDB takes these as the keys of an item of `table`.
///
/// # Errors
/// When one of them is empty or too long.
pub fn check_keys(table: Table, keys: [&str; 2]) -> Result<(), Refusal> {
    let schema = table.schema();
    let [partition, sort] = keys;
    check_text(schema.partition_key, partition, MAX_PARTITION_KEY_BYTES)?;
    check_text(schema.sort_key, sort, MAX_SORT_KEY_BYTES)
}

fn check_item(put: &Put) -> Result<(), Refusal> {
    let bytes = put_bytes(put);
    if bytes > MAX_ITEM_BYTES {
        return Err(Refusal::ItemTooLarge(bytes));
    }
    let schema = put.table.schema();
    for (name, longest) in [
        (schema.partition_key, MAX_PARTITION_KEY_BYTES),
        (schema.sort_key, MAX_SORT_KEY_BYTES),
    ] {
        if !check_key(put, name, longest)? {
            let problem = KeyProblem::Missing;
            return Err(Refusal::Key { name, problem });
        }
    }
    for index in schema.indexes {
        check_key(put, index.partition_key, MAX_PARTITION_KEY_BYTES)?;
        check_key(put, index.sort_key, MAX_SORT_KEY_BYTES)?;
    }
    put.attributes()
        .try_for_each(|(_, value)| check_value(value, 1))
}

/// Whether the item has that key attribute; if so it must be fit for a key.
fn check_key(put: &Put, name: &'static str, longest: usize) -> Result<bool, Refusal> {
    match put.get(name) {
        None => Ok(false),
        Some(AttributeValue::S(text)) => check_text(name, text, longest).map(|()| true),
        Some(_) => Err(Refusal::Key {
            name,
            problem: KeyProblem::NotText,
        }),
    }
}

fn check_text(name: &'static str, text: &str, longest: usize) -> Result<(), Refusal> {
    let problem = match text.len() {
        0 => KeyProblem::Empty,
        length if length > longest => KeyProblem::TooLong,
        _ => return Ok(()),
    };
    Err(Refusal::Key { name, problem })
}

/// `level` is how deep the value stands; that of an attribute stands at 1.
fn check_value(value: &AttributeValue, level: usize) -> Result<(), Refusal> {
    if level > MAX_DEPTH {
        return Err(Refusal::TooDeep);
    }
    match value {
        AttributeValue::N(number) => check_number(number),
        AttributeValue::L(values) => values
            .iter()
            .try_for_each(|value| check_value(value, level + 1)),
        AttributeValue::M(members) => members
            .values()
            .try_for_each(|value| check_value(value, level + 1)),
        AttributeValue::Ss(texts) => check_set(texts),
        AttributeValue::Ns(numbers) => {
            numbers.iter().try_for_each(|number| check_number(number))?;
            check_set(numbers)
        }
        AttributeValue::Bs(all) => check_set(all),
        AttributeValue::S(_)
        | AttributeValue::B(_)
        | AttributeValue::Bool(_)
        | AttributeValue::Null(_) => Ok(()),
    }
}

fn check_set<T: std::hash::Hash + Eq>(values: &[T]) -> Result<(), Refusal> {
    if values.is_empty() {
        return Err(Refusal::EmptySet);
    }
    let distinct: HashSet<&T> = values.iter().collect();
    match distinct.len() == values.len() {
        true => Ok(()),
        false => Err(Refusal::ValueTwice),
    }
}

fn check_number(text: &str) -> Result<(), Refusal> {
    let is_fit = |(digits, magnitude): (usize, i64)| {
        digits == 0 || digits <= MAX_DIGITS && MAGNITUDES.contains(&magnitude)
    };
    match significant(text).is_some_and(is_fit) {
        true => Ok(()),
        false => Err(Refusal::Number),
    }
}

/// How many digits of a decimal number count, and the power of ten of its first one; `None`
/// for what is no number.
fn significant(text: &str) -> Option<(usize, i64)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (digits, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse().ok()?),
        None => (unsigned, 0i64),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if all.is_empty() || !all.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let Some(first) = all.iter().position(|digit| *digit != b'0') else {
        return Some((0, 0));
    };
    let last = all.iter().rposition(|digit| *digit != b'0')?;
    let before = i64::try_from(whole.len()).ok()? - i64::try_from(first).ok()? - 1;
    Some((last - first + 1, exponent.checked_add(before)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_numbers_as_dynamodb_bounds_them() {
        for (text, is_taken) in [
            ("0", true),
            ("-0.000", true),
            ("18446744073709551615", true),
            ("12345678901234567890123456789012345678", true),
            ("123456789012345678901234567890123456789", false),
            // Zeros at either end do not count.
            ("0.00012345678901234567890123456789012345678", true),
            ("123456789012345678901234567890123456780000", true),
            ("9.9999999999999999999999999999999999999E+125", true),
            ("1E+126", false),
            ("1E-130", true),
            ("9E-131", false),
            ("1e9223372036854775807", false),
            ("", false),
            ("-", false),
            (".", false),
            ("1e", false),
            ("NaN", false),
            ("0x10", false),
            ("1 ", false),
        ] {
            assert_eq!(check_number(text).is_ok(), is_taken, "{text}");
        }
    }
}
