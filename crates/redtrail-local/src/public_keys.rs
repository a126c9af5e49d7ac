//! A stand-in for CloudTrail that knows one operation, ListPublicKeys, and answers it with the
//! keys it was given, whatever time is asked for.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html>

use std::convert::Infallible;
use std::sync::Arc;

use aws_smithy_types::base64;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::error::LocalError;
use crate::http_server::{HttpServer, LOOPBACK};

/// Some clients put the service's name in Java before it.
const TARGET: &str = "CloudTrail_20131101.ListPublicKeys";

/// A ListPublicKeys on loopback, until it is stopped or dropped.
#[derive(Debug)]
pub struct PublicKeysServer {
    server: HttpServer,
}

impl PublicKeysServer {
    /// Starts on any free port of 127.0.0.1 with keys given as fingerprint and DER.
    pub async fn start(
        keys: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Result<Self, LocalError> {
        let keys: Vec<Value> = keys
            .into_iter()
            .map(|(fingerprint, der)| {
                json!({
                    "Fingerprint": fingerprint,
                    "Value": base64::encode(der),
                    "ValidityStartTime": 1_400_000_000,
                    "ValidityEndTime": 2_000_000_000,
                })
            })
            .collect();
        let answer = Arc::new(json!({ "PublicKeyList": keys }).to_string());
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = Arc::clone(&answer);
            async move { Ok::<_, Infallible>(respond(&request, &answer)) }
        });
        Ok(Self {
            server: HttpServer::start(LOOPBACK, service).await?,
        })
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Ends the server and whatever request it was serving.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

fn respond(request: &Request<Incoming>, answer: &str) -> Response<Full<Bytes>> {
    let target = request.headers().get("x-amz-target");
    let is_known = target.is_some_and(|target| target.as_bytes().ends_with(TARGET.as_bytes()));
    let body = if is_known {
        answer.to_owned()
    } else {
        json!({ "__type": "UnknownOperationException" }).to_string()
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    if !is_known {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    let json = HeaderValue::from_static("application/x-amz-json-1.1");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
