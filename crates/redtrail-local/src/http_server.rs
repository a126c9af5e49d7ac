//! An HTTP/1.1 server around any hyper service, until it is stopped or dropped. A
//! service that fails gives no answer: its connection is reset.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::error::LocalError;

#[derive(Debug)]
pub(crate) struct HttpServer {
    address: SocketAddr,
    /// Sending or dropping it ends the server.
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl HttpServer {
    pub(crate) async fn start<S, B>(address: SocketAddrV4, service: S) -> Result<Self, LocalError>
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (listener, address) = listen(address).await?;
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, service, stopped));
        Ok(Self {
            address,
            stop,
            serving,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server and whatever request it was serving, and waits for that.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.serving.await.ok();
    }
}

/// Any free port of 127.0.0.1.
pub const LOOPBACK: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// Binds an address, whose port 0 is any free one. The address to reach it by from this machine
/// comes with it.
pub(crate) async fn listen(address: SocketAddrV4) -> Result<(TcpListener, SocketAddr), LocalError> {
    let listen_error = |source| LocalError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen_error)?;
    let mut reached_by = listener.local_addr().map_err(listen_error)?;
    if reached_by.ip().is_unspecified() {
        reached_by.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok((listener, reached_by))
}

async fn serve<S, B>(listener: TcpListener, service: S, mut stopped: oneshot::Receiver<()>)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                // What fails here is one client's connection, not the listener.
                let Ok((stream, _)) = accepted else { continue };
                stream.set_nodelay(true).ok();
                connections.spawn(serve_connection(stream, service.clone()));
            }
        }
    }
    connections.shutdown().await;
}

async fn serve_connection<S, B>(stream: TcpStream, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let served = (&mut connection).await;
    // How a connection ends is decided when it is closed. That of an answer which ends too early
    // is not reset: what has been written shall arrive.
    if served.is_err_and(|error| error.is_user() && !error.is_body_write_aborted()) {
        let stream = connection.into_parts().io.into_inner();
        stream.set_zero_linger().ok();
    }
}
