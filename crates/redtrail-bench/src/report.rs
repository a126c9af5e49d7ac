//! docs/performance.md: what was measured here and now, with the machine, the versions and
//! the way.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use redtrail_core::select::Selector;

use crate::{
    case::Case,
    chart,
    clock::{cpu_seconds, median},
    objects,
    processes::{self, Outcome, words},
    starting::{self, Start},
    writing::{self, Writing},
};

const DOCUMENT: &str = "docs/performance.md";
const CHART: &str = "docs/performance.svg";
const COMMAND: &str = "target/release/redtrail";
const PEERS: &str = "crates/redtrail-bench/peers/select_events.py";
const JQ_FILTER: &str = ".Records[] | select(.eventSource as $source | \
    [\"redshift.amazonaws.com\", \"redshift-serverless.amazonaws.com\", \
    \"redshift-data.amazonaws.com\", \"sqlworkbench.amazonaws.com\"] | index($source)) | \
    [.eventID, .eventTime, .eventName, .userIdentity.arn] | @tsv";

/// Rounds of one measurement; as many more until so many seconds have gone into it, for those of small
/// objects are short.
const LEAST_ROUNDS: usize = 25;
const LEAST_SECONDS: f64 = 5.0;
const TYPICAL_OBJECTS: usize = 200;
const SHARES: [f64; 4] = [0.0, 0.01, 0.2, 1.0];

type Outcomes = BTreeMap<String, Outcome>;

/// Measures everything and writes the document and its chart.
///
/// # Errors
/// When the objects cannot be made or read, or the document cannot be written.
pub(crate) fn write(folder: &Path, python: &Path) -> io::Result<()> {
    let read = read_path(folder)?;
    let typical = typical(folder)?;
    let memory = memory(folder)?;
    let writing = writing(folder)?;
    let starting = starting(python)?;
    let (peers, chart) = peers(folder, python)?;
    fs::write(CHART, chart)?;
    let document = [
        INTRODUCTION.to_owned(),
        machine(python),
        READ_PATH.to_owned(),
        read,
        typical,
        memory,
        writing,
        starting,
        peers,
        REMAINS.to_owned(),
        METHOD.to_owned(),
    ];
    fs::write(DOCUMENT, document.join("\n"))
}

const INTRODUCTION: &str = "\
# Performance

What reading a trail costs, writing its events and starting, as `make bench` measured it and wrote it down here. The yardstick is a bare gunzip of
the same object with the same decoder: nobody who reads a trail can do without.
";

const READ_PATH: &str = "\
## Reading an object

Gunzip, split into records, select, normalize, against gunzip alone; with the SHA-256 of the content that the
ledger holds, against gunzip and the same SHA-256. CPU milliseconds, the median of runs in turn.
";

const REMAINS: &str = "\
## What remains

As instructions were counted on 2026-11-26, on objects of 4 MB:

- Splitting and selecting take about a fifth of the time that gunzip takes, by a profile of 2026-11-26 five sixths of that for the
  one look at each 64 bytes: where records end, names, account ids.
- An event of the family takes about 2.9 µs beyond that: a quarter to ask the rules, as much to prove its JSON and find its
  values, a tenth for memory that is taken and given back. A trail of such events alone costs four to five times its gunzip:
  the more is held until the object is proven, the more of its memory comes from the system anew, page by page. Here all is
  held; the function holds 8 MiB at most. Where other work made the C library give the memory of 4 MB back after each
  reading, reading them took some 1.5 ms more.
- Of what `redtrail inspect` takes for 50 MB, by measurements of 2026-11-27 seven tenths are the decoder's, which alone takes
  a 13th of what ijson takes and a 20th of Python's json, and a twentieth is starting.
- Of a function's start three quarters of the instructions are decoding the root certificates, once for both clients. With
  none to decode it takes 2.0 times what the bare one does: the rest is mapping and relocating a larger program.
";

const METHOD: &str = "\
## How it is measured

- The objects are made by `redtrail-trailgen`, the same on every machine: many services mixed, compact JSON in one
  line, about 1.45 KB a record. [How near they are to real ones](trails.md).
- Both sides run in one process, in turn, from memory, in pieces of 16 KB as stored, as large as a TLS record, and 64 KB
  as unpacked. Each object has a process of its own, which reads it over and over. The clock is the process's CPU time.
  Whole processes are measured from outside by `wait4`, user and system time together, in turn as well.
- Wall time is not told: it depends on what else the machine does.
- Instruction counts do not. `make counts-check` holds those of this code to the ones on file, as ratios to the bare
  gunzip's, and fails when one gets worse by more than 3 %. They are counted by Valgrind, whose instructions are
  not time: a vector instruction counts as one, and a branch foreseen wrongly counts nothing.
- `make bench` takes some minutes; the peers come from PyPI into `target/bench/venv`, and one that cannot be had is
  named as such.
";

fn machine(python: &Path) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let version = |program: &Path, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        output.map_or_else(
            |_| "none".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    };
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    format!(
        "Measured on {model}, {cores} cores, {}; {}; {}; {}; {}.\n",
        std::env::consts::ARCH,
        version(Path::new("rustc"), "--version"),
        first_line(version(Path::new("gzip"), "--version")),
        version(Path::new("jq"), "--version"),
        version(python, "--version"),
    )
}

fn read_path(folder: &Path) -> io::Result<String> {
    let mut text = String::from(
        "| object | Redshift's share | gunzip | read | ratio | gunzip + SHA-256 | read + SHA-256 | ratio |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for megabytes in [4, 50] {
        for share in SHARES {
            let object = objects::object(folder, megabytes, share)?;
            let [gunzip, read, gunzip_sha256, read_sha256] = apart(&[object])?;
            line(
                &mut text,
                &format!(
                    "| {megabytes} MB | {:.0} % | {gunzip:.2} | {read:.2} | **{:.2}** | {gunzip_sha256:.2} | {read_sha256:.2} | **{:.2}** |",
                    share * 100.0,
                    read / gunzip,
                    read_sha256 / gunzip_sha256,
                ),
            );
        }
    }
    Ok(text)
}

/// Objects of real sizes: what each costs counts as much as each megabyte.
fn typical(folder: &Path) -> io::Result<String> {
    let paths = objects::typical_objects(folder, TYPICAL_OBJECTS)?;
    let sizes = paths.iter().map(|path| Ok(path.metadata()?.len()));
    let stored: u64 = sizes.sum::<io::Result<_>>()?;
    let [gunzip, read, gunzip_sha256, read_sha256] =
        apart(&paths)?.map(|milliseconds| milliseconds * 1000.0 / TYPICAL_OBJECTS as f64);
    Ok(format!(
        "Most objects are small. {TYPICAL_OBJECTS} of real sizes, {:.0} KB as stored on the average, 1 % Redshift, \
         each read on its own:\n\
         gunzip {gunzip:.0} µs, read {read:.0} µs \
         ({:.2}); with SHA-256 {gunzip_sha256:.0} and {read_sha256:.0} µs ({:.2}).\n",
        stored as f64 / TYPICAL_OBJECTS as f64 / 1000.0,
        read / gunzip,
        read_sha256 / gunzip_sha256,
    ))
}

/// [`read`] in a process of its own: what was done before would count, for the C library gives memory
/// back to the system, or keeps it, by what was taken so far.
fn apart(paths: &[PathBuf]) -> io::Result<[f64; 4]> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.args(["read", "--json"]).args(paths).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr)));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What these objects take, all together.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn read(paths: &[PathBuf]) -> io::Result<[f64; 4]> {
    let selector = Selector::default();
    let objects: Vec<Vec<u8>> = paths.iter().map(fs::read).collect::<Result<_, _>>()?;
    in_turn(|case| {
        objects
            .iter()
            .try_for_each(|object| case.run(&object[..], &selector))
    })
}

/// The same in a line.
pub(crate) fn in_a_line([gunzip, read, gunzip_sha256, read_sha256]: [f64; 4]) -> String {
    format!(
        "gunzip {gunzip:.2} ms, read {read:.2} ms ({:.3}); \
         with SHA-256 {gunzip_sha256:.2} and {read_sha256:.2} ms ({:.3})",
        read / gunzip,
        read_sha256 / gunzip_sha256,
    )
}

/// Median CPU milliseconds of each case.
fn in_turn(mut run: impl FnMut(Case) -> io::Result<()>) -> io::Result<[f64; 4]> {
    let cases = [
        Case::Gunzip,
        Case::Read,
        Case::GunzipSha256,
        Case::ReadSha256,
    ];
    let mut times = [const { Vec::new() }; 4];
    let begun = cpu_seconds();
    let mut round = 0;
    while round < LEAST_ROUNDS || cpu_seconds() - begun < LEAST_SECONDS {
        round += 1;
        for (case, times) in cases.into_iter().zip(&mut times) {
            let before = cpu_seconds();
            run(case)?;
            times.push((cpu_seconds() - before) * 1000.0);
        }
    }
    Ok(times.map(median))
}

/// What a process that reads each object needs at most, beyond one that reads nothing.
fn memory(folder: &Path) -> io::Result<String> {
    let objects = [
        ("4 MB", objects::object(folder, 4, 0.0)?),
        ("50 MB", objects::object(folder, 50, 0.0)?),
        ("1 GB", objects::object(folder, 1000, 0.0)?),
        (
            "50 MB with records of 256 KB",
            objects::object_with_huge_record(folder, 50)?,
        ),
    ];
    let nothing = peak_kib("nothing", None)?;
    let mut text = String::from(
        "## Memory\n\nPeak resident memory of a process that reads one object from a file, less that of one that reads\n\
         nothing. The objects hold no or few events of the family: what is held of those is bounded apart (8 MiB).\n\n\
         | object | beyond nothing |\n|---|---|\n",
    );
    for (name, path) in &objects {
        let beyond = peak_kib("read-sha256", Some(path))? - nothing;
        line(
            &mut text,
            &format!("| {name} | {:.1} MiB |", beyond / 1024.0),
        );
    }
    Ok(text)
}

/// As the process tells it: what its parent sees counts the parent's own memory as well.
fn peak_kib(case: &str, object: Option<&PathBuf>) -> io::Result<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command
        .args(["run", "--peak", case])
        .args(object)
        .output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let peak = told.trim().parse().ok().filter(|_| output.status.success());
    peak.ok_or_else(|| io::Error::other(format!("{case} tells no peak")))
}

/// The section on writing.
///
/// # Errors
/// When it cannot be measured.
pub(crate) fn writing(folder: &Path) -> io::Result<String> {
    let Writing {
        items,
        bare_micros,
        ours_micros,
        items_a_batch,
    } = writing::measure(folder)?;
    Ok(format!(
        "## Writing\n\nRows made of events and sent by BatchWriteItem to a server that answers at once, {items} of them, a thousand\n\
         waiting at a time: a bare loop over the SDK takes {bare_micros:.1} µs of CPU an item, the writer \
         {ours_micros:.1} µs (**{:.2}**), with {items_a_batch:.1} items a request.\n",
        ours_micros / bare_micros,
    ))
}

/// The section on starting.
///
/// # Errors
/// When it cannot be measured.
pub(crate) fn starting(python: &Path) -> io::Result<String> {
    let bundle = starting::bundle();
    let starts = starting::measure(python, bundle)?;
    let seconds = |name| match starts.get(name) {
        Some(Start::Done { seconds, .. }) => *seconds,
        _ => f64::NAN,
    };
    let documented = seconds(starting::DOCUMENTED);
    let bare = seconds(starting::BARE);
    let roots = bundle.map_or("the system's root certificates".to_owned(), |path| {
        format!("the root certificates of `{path}`, as Amazon Linux has them in one file")
    });
    let mut text = format!(
        "## Starting\n\nA function from its process's start until it first asks for an invocation, with\n\
         {roots}. Two others do nothing, make no client of\n\
         AWS's and read no certificates: one is made as the runtime's documents show it, with its log lines; the bare one is\n\
         the least that runs, on one thread and without log lines.\n\n\
         | function | CPU milliseconds | to the documented one's | to the bare one's | instructions |\n|---|---|---|---|---|\n",
    );
    let mut failed = String::new();
    for (name, start) in &starts {
        match start {
            Start::Done {
                seconds,
                instructions,
            } => line(
                &mut text,
                &format!(
                    "| {name} | {:.1} | **{:.2}** | {:.2} | {} |",
                    seconds * 1000.0,
                    seconds / documented,
                    seconds / bare,
                    instructions.map_or("not counted".to_owned(), |count| format!(
                        "{:.1} M",
                        count as f64 / 1e6
                    )),
                ),
            ),
            Start::Failed { error } => {
                line(&mut failed, &format!("- {name}: not measured ({error})."));
            }
        }
    }
    text.push_str(&failed);
    Ok(text)
}

fn peers(folder: &Path, python: &Path) -> io::Result<(String, String)> {
    let object = objects::object(folder, 50, 0.01)?.display().to_string();
    let shell = |script: String| words(["sh", "-c", &script]);
    let mut commands = BTreeMap::from([
        (
            "redtrail".to_owned(),
            words([COMMAND, "inspect", "--output", "jsonl", &object]),
        ),
        ("gzip -dc".to_owned(), words(["gzip", "-dc", &object])),
        (
            "jq".to_owned(),
            shell(format!("gzip -dc '{object}' | jq -r '{JQ_FILTER}'")),
        ),
    ]);
    let versions = Command::new(python).args([PEERS, "versions"]).output()?;
    let versions: BTreeMap<String, String> = serde_json::from_slice(&versions.stdout)?;
    let python = python.display().to_string();
    for peer in ["json", "orjson", "ijson", "polars", "duckdb", "chdb"] {
        commands.insert(peer.to_owned(), words([&python, PEERS, peer, &object]));
    }
    let outcomes = processes::measure(Path::new(&python), 5, &commands)?;
    Ok(told(&outcomes, &versions))
}

fn told(outcomes: &Outcomes, versions: &BTreeMap<String, String>) -> (String, String) {
    let seconds = |name: &str| match outcomes.get(name) {
        Some(Outcome::Done { seconds, .. }) => Some(*seconds),
        _ => None,
    };
    let ours = seconds("redtrail").unwrap_or(f64::NAN);
    let gzip = seconds("gzip -dc").unwrap_or(f64::NAN);
    let mut text = format!(
        "## Whole commands\n\nThe Redshift events of one object of 50 MB (1 % Redshift), as a whole process that starts,\n\
         reads, prints and ends. `redtrail inspect` takes {:.2} of the CPU time of `gzip -dc`, which only unpacks.\n\n\
         ![CPU seconds](performance.svg)\n\n\
         | command | CPU seconds | to redtrail's | peak memory | lines |\n|---|---|---|---|---|\n",
        ours / gzip,
    );
    let mut done = Vec::new();
    let mut failed = String::new();
    for (name, outcome) in outcomes {
        let label = match versions.get(name) {
            Some(version) if name == "json" => format!("Python's json {version}"),
            Some(version) => format!("{name} {version}"),
            None => name.clone(),
        };
        match outcome {
            Outcome::Done {
                seconds,
                peak_bytes,
                lines,
            } => done.push((label, *seconds, *peak_bytes, *lines)),
            Outcome::Failed { error } => {
                let reason = error.lines().last().unwrap_or_default();
                line(&mut failed, &format!("- {label}: not measured ({reason})."));
            }
        }
    }
    done.sort_by(|one, other| one.1.total_cmp(&other.1));
    if let Some(place) = done.iter().position(|(label, ..)| label == "redtrail") {
        let first = done.remove(place);
        done.insert(0, first);
    }
    for (label, seconds, peak_bytes, lines) in &done {
        line(
            &mut text,
            &format!(
                "| {label} | {seconds:.3} | {:.1} | {} | {lines} |",
                seconds / ours,
                megabytes(*peak_bytes),
            ),
        );
    }
    text.push_str(
        "\nThe peers find events by their source alone, and print four fields; redtrail also finds the calls that \
         Redshift makes to other services, proves the object whole, and prints normalized events. Each does all its \
         work on one thread where it can be told to.\n",
    );
    text.push_str(&failed);
    let bars: Vec<_> = done
        .into_iter()
        .map(|(label, seconds, ..)| {
            (
                label,
                seconds,
                format!("{seconds:.2} s ({:.0} x)", seconds / ours),
            )
        })
        .collect();
    let title = "CPU seconds for the Redshift events of a 50 MB log object";
    (text, chart::bars(title, &bars))
}

/// Less than the Python that starts a process cannot be told from outside.
fn megabytes(bytes: u64) -> String {
    match bytes / 1_000_000 {
        0..25 => "below 25 MB".to_owned(),
        more => format!("{more} MB"),
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a String takes all that is written to it");
}
