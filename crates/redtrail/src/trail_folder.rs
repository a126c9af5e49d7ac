//! A trail in a folder of this machine, as `aws s3 sync` leaves it: the keys are the paths
//! below it, and there are no metadata.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use redtrail_core::edge::{EdgeError, EdgeErrorKind, LogBody, ObjectIdentity};
use redtrail_digest::edge::{DigestMetadata, ListedObject, OpenObject, TrailBucket};
use tokio::{fs::File, io::AsyncReadExt};

/// Objects handed out by one page.
const PAGE: usize = 1000;
const PIECE_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct TrailFolder {
    folder: PathBuf,
}

/// A file being read.
#[derive(Debug)]
pub(crate) struct TrailFile {
    path: PathBuf,
    file: File,
    identity: ObjectIdentity,
}

impl TrailFolder {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The file of a key; a digest cannot name one outside the folder.
    fn path(&self, key: &str) -> Option<PathBuf> {
        let is_plain =
            |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\0', '\\']);
        let is_within = key.trim_end_matches('/').split('/').all(is_plain);
        is_within.then(|| self.folder.join(key))
    }
}

impl TrailBucket for TrailFolder {
    type Body = TrailFile;

    fn keeps_metadata(&self) -> bool {
        false
    }

    async fn open(&self, key: &str) -> Result<OpenObject<TrailFile>, EdgeError> {
        let Some(path) = self.path(key) else {
            return Err(EdgeError {
                attempted: format!("read {key}, which is no plain path"),
                kind: EdgeErrorKind::Missing,
                source: None,
            });
        };
        let open = async {
            let file = File::open(&path).await?;
            let metadata = file.metadata().await?;
            if !metadata.is_file() {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
            Ok((file, metadata.len()))
        };
        let (file, bytes) = open.await.map_err(|error| not_read(&path, error))?;
        Ok(OpenObject {
            body: TrailFile {
                path,
                file,
                identity: ObjectIdentity {
                    stored_bytes: Some(bytes),
                    ..ObjectIdentity::default()
                },
            },
            metadata: DigestMetadata::default(),
        })
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, EdgeError> {
        let mut objects = Vec::new();
        if let Some(folder) = self.path(prefix) {
            walk(&folder, prefix, &mut objects).map_err(|error| not_read(&folder, error))?;
        }
        objects.retain(|object| after.is_none_or(|after| object.key.as_str() > after));
        objects.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        objects.truncate(PAGE);
        Ok(objects)
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, EdgeError> {
        let Some(folder) = self.path(prefix) else {
            return Ok(Vec::new());
        };
        let list = || {
            let mut names = Vec::new();
            for entry in entries(&folder)? {
                if entry.file_type()?.is_dir() {
                    names.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
            names.sort_unstable();
            Ok(names)
        };
        list().map_err(|error| not_read(&folder, error))
    }
}

impl LogBody for TrailFile {
    fn identity(&self) -> &ObjectIdentity {
        &self.identity
    }

    async fn next(&mut self) -> Result<Option<bytes::Bytes>, EdgeError> {
        let mut piece = vec![0; PIECE_BYTES];
        let read = self.file.read(&mut piece).await;
        let read = read.map_err(|error| not_read(&self.path, error))?;
        piece.truncate(read);
        Ok((read > 0).then(|| piece.into()))
    }
}

/// Every file below a folder; links to folders are not followed.
fn walk(folder: &Path, prefix: &str, objects: &mut Vec<ListedObject>) -> io::Result<()> {
    for entry in entries(folder)? {
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{key}/"), objects)?;
        } else {
            let bytes = entry.metadata()?.len();
            objects.push(ListedObject {
                key,
                bytes,
                etag: None,
            });
        }
    }
    Ok(())
}

/// What is in a folder; one that is not there has nothing, as in S3.
fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn not_read(path: &Path, error: io::Error) -> EdgeError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => EdgeErrorKind::Missing,
        _ => EdgeErrorKind::Refused,
    };
    EdgeError {
        attempted: format!("read {}", path.display()),
        kind,
        source: Some(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for key in ["a/b/1", "a/b/c/2", "a/3", "d"] {
            let path = folder.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, key).unwrap();
        }
        folder
    }

    #[tokio::test]
    async fn ok_pages_are_in_the_order_of_keys() {
        let folder = folder();
        let trail = TrailFolder::new(folder.path().to_owned());
        let keys = |objects: Vec<ListedObject>| -> Vec<String> {
            objects.into_iter().map(|object| object.key).collect()
        };
        assert_eq!(
            keys(trail.page("a/", None).await.unwrap()),
            ["a/3", "a/b/1", "a/b/c/2"]
        );
        assert_eq!(
            keys(trail.page("a/", Some("a/b/1")).await.unwrap()),
            ["a/b/c/2"]
        );
        assert!(trail.page("none/", None).await.unwrap().is_empty());
        assert_eq!(trail.folders("a/").await.unwrap(), ["b"]);
        let mut open = trail.open("a/b/1").await.unwrap();
        assert_eq!(open.body.next().await.unwrap().unwrap(), "a/b/1");
        assert_eq!(open.body.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn err_a_key_that_leaves_the_folder() {
        let folder = folder();
        let trail = TrailFolder::new(folder.path().join("a"));
        assert!(trail.open("3").await.is_ok());
        for key in [
            "../d",
            "b/../../d",
            "/etc/passwd",
            "",
            "b",
            "none",
            "b/./1",
            "b//1",
        ] {
            let error = trail.open(key).await.unwrap_err();
            assert_eq!(error.kind, EdgeErrorKind::Missing, "{key}");
        }
        assert!(trail.page("../", None).await.unwrap().is_empty());
    }
}
