//! A load balancer. It regularly asks each node whether it is ready, gives each connection to the next ready one, and
//! tries no other if that fails.

use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::http;

/// Pause between two health checks of a node.
const ASK: Duration = Duration::from_millis(500);
/// After this many failed checks in a row a node is not ready.
const FAILURES: u32 = 3;

pub struct Balancer {
    port: u16,
    nodes: Arc<Nodes>,
    tasks: JoinSet<()>,
}

#[derive(Default)]
pub struct Nodes {
    of: Mutex<Vec<Node>>,
    turn: AtomicUsize,
}

struct Node {
    port: u16,
    /// Since when the node is not ready.
    down: Option<Instant>,
}

impl Balancer {
    /// Starts a balancer without nodes.
    pub async fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let nodes = Arc::<Nodes>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, nodes.clone()));
        Self { port, nodes, tasks }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub const fn nodes(&self) -> &Arc<Nodes> {
        &self.nodes
    }

    /// Adds a node, which counts as ready.
    pub fn add(&mut self, port: u16) {
        self.nodes.with(|nodes| nodes.push(Node { port, down: None }));
        self.tasks.spawn(ask(port, self.nodes.clone()));
    }
}

impl Nodes {
    /// Connects to the next node that is ready.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let port = self.with(|nodes| {
            let ready: Vec<u16> = nodes.iter().filter(|node| node.down.is_none()).map(|node| node.port).collect();
            (!ready.is_empty()).then(|| ready[turn % ready.len()])
        });
        let port = port.ok_or_else(|| io::Error::other("no node is ready"))?;
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await
    }

    /// Returns since when a node is not ready.
    pub fn down(&self, port: u16) -> Option<Instant> {
        self.with(|nodes| nodes.iter().find(|node| node.port == port)?.down)
    }

    fn with<T>(&self, then: impl FnOnce(&mut Vec<Node>) -> T) -> T {
        then(&mut self.of.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn accept(listener: TcpListener, nodes: Arc<Nodes>) {
    let mut carried = JoinSet::new();
    loop {
        let Ok((mut client, _)) = listener.accept().await else { continue };
        while carried.try_join_next().is_some() {}
        let nodes = nodes.clone();
        // The result is ignored, because the client sees the connection end in any case.
        carried.spawn(async move { drop(carry(&mut client, &nodes).await) });
    }
}

async fn carry(client: &mut TcpStream, nodes: &Nodes) -> Result<()> {
    let mut node = nodes.connect().await.context("bad gateway")?;
    copy_bidirectional(client, &mut node).await?;
    Ok(())
}

async fn ask(port: u16, nodes: Arc<Nodes>) {
    let mut failures = 0;
    loop {
        let ready = http::get(port, "/readyz", "").await.is_ok_and(|answer| answer.status == 200);
        failures = if ready { 0 } else { failures + 1 };
        nodes.with(|nodes| {
            for node in nodes.iter_mut().filter(|node| node.port == port) {
                node.down = (failures >= FAILURES).then(|| node.down.unwrap_or_else(Instant::now));
            }
        });
        tokio::time::sleep(ASK).await;
    }
}
