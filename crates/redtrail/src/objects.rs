//! The log objects that paths name: files, folders walked in a stable order, standard
//! input. It opens them and knows nothing of what they hold.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Seek},
    path::{Path, PathBuf},
};

use redtrail_core::log_key::{LogKey, NotALog, file_name};

use crate::failure::{Failure, chain};

/// Something to inspect.
pub(crate) struct Object {
    /// How it is called in the answer: its path, or `-`.
    pub(crate) name: String,
    pub(crate) state: State,
}

/// What can be done with it.
pub(crate) enum State {
    Readable(Body),
    /// Some other known file: its kind.
    OtherKind(&'static str),
    Unreadable(String),
}

/// Bytes that can be read more than once.
pub(crate) enum Body {
    File(PathBuf),
    StandardInput,
    /// A pipe that has a name.
    Pipe(PathBuf),
    Spooled(File),
}

impl Body {
    /// What flows by once is kept in a temporary file without a name.
    pub(crate) fn rereadable(self) -> io::Result<Self> {
        let mut from: Box<dyn io::Read> = match &self {
            Self::File(_) | Self::Spooled(_) => return Ok(self),
            Self::StandardInput => Box::new(io::stdin().lock()),
            Self::Pipe(path) => Box::new(File::open(path)?),
        };
        let mut file = tempfile::tempfile()?;
        io::copy(&mut from, &mut file)?;
        Ok(Self::Spooled(file))
    }

    /// From its beginning.
    pub(crate) fn open(&self) -> io::Result<File> {
        match self {
            Self::File(path) | Self::Pipe(path) => File::open(path),
            Self::StandardInput => Err(io::Error::other("standard input can be read once only")),
            Self::Spooled(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Ok(file)
            }
        }
    }
}

/// Every object under the paths, in the order of the paths and, in a folder, of the names.
///
/// # Errors
/// When a path names nothing, or standard input twice or from a keyboard.
pub(crate) fn objects(paths: &[PathBuf]) -> Result<Vec<Object>, Failure> {
    let standard_inputs = paths.iter().filter(|path| is_standard_input(path)).count();
    if standard_inputs > 1 {
        return Err(Failure::usage(
            "`-` stands twice",
            "Standard input can be read once only.",
        ));
    }
    let mut objects = Vec::new();
    for path in paths {
        if is_standard_input(path) {
            if io::stdin().is_terminal() {
                return Err(Failure::usage(
                    "`-` reads from standard input, which is a terminal",
                    "Give it an object, as in: redtrail inspect - < FILE",
                ));
            }
            let state = State::Readable(Body::StandardInput);
            objects.push(Object {
                name: "-".to_owned(),
                state,
            });
            continue;
        }
        let metadata = fs::metadata(path).map_err(|error| {
            Failure::usage(
                format!("could not find {}: {error}", path.display()),
                "Give files or folders that can be read, or `-` for standard input.",
            )
        })?;
        if metadata.is_dir() {
            walk(path, &mut objects);
        } else {
            objects.push(named(path, metadata.is_file()));
        }
    }
    Ok(objects)
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A file that a person named: read whatever it is called, unless as another kind.
fn named(path: &Path, is_file: bool) -> Object {
    let name = path.display().to_string();
    let state = match other_kind(&name) {
        Some(kind) => State::OtherKind(kind),
        None if is_file => State::Readable(Body::File(path.to_owned())),
        None => State::Readable(Body::Pipe(path.to_owned())),
    };
    Object { name, state }
}

fn walk(folder: &Path, objects: &mut Vec<Object>) {
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            let name = folder.display().to_string();
            objects.push(Object {
                name,
                state: State::Unreadable(chain(&error)),
            });
            return;
        }
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let Ok(file_type) = entry.file_type() else {
            objects.push(named(&path, true));
            continue;
        };
        if file_type.is_dir() {
            walk(&path, objects);
            continue;
        }
        // A link to a file is that file; a link to a folder could lead back to this one.
        let is_file = fs::metadata(&path).is_ok_and(|metadata| metadata.is_file());
        let mut object = named(&path, true);
        if !is_file && file_type.is_symlink() && path.exists() {
            object.state = State::OtherKind("link_to_folder");
        } else if !is_file && path.exists() {
            object.state = State::OtherKind("no_file");
        } else if !is_named_like_json(&object.name) {
            object.state = State::OtherKind("other");
        }
        objects.push(object);
    }
}

fn is_named_like_json(name: &str) -> bool {
    [".json", ".json.gz", ".gz"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// The kind of what AWS delivers next to logs, by its folder or else by its file's name.
fn other_kind(name: &str) -> Option<&'static str> {
    const BY_FILE_NAME: [(&str, NotALog); 5] = [
        ("_CloudTrail-Digest_", NotALog::Digest),
        ("_CloudTrail-Insight_", NotALog::Insight),
        ("_CloudTrail-NetworkActivity_", NotALog::NetworkActivity),
        ("_CloudTrail-Aggregated_", NotALog::Aggregated),
        ("_Config_", NotALog::Config),
    ];
    let kind = match LogKey::parse(name) {
        Ok(_) => return None,
        Err(NotALog::Other) => BY_FILE_NAME
            .iter()
            .find(|(mark, _)| file_name(name).contains(mark))
            .map(|(_, kind)| *kind)?,
        Err(kind) => kind,
    };
    Some(kind.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_kinds_by_folder_or_name() {
        for (name, kind) in [
            (
                "x/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/02/a.json.gz",
                Some("digest"),
            ),
            (
                "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20260302T100000Z.json.gz",
                Some("digest"),
            ),
            (
                "111122223333_CloudTrail-Insight_us-east-1_20260302T0905Z_a1B2.json.gz",
                Some("insight"),
            ),
            (
                "111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2.json.gz",
                None,
            ),
            ("_CloudTrail-Digest_/records.json", None),
            ("records.json", None),
        ] {
            assert_eq!(other_kind(name), kind, "{name}");
        }
    }
}
