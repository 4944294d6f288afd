//! A TCP proxy in front of a server of a test: what goes through it can be cut, held up, cut short or answered in the server's stead.
//!
//! It knows bytes; of HTTP it knows how to say no.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const BUFFER_BYTES: usize = 64 * 1024;
/// A request's head is longer than this only by mistake.
const HEAD_BYTES: usize = 64 * 1024;

/// What becomes of connections, those that are open already included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Clear,
    /// Open connections are closed, new ones at once.
    Cut,
    /// No byte moves, nothing is closed: as on a dead wire.
    Stalled,
    /// Requests are answered with this status, and the connection is closed.
    Answers(u16),
    /// After so many bytes of answers, all connections together, they are closed in the middle.
    CutShort {
        after_bytes: u32,
    },
}

type Budget = Arc<AtomicI64>;

/// Dropped, it cuts everything.
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    /// Bytes of answers that may still pass.
    budget: Budget,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub async fn start(to: SocketAddr) -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST, to).await
    }

    /// Listens on another address of this host, for whoever cannot see its loopback.
    pub async fn start_at(on: Ipv4Addr, to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((on, 0)).await?;
        let address = listener.local_addr()?;
        let (weather, seen) = watch::channel(Weather::Clear);
        let budget = Budget::new(i64::MAX.into());
        let way = Way {
            to,
            weather: seen,
            budget: Arc::clone(&budget),
        };
        Ok(Self {
            address,
            weather,
            budget,
            accepting: tokio::spawn(accept(listener, way)),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, weather: Weather) {
        let budget = match weather {
            Weather::CutShort { after_bytes } => i64::from(after_bytes),
            _ => i64::MAX,
        };
        self.budget.store(budget, Ordering::Relaxed);
        self.weather.send_replace(weather);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.weather.send_replace(Weather::Cut);
    }
}

/// What a connection is given on its way.
#[derive(Clone)]
struct Way {
    to: SocketAddr,
    weather: watch::Receiver<Weather>,
    budget: Budget,
}

async fn accept(listener: TcpListener, way: Way) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(serve(client, way.clone()));
    }
}

/// One connection. An error of either side ends it, which is all that the other side is to see.
async fn serve(mut client: TcpStream, mut way: Way) {
    let now = *way.weather.borrow();
    match now {
        Weather::Cut => return,
        Weather::Answers(status) => return refuse(&mut client, status).await,
        Weather::Stalled if wait_out(&mut way.weather).await.is_err() => return,
        Weather::Stalled | Weather::Clear | Weather::CutShort { .. } => {}
    }
    let Ok(server) = TcpStream::connect(way.to).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut weather = way.weather.clone();
    tokio::select! {
        () = pump(from_client, to_server, way.weather.clone(), None) => {}
        () = pump(from_server, to_client, way.weather.clone(), Some(way.budget)) => {}
        _ = weather.wait_for(|now| matches!(now, Weather::Cut | Weather::Answers(_))) => {}
    }
}

/// Bytes of one direction, as long as the budget lasts.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    budget: Option<Budget>,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => read,
        };
        if wait_out(&mut weather).await.is_err() {
            return;
        }
        let passes = budget.as_ref().map_or(read, |budget| take(budget, read));
        let bytes = buffer.get(..passes).unwrap_or_default();
        if to.write_all(bytes).await.is_err() || passes < read {
            return;
        }
    }
}

/// How many of the bytes the budget has left.
fn take(budget: &Budget, bytes: usize) -> usize {
    let wanted = i64::try_from(bytes).unwrap_or(i64::MAX);
    let left = budget.fetch_sub(wanted, Ordering::Relaxed).max(0);
    usize::try_from(left).unwrap_or(usize::MAX).min(bytes)
}

/// Until nothing is stalled.
async fn wait_out(weather: &mut watch::Receiver<Weather>) -> Result<()> {
    weather.wait_for(|now| *now != Weather::Stalled).await?;
    Ok(())
}

async fn refuse(client: &mut TcpStream, status: u16) {
    let mut head = Vec::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD_BYTES {
        match client.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => head.extend_from_slice(buffer.get(..read).unwrap_or_default()),
        }
    }
    let answer =
        format!("HTTP/1.1 {status} Not Now\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    if client.write_all(answer.as_bytes()).await.is_err() {
        return;
    }
    // A body that nobody read would make the close a reset, which can overtake the answer.
    while matches!(client.read(&mut buffer).await, Ok(read) if read > 0) {}
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A server that says everything again.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut from, mut to) = client.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
            }
        });
        address
    }

    async fn said_again(stream: &mut TcpStream, words: &[u8]) -> bool {
        let mut heard = vec![0; words.len()];
        stream.write_all(words).await.is_ok() && stream.read_exact(&mut heard).await.is_ok()
    }

    #[tokio::test]
    async fn a_cut_closes_what_is_open_and_a_stall_only_holds_it_up() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(said_again(&mut stream, b"clear").await);
        proxy.set(Weather::Stalled);
        let mut waiting = Box::pin(said_again(&mut stream, b"stalled"));
        let patience = Duration::from_millis(200);
        assert!(tokio::time::timeout(patience, &mut waiting).await.is_err());
        proxy.set(Weather::Clear);
        assert!(waiting.as_mut().await);
        drop(waiting);
        proxy.set(Weather::Cut);
        assert!(!said_again(&mut stream, b"cut").await);
    }

    #[tokio::test]
    async fn answers_end_in_the_middle_or_come_from_the_proxy_itself() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(said_again(&mut stream, b"clear").await);
        proxy.set(Weather::CutShort { after_bytes: 3 });
        stream.write_all(b"cut short").await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"cut");

        proxy.set(Weather::Answers(503));
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
}
