//! Half-open connections, where only one side, or neither, still hears the other.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use chargedeck::domain::{
    collections::Collection,
    protocol::frame::{ClientMessage, Frame},
};
use futures_util::{StreamExt, future::try_join_all};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use super::{
    client::{self, Account},
    cluster::{Cluster, Plan, eventually_within},
    http,
    proxy::{Link, Mode, Proxy},
};

/// Sockets for each way of being half-open.
const SOCKETS: usize = 20;
/// How long the server may take: it drops a client after 45 s of silence, and checks every 5 s.
const REAPED: Duration = Duration::from_secs(120);

/// Opens sockets that answer every ping, then lets their network swallow requests, answers or both. Returns when the
/// server has dropped all of them.
pub async fn reaped() {
    let cluster = Cluster::start(Plan { instances: 1, ..Plan::SMALL }).await;
    let instance = &cluster.instances[0];
    let cookie = Account::new(cluster.ports()).cookie(None).await.expect("a session");
    let (mut links, mut proxies, mut clients) = (Vec::new(), Vec::new(), JoinSet::new());
    for mode in [Mode::Hole, Mode::Mute, Mode::Deaf] {
        let link = Link::new();
        let proxy = Proxy::new(instance.server.port(), &link).await;
        let opened = (0..SOCKETS).map(|_| open(proxy.port(), instance.port(), &cookie));
        for socket in try_join_all(opened).await.expect("sockets") {
            clients.spawn(answer(socket));
        }
        proxies.push(proxy);
        links.push((link, mode));
    }
    let open = async || sockets(instance.server.port()).await.ok();
    let all = 3 * SOCKETS as u64;
    eventually_within(REAPED, "sockets that are counted", async || open().await == Some(all)).await;
    assert!(clients.try_join_next().is_none(), "a client ended while its network was well");
    for (link, mode) in &links {
        link.set(*mode);
    }
    eventually_within(REAPED, "half-open sockets are closed", async || open().await == Some(0)).await;
}

async fn open(port: u16, origin: u16, cookie: &str) -> Result<WebSocketStream<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut socket, _) = client_async(http::handshake(origin, cookie)?, stream).await?;
    let topics = vec![Collection::Stations.name().to_owned()];
    client::send(&mut socket, &ClientMessage::Subscribe { rid: 1, topics, positions: BTreeMap::new() }).await?;
    Ok(socket)
}

/// Answers pings as long as any arrive.
async fn answer(mut socket: WebSocketStream<TcpStream>) -> Result<()> {
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message?
            && let Frame::Ping(ping) = Frame::read(&text)?
        {
            client::send(&mut socket, &ClientMessage::Pong { n: ping.n, paint_ms: None }).await?;
        }
    }
    Ok(())
}

/// Returns how many sockets an instance reports.
async fn sockets(port: u16) -> Result<u64> {
    let metrics = http::metrics(port).await?.body;
    let count = metrics.lines().find_map(|line| line.strip_prefix("chargedeck_sockets "));
    Ok(count.context("no such metric")?.parse()?)
}
