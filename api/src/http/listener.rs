//! The socket: takes connections, as many as allowed, and closes those that never say what they want. Knows no route.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long to wait when the system has no more file descriptors.
const BREATHER: Duration = Duration::from_millis(100);

/// What a stranger may take up.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the head of a request to arrive whole, and for the next one on a connection that is kept open.
    pub head: Duration,
    /// Connections at once; more wait in the system's queue.
    pub connections: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(60),
            connections: 10_000,
        }
    }
}

/// Serves until `stopping`; then lets every connection end the request it is at.
pub async fn serve(
    socket: TcpListener,
    router: Router,
    patience: Patience,
    stopping: CancellationToken,
) {
    let connections = TaskTracker::new();
    let seats = Arc::new(Semaphore::new(patience.connections));
    while let Some((stream, seat)) = next(&socket, &seats, &stopping).await {
        let served = connection(stream, router.clone(), patience, stopping.clone());
        connections.spawn(async move {
            served.await;
            drop(seat);
        });
    }
    drop(socket);
    connections.close();
    connections.wait().await;
}

/// The next connection. `None`: the server stops.
async fn next(
    socket: &TcpListener,
    seats: &Arc<Semaphore>,
    stopping: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let accept = async {
        // The semaphore is never closed, so there always comes a seat.
        let seat = Arc::clone(seats).acquire_owned().await.ok()?;
        loop {
            match socket.accept().await {
                Ok((stream, _)) => return Some((stream, seat)),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(BREATHER).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = stopping.cancelled() => None,
        accepted = accept => accepted,
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    patience: Patience,
    stopping: CancellationToken,
) {
    // Small answers must not wait for more to come.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was not set");
    }
    let service = TowerToHyperService::new(router);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stopping.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        // A client that goes away in mid request is no event.
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn server(
        patience: Patience,
    ) -> (
        std::net::SocketAddr,
        CancellationToken,
        tokio::task::JoinHandle<()>,
    ) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let stopping = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "here" }));
        let serving = tokio::spawn(serve(socket, router, patience, stopping.clone()));
        (address, stopping, serving)
    }

    async fn ask(address: std::net::SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_connection_that_never_finishes_its_head_is_closed_and_frees_its_seat() {
        let patience = Patience {
            head: Duration::from_millis(200),
            connections: 1,
        };
        let (address, stopping, serving) = server(patience).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
        // The only seat is taken; it comes free when the slow one is thrown out.
        let limit = Duration::from_secs(10);
        let answer = tokio::time::timeout(limit, ask(address)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let mut rest = Vec::new();
        tokio::time::timeout(limit, slow.read_to_end(&mut rest))
            .await
            .unwrap()
            .unwrap();
        stopping.cancel();
        tokio::time::timeout(limit, serving).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_stop_closes_idle_connections_at_once() {
        let (address, stopping, serving) = server(Patience::default()).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 12];
        idle.read_exact(&mut answer).await.unwrap();
        stopping.cancel();
        tokio::time::timeout(Duration::from_secs(5), serving)
            .await
            .unwrap()
            .unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
