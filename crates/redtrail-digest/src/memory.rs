//! A bucket in memory, an equal citizen of the real one.

use std::collections::BTreeMap;

use bytes::Bytes;
use redtrail_core::edge::{EdgeError, EdgeErrorKind, LogBody, ObjectIdentity};
use sha2::{Digest, Sha256};

use crate::edge::{DigestMetadata, ListedObject, OpenObject, TrailBucket};

/// Objects handed out by one page.
const PAGE: usize = 1000;

/// Objects by their keys.
#[derive(Clone, Debug, Default)]
pub struct MemoryBucket {
    objects: BTreeMap<String, Stored>,
    drops_metadata: bool,
}

#[derive(Clone, Debug)]
struct Stored {
    bytes: Bytes,
    etag: String,
    metadata: DigestMetadata,
}

impl MemoryBucket {
    pub fn insert(&mut self, key: &str, bytes: impl Into<Bytes>, metadata: DigestMetadata) {
        let bytes = bytes.into();
        let stored = Stored {
            etag: format!("\"{}\"", hex::encode(Sha256::digest(&bytes))),
            bytes,
            metadata,
        };
        self.objects.insert(key.to_owned(), stored);
    }

    /// The same objects, as a folder would hold them.
    #[must_use]
    pub fn without_metadata(mut self) -> Self {
        self.drops_metadata = true;
        self
    }
}

/// An object of a [`MemoryBucket`], being read.
#[derive(Debug)]
pub struct MemoryObject {
    identity: ObjectIdentity,
    rest: Bytes,
}

impl TrailBucket for MemoryBucket {
    type Body = MemoryObject;

    fn keeps_metadata(&self) -> bool {
        !self.drops_metadata
    }

    async fn open(&self, key: &str) -> Result<OpenObject<MemoryObject>, EdgeError> {
        let Stored {
            bytes,
            etag,
            metadata,
        } = self.objects.get(key).cloned().ok_or_else(|| EdgeError {
            attempted: format!("fetch {key}"),
            kind: EdgeErrorKind::Missing,
            source: None,
        })?;
        let identity = ObjectIdentity {
            etag: Some(etag),
            stored_bytes: Some(bytes.len() as u64),
            ..ObjectIdentity::default()
        };
        Ok(OpenObject {
            body: MemoryObject {
                identity,
                rest: bytes,
            },
            metadata: if self.drops_metadata {
                DigestMetadata::default()
            } else {
                metadata
            },
        })
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, EdgeError> {
        let from = after.unwrap_or(prefix).to_owned();
        let objects = self.objects.range(from..);
        let page = objects
            .skip_while(|(key, _)| after == Some(key.as_str()))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(PAGE);
        Ok(page
            .map(|(key, stored)| ListedObject {
                key: key.clone(),
                bytes: stored.bytes.len() as u64,
                etag: Some(stored.etag.clone()),
            })
            .collect())
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, EdgeError> {
        let mut folders = Vec::new();
        for key in self.objects.keys() {
            if let Some((folder, _)) = key
                .strip_prefix(prefix)
                .and_then(|path| path.split_once('/'))
                && folders.last().is_none_or(|last| last != folder)
            {
                folders.push(folder.to_owned());
            }
        }
        Ok(folders)
    }
}

impl LogBody for MemoryObject {
    fn identity(&self) -> &ObjectIdentity {
        &self.identity
    }

    async fn next(&mut self) -> Result<Option<Bytes>, EdgeError> {
        let rest = std::mem::take(&mut self.rest);
        Ok((!rest.is_empty()).then_some(rest))
    }
}
