//! The generator held to figures of real trails. They are on file in `real-trails.tsv`,
//! because the trails are other people's; `REDTRAIL_REAL_TRAILS=FOLDER` measures those below
//! a folder anew and compares.

use std::{fs, io::Read, path::Path};

use flate2::read::GzDecoder;
use redtrail_trailgen::{Trail, gzip};
use serde::Deserialize;
use serde_json::value::RawValue;

const ON_FILE: &str = include_str!("real-trails.tsv");

/// The order of CloudTrail's members.
const ORDER: [&str; 17] = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "requestID",
    "eventID",
    "eventType",
    "managementEvent",
    "recipientAccountId",
];

/// What is compared.
#[derive(Debug, PartialEq)]
struct Figures {
    records: usize,
    /// Bytes of a record at the 10th, 50th and 99th percentile.
    record_bytes: [usize; 3],
    /// Gzip's ratio over all objects of less than 20 KB, of 20 to 100 KB, and of more.
    ratios: [f64; 3],
    /// Records whose members stand in CloudTrail's order.
    in_order: f64,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, rename = "Records")]
    records: Vec<&'a RawValue>,
}

/// The figures of these documents; those that are no log objects do not count.
fn figures(documents: impl Iterator<Item = Vec<u8>>) -> Figures {
    let mut sizes = Vec::new();
    let mut bytes = [[0_usize; 2]; 3];
    let mut in_order = 0;
    for text in documents {
        let Ok(document) = serde_json::from_slice::<Document<'_>>(&text) else {
            continue;
        };
        let records: Vec<String> = document
            .records
            .iter()
            .map(|record| compact(record))
            .collect();
        let plain = format!("{{\"Records\":[{}]}}", records.join(","));
        let class = [20_000, 100_000]
            .iter()
            .filter(|bound| plain.len() >= **bound)
            .count();
        bytes[class][0] += plain.len();
        bytes[class][1] += gzip(plain.as_bytes()).len();
        for record in records {
            let places = ORDER
                .iter()
                .filter_map(|name| record.find(&format!("\"{name}\":")));
            in_order += usize::from(places.is_sorted());
            sizes.push(record.len());
        }
    }
    sizes.sort_unstable();
    Figures {
        records: sizes.len(),
        record_bytes: [10, 50, 99].map(|part| sizes[sizes.len() * part / 100]),
        ratios: bytes.map(|[plain, packed]| rounded(plain as f64 / packed.max(1) as f64)),
        in_order: rounded(in_order as f64 / sizes.len() as f64),
    }
}

/// Without white space between tokens.
fn compact(record: &RawValue) -> String {
    let mut out = String::new();
    let (mut in_string, mut escaped) = (false, false);
    for letter in record.get().chars() {
        if in_string || !letter.is_ascii_whitespace() {
            out.push(letter);
        }
        in_string ^= letter == '"' && !escaped;
        escaped = in_string && letter == '\\' && !escaped;
    }
    out
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The figures on file of that trail.
fn on_file(name: &str) -> Figures {
    let line = ON_FILE
        .lines()
        .find(|line| line.starts_with(name))
        .expect("a file of the tests, and a folder that was named");
    let numbers: Vec<f64> = line
        .split('\t')
        .skip(1)
        .map(|text| {
            text.parse()
                .expect("a file of the tests, and a folder that was named")
        })
        .collect();
    Figures {
        records: numbers[0] as usize,
        record_bytes: [1, 2, 3].map(|at| numbers[at] as usize),
        ratios: [4, 5, 6].map(|at| numbers[at]),
        in_order: numbers[7],
    }
}

fn walk(folder: &Path, found: &mut Vec<Vec<u8>>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .expect("a file of the tests, and a folder that was named")
        .map(|entry| {
            entry
                .expect("a file of the tests, and a folder that was named")
                .path()
        })
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "gz") {
            let mut text = Vec::new();
            let stored = fs::read(&path).expect("a file of the tests, and a folder that was named");
            if GzDecoder::new(&stored[..]).read_to_end(&mut text).is_ok() {
                found.push(text);
            }
        }
    }
}

#[test]
fn ok_generated_trails_are_like_real_ones() {
    let mut trail = Trail::new(5);
    let generated = figures((0..200).map(|_| trail.typical_object().plain));
    // The documentation shows them.
    assert_eq!(generated, on_file("generated"));
    let real = on_file("invictus-ir");
    assert_eq!((generated.in_order, real.in_order), (1.0, 1.0));
    for (made, found) in generated.record_bytes.into_iter().zip(real.record_bytes) {
        let ratio = made as f64 / found as f64;
        assert!((0.8..1.3).contains(&ratio), "{generated:?} beside {real:?}");
    }
    let [small, middle, large] = generated.ratios;
    // Real trails of one hour and few callers repeat themselves more than those of many
    // accounts; what is generated must not be easier to unpack than the former.
    assert!(
        (0.8..1.3).contains(&(small / real.ratios[0])),
        "{generated:?}"
    );
    assert!(
        middle <= real.ratios[1] && large <= real.ratios[2],
        "{generated:?}"
    );
    assert!(middle >= 5.0 && large >= 5.0, "{generated:?}");
}

/// What is on file is what the real trails say, where they are at hand.
#[test]
fn ok_figures_on_file_are_those_of_the_trails() {
    let Some(folder) = std::env::var_os("REDTRAIL_REAL_TRAILS") else {
        println!("not compared: REDTRAIL_REAL_TRAILS names no folder of real trails");
        return;
    };
    for name in ["invictus-ir", "boogy"] {
        let mut documents = Vec::new();
        walk(&Path::new(&folder).join(name), &mut documents);
        assert_eq!(figures(documents.into_iter()), on_file(name), "{name}");
    }
}
