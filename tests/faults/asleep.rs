//! Clients that follow everything and read nothing.

use std::{collections::BTreeMap, fs, net::Ipv4Addr};

use anyhow::{Context, Result};
use chargedeck::domain::{collections::Collection, protocol::frame::ClientMessage};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{client, cluster::Instance, http};

/// Opens a socket that is never read. It bypasses the proxy, which would read for it, and its receive buffer is
/// small.
///
/// # Errors
/// If the instance does not let it in.
pub async fn asleep(instance: &Instance, cookie: &str) -> Result<WebSocketStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4 << 10)?;
    let stream = socket.connect((Ipv4Addr::LOCALHOST, instance.server.port()).into()).await?;
    let (mut socket, _) = client_async(http::handshake(instance.port(), cookie)?, stream).await?;
    let topics = Collection::ALL.map(|collection| collection.name().to_owned()).into();
    client::send(&mut socket, &ClientMessage::Subscribe { rid: 1, topics, positions: BTreeMap::new() }).await?;
    Ok(socket)
}

/// Returns how many sockets an instance closed with 4008, because the client did not read or answer.
///
/// # Errors
/// If the instance does not report it.
pub async fn closed(instance: &Instance) -> Result<usize> {
    let metrics = http::metrics(instance.server.port()).await?.body;
    let count = metrics.lines().find_map(|line| line.strip_prefix("chargedeck_slow_closes_total "));
    Ok(count.context("no such metric")?.parse()?)
}

/// Returns the bytes of anonymous memory of the instance.
pub fn private_memory(instance: &Instance) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", instance.server.pid())).expect("a running process");
    let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok()).expect("the kernel tells it") << 10
}
