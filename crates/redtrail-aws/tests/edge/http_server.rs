//! An HTTP server on loopback that answers as a test has it, also in ways no good server
//! would.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Path and query, as sent.
    pub(crate) path: String,
    /// By names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Reply {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
        /// More promises a longer body than comes; the connection then ends.
        content_length: usize,
    },
    /// The connection is reset.
    Reset,
    /// Nothing ever comes.
    Silence,
}

impl Answer {
    pub(crate) fn reply(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let content_length = body.len();
        Self::Reply {
            status,
            headers: Vec::new(),
            body,
            content_length,
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    pub(crate) fn promising(mut self, length: usize) -> Self {
        if let Self::Reply { content_length, .. } = &mut self {
            *content_length = length;
        }
        self
    }
}

/// Answers until the test ends.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

type Script = Arc<Mutex<dyn FnMut(&Request) -> Answer + Send>>;

impl Server {
    /// A server that asks `script` for each answer.
    pub(crate) async fn start(script: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let script: Script = Arc::new(Mutex::new(script));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let serving = serve(connection, Arc::clone(&script), Arc::clone(&seen));
                tokio::spawn(serving);
            }
        });
        Self { url, requests }
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut connection: TcpStream,
    script: Script,
    seen: Arc<Mutex<Vec<Request>>>,
) -> io::Result<()> {
    let mut received = Vec::new();
    while let Some(request) = read(&mut connection, &mut received).await? {
        let answer = (script.lock().unwrap())(&request);
        seen.lock().unwrap().push(request);
        match answer {
            Answer::Reply {
                status,
                headers,
                body,
                content_length,
            } => {
                let mut head =
                    format!("HTTP/1.1 {status} .\r\ncontent-length: {content_length}\r\n");
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                let reply = [head.as_bytes(), b"\r\n", &body].concat();
                connection.write_all(&reply).await?;
                if content_length > body.len() {
                    return connection.shutdown().await;
                }
            }
            Answer::Reset => return connection.set_zero_linger(),
            Answer::Silence => std::future::pending().await,
        }
    }
    Ok(())
}

/// The connection's next request; `None` at its end.
async fn read(connection: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<Option<Request>> {
    loop {
        if let Some((request, length)) = parse(received) {
            received.drain(..length);
            return Ok(Some(request));
        }
        if connection.read_buf(received).await? == 0 {
            return Ok(None);
        }
    }
}

/// A whole request and its length; `None` while it is not whole.
fn parse(received: &[u8]) -> Option<(Request, usize)> {
    let head_length = received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&received[..head_length]);
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let body_length: usize = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let length = head_length + body_length;
    let body = received.get(head_length..length)?.to_vec();
    Some((
        Request {
            path,
            headers,
            body,
        },
        length,
    ))
}
