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
        Ok(_)
        | Err(
            aws_sdk_s3::Error::BucketAlreadyExists(_)
            | aws_sdk_s3::Error::BucketAlreadyOwnedByYou(_),
        ) => Ok(()),
        Err(error) => Err(LocalError::request(format!("create the bucket {bucket}"))(
            error,
        )),
    }
}

/// Puts one file, with the headers that CloudTrail gives its log objects.
async fn put_file(
    client: &Client,
    bucket: &str,
    key: &str,
    path: &Path,
) -> Result<StoredObject, LocalError> {
    let size = tokio::fs::metadata(path)
        .await
        .map_err(|source| folder_error(path, source))?
        .len();
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

#[cfg(test)]
mod tests {
    use std::fs;

    use aws_sdk_s3::config::Credentials;
    use aws_sdk_s3::operation::get_object::GetObjectError;
    use tempfile::TempDir;

    use super::*;
    use crate::clients::s3_client;

    const KEY: &str = "o-1/AWSLogs/o-1/111122223333/CloudTrail/us-east-1/a b+c%é.json.gz";

    async fn seeded() -> (TempDir, S3Server, Client, Vec<StoredObject>) {
        let source = TempDir::new().unwrap();
        for (key, text) in [(KEY, "0123456789"), ("empty.json", ""), ("a/b", "b")] {
            let path = source.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let folder = TempDir::new().unwrap();
        let server = S3Server::start(folder.path(), 0).await.unwrap();
        let client = s3_client(&server.endpoint());
        let objects = put_folder(&client, "trail", source.path()).await.unwrap();
        (folder, server, client, objects)
    }

    #[tokio::test]
    async fn ok_keys_are_relative_paths_in_order() {
        let (_folder, _server, client, objects) = seeded().await;
        let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["a/b", "empty.json", KEY]);
        let sizes: Vec<u64> = objects.iter().map(|object| object.size).collect();
        assert_eq!(sizes, [1, 0, 10]);

        let mut pages = client
            .list_objects_v2()
            .bucket("trail")
            .into_paginator()
            .page_size(2)
            .send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            assert!(page.contents().len() <= 2);
            listed.extend(
                page.contents()
                    .iter()
                    .map(|object| object.key().unwrap().to_owned()),
            );
        }
        assert_eq!(listed, keys);

        let under = client
            .list_objects_v2()
            .bucket("trail")
            .prefix("o-1/AWSLogs/")
            .send()
            .await;
        assert_eq!(under.unwrap().contents().len(), 1);
    }

    #[tokio::test]
    async fn ok_an_object_comes_back_as_cloudtrail_stores_it() {
        let (_folder, _server, client, objects) = seeded().await;
        let object = client
            .get_object()
            .bucket("trail")
            .key(KEY)
            .send()
            .await
            .unwrap();
        assert_eq!(object.content_length(), Some(10));
        assert_eq!(object.content_type(), Some("application/json"));
        assert_eq!(object.content_encoding(), Some("gzip"));
        assert_eq!(object.version_id(), None);
        // The ETag of an object that was put in one request is its MD5.
        assert_eq!(object.e_tag(), Some("\"781e5e245d69b566979b86e28d23f2c7\""));
        assert_eq!(objects[2].e_tag, "781e5e245d69b566979b86e28d23f2c7");
        let bytes = object.body.collect().await.unwrap().into_bytes();
        assert_eq!(bytes, "0123456789");
    }

    #[tokio::test]
    async fn ok_a_range() {
        let (_folder, _server, client, _) = seeded().await;
        let get = client
            .get_object()
            .bucket("trail")
            .key(KEY)
            .range("bytes=4-6");
        let part = get.send().await.unwrap();
        assert_eq!(part.content_range(), Some("bytes 4-6/10"));
        assert_eq!(part.content_length(), Some(3));
        assert_eq!(part.body.collect().await.unwrap().into_bytes(), "456");
    }

    #[tokio::test]
    async fn ok_put_twice_is_there_once() {
        let (_folder, _server, client, _) = seeded().await;
        let source = TempDir::new().unwrap();
        fs::write(source.path().join("empty.json"), "not now").unwrap();
        put_folder(&client, "trail", source.path()).await.unwrap();
        let listed = client
            .list_objects_v2()
            .bucket("trail")
            .send()
            .await
            .unwrap();
        assert_eq!(listed.contents().len(), 3);
    }

    #[tokio::test]
    async fn err_no_such_key() {
        let (_folder, _server, client, _) = seeded().await;
        let error = client
            .get_object()
            .bucket("trail")
            .key("none")
            .send()
            .await
            .unwrap_err();
        assert!(matches!(
            error.into_service_error(),
            GetObjectError::NoSuchKey(_)
        ));
    }

    #[tokio::test]
    async fn err_other_credentials() {
        let (_folder, _server, client, _) = seeded().await;
        let stranger = client
            .config()
            .to_builder()
            .credentials_provider(Credentials::new(
                ACCESS_KEY_ID,
                "another secret",
                None,
                None,
                "test",
            ));
        let stranger = Client::from_conf(stranger.build());
        let error = stranger
            .get_object()
            .bucket("trail")
            .key(KEY)
            .send()
            .await
            .unwrap_err();
        let status = error.raw_response().unwrap().status().as_u16();
        assert_eq!(status, 403);
    }

    #[tokio::test]
    async fn err_stopped() {
        let (_folder, server, client, _) = seeded().await;
        server.stop().await;
        let get = client.get_object().bucket("trail").key(KEY);
        let attempts = aws_sdk_s3::config::retry::RetryConfig::disabled();
        let once = aws_sdk_s3::config::Builder::default().retry_config(attempts);
        let error = get
            .customize()
            .config_override(once)
            .send()
            .await
            .unwrap_err();
        assert!(error.raw_response().is_none());
    }
}
