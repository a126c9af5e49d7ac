//! The embedded S3: a folder served by s3s. It has no versions, ignores `If-Match`, and its
//! `PutObject` fails for keys of more than about 160 characters, which a trail's keys can have.

use std::fs;
use std::io;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use aws_sdk_s3::{Client, Error};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;

use crate::clients::s3_client;
use crate::environment::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use crate::error::LocalError;
use crate::http_server::HttpServer;
use crate::listed_etags::ListedEtags;

/// An S3 on this machine, until it is stopped or dropped.
#[derive(Debug)]
pub struct S3Server {
    server: HttpServer,
    folder: PathBuf,
    client: Client,
}

/// An object as S3 describes it: what a notification says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    pub bucket: String,
    pub key: String,
    pub size: u64,
    /// Without its quotes, as notifications carry it.
    pub e_tag: String,
}

impl S3Server {
    /// Serves a folder, in which each bucket is a folder, on an address, whose port 0 is any free
    /// one.
    pub async fn start(folder: &Path, address: SocketAddrV4) -> Result<Self, LocalError> {
        let file_system = FileSystem::new(folder).map_err(|error| LocalError::S3Folder {
            path: folder.to_owned(),
            source: format!("{error:?}").into(),
        })?;
        let mut builder = S3ServiceBuilder::new(ListedEtags {
            file_system,
            folder: folder.to_owned(),
        });
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let server = HttpServer::start(address, builder.build()).await?;
        let client = s3_client(&endpoint(&server));
        Ok(Self {
            server,
            folder: folder.to_owned(),
            client,
        })
    }

    /// By address, not by name: SDKs then put the bucket into the path without being told.
    pub fn endpoint(&self) -> String {
        endpoint(&self.server)
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Puts an object into a bucket, which is created when it is not there.
    pub async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        body: &[u8],
    ) -> Result<StoredObject, LocalError> {
        self.create_bucket(bucket).await?;
        self.put(bucket, key, body).await
    }

    /// Puts every file of a folder and its subfolders into a bucket, which is created when it is
    /// not there. Keys are relative paths; the objects come back in the order of their keys.
    pub async fn put_folder(
        &self,
        bucket: &str,
        folder: &Path,
    ) -> Result<Vec<StoredObject>, LocalError> {
        self.create_bucket(bucket).await?;
        let mut keys = Vec::new();
        collect_keys(folder, "", &mut keys)?;
        keys.sort_unstable();
        let mut objects = Vec::with_capacity(keys.len());
        for key in keys {
            let path = folder.join(&key);
            let body = fs::read(&path).map_err(|source| folder_error(&path, source))?;
            objects.push(self.put(bucket, &key, &body).await?);
        }
        Ok(objects)
    }

    /// Ends the server and whatever request it was serving.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    async fn create_bucket(&self, bucket: &str) -> Result<(), LocalError> {
        let created = self.client.create_bucket().bucket(bucket).send().await;
        match created.map_err(Error::from) {
            Ok(_) | Err(Error::BucketAlreadyExists(_) | Error::BucketAlreadyOwnedByYou(_)) => {
                Ok(())
            }
            Err(error) => Err(LocalError::request(format!("create the bucket {bucket}"))(
                error,
            )),
        }
    }

    async fn put(&self, bucket: &str, key: &str, body: &[u8]) -> Result<StoredObject, LocalError> {
        if takes_over_the_wire(bucket, key) {
            let put = self.client.put_object().bucket(bucket).key(key);
            put.body(body.to_vec().into())
                .send()
                .await
                .map_err(LocalError::request(format!("put s3://{bucket}/{key}")))?;
        } else {
            self.write(bucket, key, body)?;
        }
        let object = self.client.head_object().bucket(bucket).key(key);
        let object = object
            .send()
            .await
            .map_err(LocalError::request(format!("read s3://{bucket}/{key}")))?;
        Ok(StoredObject {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            size: object.content_length().unwrap_or_default().unsigned_abs(),
            e_tag: object
                .e_tag()
                .unwrap_or_default()
                .trim_matches('"')
                .to_owned(),
        })
    }

    /// Puts an object by writing it where s3s reads it.
    fn write(&self, bucket: &str, key: &str, body: &[u8]) -> Result<(), LocalError> {
        let path = self.folder.join(bucket).join(key);
        if key.split('/').any(|name| matches!(name, "" | "." | "..")) {
            let not_a_path =
                io::Error::new(io::ErrorKind::InvalidInput, "the key is no plain path");
            return Err(folder_error(&path, not_a_path));
        }
        fs::create_dir_all(path.parent().unwrap_or(&self.folder))
            .and_then(|()| fs::write(&path, body))
            .map_err(|source| folder_error(&path, source))
    }
}

/// Whether `PutObject` works: s3s keeps an object's attributes in a file that is named by bucket
/// and key, both in base64, and file names end at 255 bytes.
fn takes_over_the_wire(bucket: &str, key: &str) -> bool {
    let base64 = |text: &str| (text.len() * 4).div_ceil(3);
    ".bucket-.object-.metadata.json".len() + base64(bucket) + base64(key) <= 255
}

fn endpoint(server: &HttpServer) -> String {
    format!("http://{}", server.address())
}

fn collect_keys(folder: &Path, prefix: &str, keys: &mut Vec<String>) -> Result<(), LocalError> {
    let entries = fs::read_dir(folder).map_err(|source| folder_error(folder, source))?;
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
    use aws_sdk_s3::config::retry::RetryConfig;
    use aws_sdk_s3::config::{Config, Credentials};
    use aws_sdk_s3::operation::get_object::GetObjectError;
    use tempfile::TempDir;

    use super::*;
    use crate::http_server::LOOPBACK;

    /// With all that must be escaped, and as long as a digest's key in an organization.
    const KEY: &str = "security/cloudtrail/AWSLogs/o-exampleorg/111122223333/CloudTrail-Digest/\
        us-gov-west-1/2026/03/02/111122223333_CloudTrail-Digest_us-gov-west-1_\
        organization trail+of%2Feverything é_us-gov-west-1_20260302T100000Z.json.gz";

    async fn seeded() -> (TempDir, S3Server, Client, Vec<StoredObject>) {
        let source = TempDir::new().unwrap();
        for (key, text) in [(KEY, "0123456789"), ("empty.json", ""), ("a/b", "b")] {
            let path = source.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let folder = TempDir::new().unwrap();
        let server = S3Server::start(folder.path(), LOOPBACK).await.unwrap();
        let client = server.client().clone();
        let objects = server.put_folder("trail", source.path()).await.unwrap();
        (folder, server, client, objects)
    }

    fn without_retries() -> aws_sdk_s3::config::Builder {
        Config::builder().retry_config(RetryConfig::disabled())
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
            .prefix("security/cloudtrail/AWSLogs/")
            .send()
            .await;
        let under = under.unwrap();
        let [object] = under.contents() else {
            panic!("{under:?}");
        };
        // As the object itself is answered with.
        assert_eq!(object.e_tag(), Some("\"781e5e245d69b566979b86e28d23f2c7\""));
    }

    #[tokio::test]
    async fn ok_an_object_comes_back_whole() {
        let (_folder, _server, client, objects) = seeded().await;
        let object = client
            .get_object()
            .bucket("trail")
            .key(KEY)
            .send()
            .await
            .unwrap();
        assert_eq!(object.content_length(), Some(10));
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
    async fn ok_put_over_an_object_that_came_over_the_wire() {
        let (_folder, server, client, _) = seeded().await;
        let put = client.put_object().bucket("trail").key("wire");
        put.body(b"over the wire".to_vec().into())
            .send()
            .await
            .unwrap();
        let object = server.put_object("trail", "wire", b"now").await.unwrap();
        // MD5 of the new body.
        assert_eq!(object.e_tag, "97bc592b27a9ada2d9a4bb418ed0ebed");
        let wire = client
            .get_object()
            .bucket("trail")
            .key("wire")
            .send()
            .await
            .unwrap();
        assert_eq!(wire.body.collect().await.unwrap().into_bytes(), "now");
        let listed = client
            .list_objects_v2()
            .bucket("trail")
            .send()
            .await
            .unwrap();
        assert_eq!(listed.contents().len(), 4);
    }

    #[tokio::test]
    async fn ok_keys_around_the_longest_that_s3s_takes() {
        let (_folder, server, client, _) = seeded().await;
        let longest = (1..)
            .take_while(|length| takes_over_the_wire("trail", &"k".repeat(*length)))
            .last()
            .unwrap();
        for length in [longest, longest + 1] {
            let key = "k".repeat(length);
            let put = client.put_object().bucket("trail").key(&key).customize();
            let put = put.config_override(without_retries()).send().await;
            assert_eq!(put.is_ok(), length == longest);
            let object = server.put_object("trail", &key, b"now").await.unwrap();
            assert_eq!((object.size, object.key), (3, key));
        }
    }

    #[tokio::test]
    async fn err_a_long_key_that_leaves_the_bucket() {
        let (_folder, server, _client, _) = seeded().await;
        let key = format!("{}../../x", "k/".repeat(100));
        let error = server.put_object("trail", &key, b"x").await.unwrap_err();
        assert!(matches!(error, LocalError::Folder { .. }));
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
        let error = get
            .customize()
            .config_override(without_retries())
            .send()
            .await
            .unwrap_err();
        assert!(error.raw_response().is_none());
    }
}
