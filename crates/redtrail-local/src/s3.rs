//! The embedded S3: a folder served by s3s. It has no versions and ignores `If-Match`.

use std::io;
use std::path::{Path, PathBuf};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;

use crate::environment::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use crate::error::LocalError;
use crate::http_server::HttpServer;

/// An S3 on loopback, until it is stopped or dropped.
#[derive(Debug)]
pub struct S3Server(HttpServer);

/// An object as `PutObject` took it: what a notification says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    pub bucket: String,
    pub key: String,
    pub size: u64,
    /// Without its quotes, as notifications carry it.
    pub e_tag: String,
}

impl S3Server {
    /// Serves a folder, in which each bucket is a folder, on a port of 127.0.0.1; 0 is any free one.
    pub async fn start(folder: &Path, port: u16) -> Result<Self, LocalError> {
        let file_system = FileSystem::new(folder).map_err(|error| LocalError::S3Folder {
            path: folder.to_owned(),
            source: format!("{error:?}").into(),
        })?;
        let mut builder = S3ServiceBuilder::new(file_system);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        HttpServer::start(port, builder.build()).await.map(Self)
    }

    /// By address, not by name: SDKs then put the bucket into the path without being told.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.0.address())
    }

    /// Ends the server and whatever request it was serving.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

/// Puts every file of a folder and its subfolders into a bucket, which is created when it is not
/// there. Keys are relative paths; the objects come back in the order of their keys.
pub async fn put_folder(
    client: &Client,
    bucket: &str,
    folder: &Path,
) -> Result<Vec<StoredObject>, LocalError> {
    create_bucket(client, bucket).await?;
    let mut keys = Vec::new();
    collect_keys(folder, "", &mut keys)?;
    keys.sort_unstable();
    let mut objects = Vec::with_capacity(keys.len());
    for key in keys {
        let path = folder.join(&key);
        objects.push(put_file(client, bucket, &key, &path).await?);
    }
    Ok(objects)
}

async fn create_bucket(client: &Client, bucket: &str) -> Result<(), LocalError> {
    let created = client.create_bucket().bucket(bucket).send().await;
    match created.map_err(aws_sdk_s3::Error::from) {
        Ok(_) | Err(aws_sdk_s3::Error::BucketAlreadyExists(_) | aws_sdk_s3::Error::BucketAlreadyOwnedByYou(_)) => Ok(()),
        Err(error) => Err(LocalError::request(format!("create the bucket {bucket}"))(error)),
    }
}

/// Puts one file, with the headers that CloudTrail gives its log objects.
async fn put_file(
    client: &Client,
    bucket: &str,
    key: &str,
    path: &Path,
) -> Result<StoredObject, LocalError> {
    let size = tokio::fs::metadata(path).await.map_err(|source| folder_error(path, source))?.len();
    let body = ByteStream::from_path(path)
        .await
        .map_err(LocalError::request(format!("read {}", path.display())))?;
    let put = client
        .put_object()
        .bucket(bucket)
        .key(key)
        .content_type("application/json")
        .set_content_encoding(key.ends_with(".gz").then(|| "gzip".to_owned()))
        .body(body)
        .send()
        .await
        .map_err(LocalError::request(format!("put s3://{bucket}/{key}")))?;
    Ok(StoredObject {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        size,
        e_tag: put.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
    })
}

fn collect_keys(folder: &Path, prefix: &str, keys: &mut Vec<String>) -> Result<(), LocalError> {
    let entries = std::fs::read_dir(folder).map_err(|source| folder_error(folder, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| folder_error(folder, source))?;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|_| {
            let not_text = io::Error::new(io::ErrorKind::InvalidData, "its name is not UTF-8");
            folder_error(&path, not_text)
        })?;
        let key = format!("{prefix}{name}");
        if path.is_dir() {
            collect_keys(&path, &format!("{key}/"), keys)?;
        } else {
            keys.push(key);
        }
    }
    Ok(())
}

fn folder_error(path: &Path, source: io::Error) -> LocalError {
    LocalError::Folder {
        path: PathBuf::from(path),
        source,
    }
}
