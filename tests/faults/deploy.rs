//! One of two instances is replaced while thousands of sockets follow and other clients request pages through a load
//! balancer.
//!
//! Long, because clients of several kinds watch the same replacement.

use std::{
    fs,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bson::Document;
use chargedeck::domain::{
    collections::Collection,
    protocol::{
        frame::{Bye, ClientMessage, Delta, Frame, Subscribed, close},
        position::Position,
    },
};
use futures_util::StreamExt;
use rand::{SeedableRng, rngs::ChaCha8Rng};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};
use tokio_util::sync::CancellationToken;

use super::{
    balancer::{Balancer, Nodes},
    client::{self, Account},
    cluster::{Cluster, Plan, eventually},
    http, profile, reads,
    writer::made,
};

/// Number of sockets, if the process may have as many files open.
const SOCKETS: usize = 5000;
/// Other files that this process has open.
const OTHER_FILES: usize = 500;
/// Number of sockets opened at a time.
const TOGETHER: usize = 50;
/// With fewer sockets the test proves nothing.
const SOCKETS_MIN: usize = 1000;
/// Clients that request pages all the time.
const ASKING: usize = 4;
/// Clients that request pages again and again over one connection, with a pause each time in which it can close.
const KEEPING: usize = 4;
const KEEPING_PAUSE: Duration = Duration::from_millis(50);
/// Clients that are told to go come back spread over this time.
const SPREAD_MS: u32 = 5000;

/// What all clients saw together.
#[derive(Default)]
struct Seen {
    opened: AtomicUsize,
    back: AtomicUsize,
    /// How many have received the change that was written last.
    arrived: AtomicUsize,
    asked: AtomicUsize,
    rest: Mutex<Rest>,
}

#[derive(Default)]
struct Rest {
    wrong: Vec<String>,
    retries_ms: Vec<u32>,
    first_bye: Option<Instant>,
}

impl Seen {
    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrong(&self, how: &anyhow::Error) {
        self.rest().wrong.push(format!("{how:#}"));
    }
}

/// Replaces an instance, and returns what went wrong; empty if nobody lost anything.
pub async fn replaced(leave_within_s: u32) -> Vec<String> {
    let sockets = SOCKETS.min(open_files().saturating_sub(OTHER_FILES));
    assert!(sockets >= SOCKETS_MIN, "a process may have {} files open here: raise that (ulimit -n)", open_files());
    let mut balancer = Balancer::new().await;
    let cluster = Cluster::start(Plan {
        more: vec![
            ("CHARGEDECK_PUBLIC_ORIGIN", http::origin(balancer.port())),
            ("CHARGEDECK_LEAVE_WITHIN_S", leave_within_s.to_string()),
            ("CHARGEDECK_MAX_SOCKETS_PER_USER", "10000".to_owned()),
            ("CHARGEDECK_MAX_CONNECTIONS_PER_ADDRESS", "10000".to_owned()),
        ],
        ..Plan::SMALL
    })
    .await;
    let [leaving, staying] = [0, 1].map(|i| cluster.instances[i].server.port());
    balancer.add(leaving);
    let account = Account::new(vec![balancer.port()]);
    let cookie = account.cookie(None).await.expect("a session");
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut write = async || {
        let stations = cluster.mongo.operator.collection::<Document>(Collection::Stations.name());
        let new = made(Collection::Stations, "new", &mut rng);
        stations.insert_one(&new).await.expect("a document");
        new.get_str("_id").expect("a text").to_owned()
    };
    // Without a log there is no position to continue from, so wait for it.
    let first = write().await;
    for port in [leaving, staying] {
        let shown = async || {
            let rows = http::get(port, "/api/v1/snapshot/stations", &cookie).await;
            rows.is_ok_and(|answer| answer.status == 200 && answer.body.contains(&first))
        };
        eventually("an instance that shows the first change", shown).await;
    }

    let (seen, stop) = (Arc::<Seen>::default(), CancellationToken::new());
    let mut tasks = JoinSet::new();
    for opened in (0..sockets).step_by(TOGETHER) {
        for _ in opened..sockets.min(opened + TOGETHER) {
            tasks.spawn(look_on(balancer.port(), balancer.nodes().clone(), cookie.clone(), seen.clone()));
        }
        let all = async || seen.opened.load(Ordering::Relaxed) >= sockets.min(opened + TOGETHER) || is_wrong(&seen);
        eventually("sockets that follow", all).await;
    }
    balancer.add(staying);
    for _ in 0..ASKING {
        tasks.spawn(ask(balancer.port(), cookie.clone(), seen.clone(), stop.clone()));
    }
    for _ in 0..KEEPING {
        tasks.spawn(keep_asking(balancer.port(), cookie.clone(), seen.clone(), stop.clone()));
    }
    eventually("pages", async || seen.asked.load(Ordering::Relaxed) > 20 || is_wrong(&seen)).await;

    profile(&cluster.mongo).await;
    let stopped_at = Instant::now();
    cluster.instances[0].server.signal("TERM");
    let ended = async || cluster.instances[0].server.has_ended() || is_wrong(&seen);
    eventually("an instance that has ended", ended).await;
    println!("{sockets} sockets; ended after {:.1} s", stopped_at.elapsed().as_secs_f64());
    eventually("all are back", async || seen.back.load(Ordering::Relaxed) == sockets || is_wrong(&seen)).await;
    println!("all back after {:.1} s", stopped_at.elapsed().as_secs_f64());
    let [lists, accounts] = reads(&cluster.mongo).await;
    println!("{lists} reads of lists, {accounts} of accounts, {} pages asked for", seen.asked.load(Ordering::Relaxed));
    write().await;
    eventually("it arrived", async || seen.arrived.load(Ordering::Relaxed) == sockets || is_wrong(&seen)).await;
    stop.cancel();

    let rest = std::mem::take(&mut *seen.rest());
    let mut wrong = rest.wrong;
    if lists > Collection::ALL.len() {
        wrong.push(format!("{lists} reads of lists"));
    }
    if rest.first_bye.zip(balancer.nodes().down(leaving)).is_none_or(|(bye, down)| down >= bye) {
        wrong.push("sockets were told to go before the load balancer knew".to_owned());
    }
    for part in 0..5 {
        let within = SPREAD_MS / 5 * part..SPREAD_MS / 5 * (part + 1);
        let back = rest.retries_ms.iter().filter(|ms| within.contains(ms)).count();
        if back < sockets / 10 {
            wrong.push(format!("only {back} were told to come back within {within:?} ms"));
        }
    }
    wrong
}

fn is_wrong(seen: &Seen) -> bool {
    !seen.rest().wrong.is_empty()
}

/// Returns how many files this process may have open.
fn open_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("the kernel tells it");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("it is limited");
    line.split_whitespace().next().and_then(|soft| soft.parse().ok()).expect("a number")
}

async fn look_on(port: u16, nodes: Arc<Nodes>, cookie: String, seen: Arc<Seen>) {
    if let Err(error) = look(port, &nodes, &cookie, &seen).await {
        seen.wrong(&error);
    }
}

/// Follows the stations until the server says goodbye, continues on another node, and returns with the next change.
async fn look(port: u16, nodes: &Nodes, cookie: &str, seen: &Seen) -> Result<()> {
    let (mut socket, head) = follow(port, nodes, cookie, None).await?;
    seen.opened.fetch_add(1, Ordering::Relaxed);
    let (mut at, mut bye) = (head, None);
    loop {
        match socket.next().await.context("the socket ended without a word")?? {
            Message::Text(text) => match Frame::read(&text)? {
                Frame::Delta(delta) => at = next(at, &delta)?,
                Frame::Ping(ping) => client::send(&mut socket, &pong(ping.n)).await?,
                Frame::Bye(Bye { code, retry_ms }) => {
                    ensure!(code == close::DEPLOY, "told to go with {code}");
                    seen.rest().first_bye.get_or_insert_with(Instant::now);
                    bye = Some(retry_ms);
                }
                other => anyhow::bail!("{other:?}"),
            },
            Message::Close(frame) => {
                let code = frame.map(|frame| u16::from(frame.code));
                ensure!(code == Some(close::DEPLOY), "closed with {code:?}");
                break;
            }
            _ => {}
        }
    }
    let retry_ms = bye.context("closed without being told when to come back")?;
    seen.rest().retries_ms.push(retry_ms);
    tokio::time::sleep(Duration::from_millis(retry_ms.into())).await;
    let (mut socket, _) = follow(port, nodes, cookie, Some(at)).await.context("coming back")?;
    seen.back.fetch_add(1, Ordering::Relaxed);
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        match Frame::read(&text)? {
            Frame::Delta(delta) => {
                at = next(at, &delta)?;
                if !delta.changes.is_empty() {
                    seen.arrived.fetch_add(1, Ordering::Relaxed);
                    break;
                }
            }
            Frame::Ping(ping) => client::send(&mut socket, &pong(ping.n)).await?,
            other => anyhow::bail!("{other:?}"),
        }
    }
    Ok(())
}

const fn pong(n: u32) -> ClientMessage {
    ClientMessage::Pong { n, paint_ms: None }
}

/// Returns a screen's position after a delta.
fn next(at: Position, delta: &Delta) -> Result<Position> {
    ensure!(delta.from <= at, "a gap from {at} to {}", delta.from);
    Ok(at.max(delta.to))
}

/// Opens a socket to a ready node and subscribes from a position. Returns it with the head it was told.
async fn follow(
    port: u16,
    nodes: &Nodes,
    cookie: &str,
    from: Option<Position>,
) -> Result<(WebSocketStream<TcpStream>, Position)> {
    let config = WebSocketConfig::default().read_buffer_size(4 << 10);
    let stream = nodes.connect().await?;
    let (mut socket, _) = client_async_with_config(http::handshake(port, cookie)?, stream, Some(config)).await?;
    let topic = Collection::Stations.name().to_owned();
    let positions = from.map(|at| (topic.clone(), at.to_string().into())).into_iter().collect();
    client::send(&mut socket, &ClientMessage::Subscribe { rid: 1, topics: vec![topic], positions }).await?;
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message?
            && let Frame::Subscribed(Subscribed { head, .. }) = Frame::read(&text)?
        {
            return Ok((socket, head));
        }
    }
    anyhow::bail!("the socket ended before it followed")
}

/// Requests one page after the other.
async fn ask(port: u16, cookie: String, seen: Arc<Seen>, stop: CancellationToken) {
    for path in ["/", "/stations", "/api/v1/snapshot/stations", "/login"].iter().cycle() {
        if stop.is_cancelled() {
            return;
        }
        match http::get(port, path, &cookie).await {
            Ok(answer) if answer.status < 400 => drop(seen.asked.fetch_add(1, Ordering::Relaxed)),
            Ok(answer) => seen.wrong(&anyhow::anyhow!("{path}: {}", answer.status)),
            Err(error) => seen.wrong(&error.context(format!("{path}: no answer"))),
        }
    }
}

/// Requests pages over one connection, until an answer says that it is the last.
async fn keep_asking(port: u16, cookie: String, seen: Arc<Seen>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = keep(port, &cookie, &seen, &stop).await {
            seen.wrong(&error.context("a connection that is kept"));
        }
    }
}

async fn keep(port: u16, cookie: &str, seen: &Seen, stop: &CancellationToken) -> Result<()> {
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
    let host = format!("Host: 127.0.0.1:{port}");
    let request = format!("GET /api/v1/snapshot/stations HTTP/1.1\r\n{host}\r\nCookie: {cookie}\r\n\r\n");
    while !stop.is_cancelled() {
        connection.write_all(request.as_bytes()).await?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            ensure!(connection.read_line(&mut head).await? > 0, "it closed without a word");
        }
        let head = head.to_ascii_lowercase();
        ensure!(head.starts_with("http/1.1 200"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
        connection.read_exact(&mut vec![0; length.parse()?]).await?;
        seen.asked.fetch_add(1, Ordering::Relaxed);
        if head.contains("connection: close") {
            return Ok(());
        }
        tokio::time::sleep(KEEPING_PAUSE).await;
    }
    Ok(())
}
