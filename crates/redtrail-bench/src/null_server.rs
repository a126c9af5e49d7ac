//! A DynamoDB that takes every batch and keeps nothing, in a process of its own: what it
//! costs is nobody's.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n\
    Content-Length: 23\r\n\r\n{\"UnprocessedItems\":{}}";

/// A server that runs until this is dropped.
pub(crate) struct NullServer {
    process: Child,
    pub(crate) endpoint: String,
}

impl NullServer {
    /// Starts this program as one.
    ///
    /// # Errors
    /// When it does not come up.
    pub(crate) fn start() -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("null-server")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut endpoint = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut endpoint)?;
        }
        Ok(Self {
            process,
            endpoint: endpoint.trim().to_owned(),
        })
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Tells its endpoint on standard output and serves for ever.
///
/// # Errors
/// When it cannot listen.
pub(crate) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    writeln!(io::stdout(), "http://{}", listener.local_addr()?)?;
    for connection in listener.incoming() {
        let connection = connection?;
        thread::spawn(move || answer_all(connection));
    }
    Ok(())
}

fn answer_all(connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut out = connection.try_clone()?;
    let mut requests = BufReader::new(connection);
    loop {
        let mut body_bytes = 0;
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(length) = line.strip_prefix("content-length:") {
                body_bytes = length.trim().parse().map_err(io::Error::other)?;
            }
            if line.is_empty() {
                break;
            }
        }
        io::copy(&mut requests.by_ref().take(body_bytes), &mut io::sink())?;
        out.write_all(ANSWER)?;
    }
}
