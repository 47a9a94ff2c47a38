//! Accepts connections and serves HTTP/1.1 on each. It limits their number, how slow they may be, and how much the
//! kernel buffers for them.
//!
//! Long, because nearly half of it is tests, which connect as slow and broken clients do.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::Request,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::{
    limiter::{Limiter, Permit},
    unparsed::Accepted,
};
use crate::server::{config::TrustedProxies, net::line};

/// How many unsent bytes the kernel may hold for a connection. By default it takes megabytes before a write has to
/// wait. A slow reader would then be noticed minutes late, and would get outdated changes instead of their sum.
/// Thousands of them would cost that much memory each. Half a frame is enough to keep the wire busy while the next is
/// made.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 16 << 10;
/// Most headers of a request; a browser sends some twenty.
const HEADERS_MAX: usize = 64;
/// Most bytes of a request's head.
const HEAD_MAX: usize = 32 << 10;
/// How long a peer may accept nothing of what it was sent. After that it has gone, or does not read.
#[cfg(target_os = "linux")]
const UNTAKEN: Duration = Duration::from_secs(30);
/// How long to wait when the kernel has no file descriptor left.
const EXHAUSTED: Duration = Duration::from_secs(1);

/// How much a peer may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections open at once, sockets among them.
    pub connections: usize,
    /// Connections from one [`line()`], unless it is a trusted proxy, through which everybody comes.
    pub per_address: usize,
    pub proxies: TrustedProxies,
    /// How long a request's head may take, and how long a connection may wait for its next.
    pub head_within: Duration,
    /// How long answers that have begun may take after the server was told to stop.
    pub end_within: Duration,
    /// Header lines of the answer to a request that cannot be parsed.
    pub headers: Bytes,
}

impl Limits {
    /// Allows this many connections, from any address.
    pub fn of(connections: usize) -> Self {
        Self {
            connections,
            per_address: connections,
            proxies: TrustedProxies::default(),
            head_within: Duration::from_secs(20),
            end_within: Duration::from_secs(15),
            headers: Bytes::new(),
        }
    }
}

/// A connection's permit to be open. It is in the extensions of each of its requests, because a socket leaves the HTTP
/// connection and must take the permit along.
pub type ConnectionPermit = Arc<Permit<IpAddr>>;

/// Serves until `stop`, and then finishes what has begun.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let limiter = Limiter::default();
    let connections = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let (connection, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_the_connection(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted; trying again");
                stop.run_until_cancelled(tokio::time::sleep(EXHAUSTED)).await;
                continue;
            }
        };
        let address = line(peer.ip());
        let per_address =
            if limits.proxies.trusts(peer.ip().to_canonical()) { limits.connections } else { limits.per_address };
        // Closed without an answer, because that would cost what the limit saves.
        let Some(permit) = limiter.take(&address, limits.connections, per_address) else {
            tracing::warn!(%address, "a connection more than allowed is refused");
            continue;
        };
        // A connection works without these options. One that is already gone fails here, too.
        if let Err(error) = tune(&connection) {
            tracing::debug!(%error, "a connection keeps the kernel's own settings");
        }
        let place = Arc::new(permit);
        let connection = Accepted::new(connection, limits.headers.clone());
        connections.spawn(answer(connection, peer, place, router.clone(), limits.head_within, stop.clone()));
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.end_within, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "answers that nobody took are given up");
    }
}

/// Answers a connection's requests. After `stop` it only finishes the request that has begun.
async fn answer(
    connection: Accepted,
    peer: SocketAddr,
    place: ConnectionPermit,
    router: Router,
    head_within: Duration,
    stop: CancellationToken,
) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(place.clone());
        router.clone().oneshot(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_within)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(connection), answer)
        .with_upgrades();
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Whether the error concerns one connection, and not accepting as a whole.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn tune(connection: &TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let connection = socket2::SockRef::from(connection);
        connection.set_tcp_notsent_lowat(UNSENT)?;
        connection.set_tcp_user_timeout(Some(UNTAKEN))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        task::JoinHandle,
    };

    use super::*;

    const LIMITS: fn() -> Limits = || Limits {
        connections: 3,
        per_address: 2,
        proxies: TrustedProxies::default(),
        head_within: Duration::from_secs(60),
        end_within: Duration::from_secs(60),
        headers: Bytes::from_static(b"x-refused: yes\r\n"),
    };

    /// A server that answers `hello`; its address, and what ends it.
    async fn served(limits: Limits) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let router =
            Router::new().route("/", get(|| async { "hello" })).route("/large", get(|| async { vec![0; 64 << 20] }));
        (address, stop.clone(), tokio::spawn(serve(listener, router, limits, stop)))
    }

    /// Longer than any limit that a test sets, and shorter than what a server that sets none waits.
    const CLOSED_WITHIN: Duration = Duration::from_secs(20);

    /// All that the server sends until it closes.
    async fn rest(connection: &mut TcpStream) -> String {
        let mut text = String::new();
        let read = tokio::time::timeout(CLOSED_WITHIN, connection.read_to_string(&mut text)).await;
        // A reset ends the connection, too.
        drop(read.expect("the server closes"));
        text
    }

    async fn asked(address: SocketAddr, head: &str) -> String {
        let mut connection = TcpStream::connect(address).await.unwrap();
        // A client that is refused early may not get to send everything.
        drop(connection.write_all(head.as_bytes()).await);
        rest(&mut connection).await
    }

    #[tokio::test]
    async fn connections_send_at_once_and_keep_little() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (connection, _) = listener.accept().await.unwrap();
        tune(&connection).unwrap();
        assert!(connection.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        {
            let connection = socket2::SockRef::from(&connection);
            assert_eq!(connection.tcp_notsent_lowat().unwrap(), UNSENT);
            assert_eq!(connection.tcp_user_timeout().unwrap(), Some(UNTAKEN));
        }
    }

    #[tokio::test]
    async fn who_is_slow_with_a_head_is_dropped_and_so_is_who_asks_for_nothing() {
        let (address, ..) = served(Limits { head_within: Duration::from_millis(100), ..LIMITS() }).await;
        let slow = asked(address, "GET / HTTP/1.1\r\nHost: x\r\n").await;
        assert!(!slow.contains("hello"), "{slow}");
        // Answered, then closed because no request follows.
        let idle = asked(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(idle.ends_with("hello"), "{idle}");
    }

    #[tokio::test]
    async fn a_head_is_bounded_in_lines_and_bytes() {
        let (address, ..) = served(LIMITS()).await;
        let lines = "X: y\r\n".repeat(HEADERS_MAX);
        let answer = asked(address, &format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        // The server may accept what it read in one go. If it leaves the rest unread, the answer may be lost.
        let long = "y".repeat(8 * HEAD_MAX);
        let answer = asked(address, &format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n")).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }

    #[tokio::test]
    async fn what_cannot_be_parsed_is_answered_with_headers_too_and_what_can_as_the_router_says() {
        let (address, ..) = served(LIMITS()).await;
        for bad in ["GET / HTTP/9.9\r\n\r\n", "\u{1}\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"] {
            // A valid request may come before it on the same connection.
            for before in ["", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
                let answer = asked(address, &format!("{before}{bad}")).await;
                let (rest, last) = answer.split_at(answer.rfind("HTTP/1.1 ").unwrap());
                assert!(last.starts_with("HTTP/1.1 400"), "{bad}: {last}");
                assert!(last.ends_with("\r\nx-refused: yes\r\n\r\n"), "{bad}: {last}");
                assert!(!rest.contains("x-refused"), "{rest}");
            }
        }
    }

    #[tokio::test]
    async fn one_address_takes_no_more_than_its_connections_and_a_trusted_proxy_all() {
        const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        for (proxies, admitted) in [("none", 2), ("127.0.0.1", 3)] {
            let (address, ..) = served(Limits { proxies: TrustedProxies::parse(proxies).unwrap(), ..LIMITS() }).await;
            let mut open = Vec::new();
            for _ in 0..admitted {
                let mut connection = TcpStream::connect(address).await.unwrap();
                connection.write_all(GET.as_bytes()).await.unwrap();
                let mut answer = [0; 15];
                connection.read_exact(&mut answer).await.unwrap();
                assert_eq!(&answer, b"HTTP/1.1 200 OK");
                open.push(connection);
            }
            assert_eq!(asked(address, GET).await, "", "one more is closed without a word");
        }
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_does_not_keep_the_server() {
        let (address, stop, serving) = served(Limits { end_within: Duration::from_millis(100), ..LIMITS() }).await;
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        connection.read_exact(&mut [0; 15]).await.unwrap();
        stop.cancel();
        tokio::time::timeout(CLOSED_WITHIN, serving).await.expect("the server ends").unwrap();
    }

    #[tokio::test]
    async fn what_has_begun_is_answered_when_the_server_stops() {
        let (address, stop, serving) = served(LIMITS()).await;
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n").await.unwrap();
        connection.write_all(b"\r\n").await.unwrap();
        let answer = rest(&mut connection).await;
        assert!(answer.ends_with("hello"), "{answer}");
        let idle = TcpStream::connect(address).await.unwrap();
        stop.cancel();
        serving.await.unwrap();
        drop(idle);
    }
}
