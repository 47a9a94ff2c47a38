//! A TCP proxy that disturbs a link as networks do.

use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

/// Bytes read at a time.
const CHUNK: usize = 16 << 10;

/// How a link treats its traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Open,
    /// Everything arrives later by this time.
    Late(Duration),
    /// This many bytes a second pass.
    Slow(u32),
    /// Connections stay open, but nothing passes until the link is open again.
    Hole,
    /// A hole for answers only. Requests arrive.
    Mute,
    /// A hole for requests only. What the other side sends by itself arrives.
    Deaf,
    /// Connections are reset, old ones and new ones.
    Cut,
}

/// One link of the cluster; several proxies may carry it.
#[derive(Clone, Debug)]
pub struct Link(Arc<watch::Sender<State>>);

#[derive(Clone, Copy, Debug)]
struct State {
    mode: Mode,
    /// How often all connections were reset.
    resets: u64,
}

impl Link {
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(State { mode: Mode::Open, resets: 0 })))
    }

    pub fn set(&self, mode: Mode) {
        self.0.send_modify(|state| state.mode = mode);
    }

    /// Resets the existing connections. New ones pass.
    pub fn reset(&self) {
        self.0.send_modify(|state| state.resets += 1);
    }
}

/// Listens on a port of its own and carries each connection to a target on this machine.
pub struct Proxy {
    port: u16,
    target: Arc<AtomicU16>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    /// A proxy whose connections all belong to one link.
    pub async fn new(target: u16, link: &Link) -> Self {
        Self::by_name(target, vec![(String::new(), link.clone())]).await
    }

    /// A proxy that assigns each connection to the first link whose name is among the first bytes sent. Without a
    /// match it simply passes. MongoDB's drivers begin with the name of their application, which distinguishes them
    /// from the members of the set.
    pub async fn by_name(target: u16, links: Vec<(String, Link)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let target = Arc::new(AtomicU16::new(target));
        let accepting = AbortOnDropHandle::new(tokio::spawn(accept(listener, target.clone(), links.into())));
        Self { port, target, _accepting: accepting }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Carries new connections to another port.
    pub fn point_to(&self, target: u16) {
        self.target.store(target, Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, target: Arc<AtomicU16>, links: Arc<[(String, Link)]>) {
    let mut carried = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        while carried.try_join_next().is_some() {}
        let (target, links) = (target.clone(), links.clone());
        // The result is ignored, because both sides see the connection end in any case.
        carried.spawn(async move { drop(carry(client, &target, &links).await) });
    }
}

async fn carry(mut client: TcpStream, target: &AtomicU16, links: &[(String, Link)]) -> io::Result<()> {
    let mut first = vec![0; CHUNK];
    let n = client.read(&mut first).await?;
    first.truncate(n);
    let named = |name: &str| name.is_empty() || first.windows(name.len()).any(|part| part == name.as_bytes());
    let link = links.iter().find(|(name, _)| named(name)).map_or_else(Link::new, |(_, link)| link.clone());
    let mut state = link.0.subscribe();
    let resets = state.borrow().resets;
    let gone = async move {
        // This cannot fail, because `link` keeps the sender alive as long as this connection.
        drop(state.wait_for(|now| now.mode == Mode::Cut || now.resets != resets).await);
    };
    socket2::SockRef::from(&client).set_linger(None)?;
    let passing = async {
        let (asked, answered) = (&[Mode::Hole, Mode::Deaf], &[Mode::Hole, Mode::Mute]);
        passable(&link, asked).await;
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target.load(Ordering::Relaxed))).await?;
        server.set_nodelay(true)?;
        client.set_nodelay(true)?;
        server.write_all(&first).await?;
        let (client, server) = (client, server);
        // A connection that is dropped half-way is reset, as a network would do.
        for side in [&client, &server] {
            socket2::SockRef::from(side).set_linger(Some(Duration::ZERO))?;
        }
        let ((client_reads, client_writes), (server_reads, server_writes)) = (client.into_split(), server.into_split());
        tokio::try_join!(
            pass(client_reads, server_writes, &link, asked),
            pass(server_reads, client_writes, &link, answered)
        )
        .map(drop)
    };
    tokio::select! {
        () = gone => Ok(()),
        passed = passing => passed,
    }
}

/// Passes one direction on until its end, but nothing while the link is in one of the modes `held_up`.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, link: &Link, held_up: &[Mode]) -> io::Result<()> {
    let mut bytes = vec![0; CHUNK];
    loop {
        passable(link, held_up).await;
        let slow = match link.0.borrow().mode {
            Mode::Slow(rate) => Some(rate),
            _ => None,
        };
        let n = from.read(&mut bytes[..slow.map_or(CHUNK, |_| 256)]).await?;
        if n == 0 {
            return to.shutdown().await;
        }
        let mode = link.0.borrow().mode;
        match mode {
            Mode::Late(by) => tokio::time::sleep(by).await,
            Mode::Slow(rate) => tokio::time::sleep(Duration::from_secs(n as u64) / rate).await,
            Mode::Open | Mode::Hole | Mode::Mute | Mode::Deaf | Mode::Cut => {}
        }
        passable(link, held_up).await;
        to.write_all(&bytes[..n]).await?;
    }
}

async fn passable(link: &Link, held_up: &[Mode]) {
    drop(link.0.subscribe().wait_for(|state| !held_up.contains(&state.mode)).await);
}
