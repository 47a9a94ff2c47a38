use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpListener};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use super::*;
use crate::domain::{
    collections::Collection,
    protocol::frame::{Frame, Ping},
};

const SIZE: usize = 24 << 10;
/// More than the kernel buffers for a client that does not read.
const FRAMES: usize = 2048;

fn frame(n: usize) -> Bytes {
    vec![u8::try_from(n % 256).unwrap(); SIZE].into()
}

/// A line that was sent all frames, and its client, which has read none.
async fn stuck() -> (SocketWriter, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let line = SocketWriter::new(listener.accept().await.unwrap().0, Form::Json);
    line.io.writable().await.unwrap();
    (0..FRAMES).for_each(|n| line.write(&mut line.lock(), &frame(n)));
    assert!(!line.lock().unsent.is_empty());
    (line, client)
}

#[tokio::test]
async fn what_the_kernel_does_not_take_comes_later_in_order_and_whole() {
    let (line, mut client) = stuck().await;
    let mut all = vec![0; FRAMES * SIZE];
    let (read, drained) = tokio::join!(client.read_exact(&mut all), line.drained());
    assert!(read.is_ok() && drained);
    assert!(all.chunks(SIZE).enumerate().all(|(n, chunk)| chunk == frame(n)));
}

/// Sends the freshness of a screen that lacks the change of a client, to a line that is stuck and to one that is
/// not. Returns whether the first was sent, and the types of the frames that came to the other.
async fn send_freshness() -> (bool, Vec<String>) {
    let hub = Hub::of_new_clients(3);
    let from = hub.head().unwrap();
    let (line, mut client) = stuck().await;
    for of in [Collection::Clients, Collection::EcoStats] {
        line.lock().following.follow(of, from);
    }
    hub.take_new_clients(4, 5);
    let ping = Form::Json.encode(&Frame::Ping(Ping { n: 1, lag_ms: 2, checked_ms: 3 }));
    let sent = line.send_at_head(&hub, &ping);
    let mut all = vec![0; FRAMES * SIZE];
    let (read, drained) = tokio::join!(client.read_exact(&mut all), line.drained());
    assert!(read.is_ok() && drained);
    assert!(sent || line.send_at_head(&hub, &ping));
    drop(line);
    let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    let mut types = Vec::new();
    while let Some(Ok(Message::Text(text))) = client.next().await {
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert!(frame["to"].is_null() || frame["to"] == json!(hub.head().unwrap().to_string()));
        types.push(frame["type"].as_str().unwrap().to_owned());
    }
    (sent, types)
}

#[tokio::test]
async fn the_freshness_of_a_screen_comes_after_all_that_it_lacks() {
    let (sent, types) = send_freshness().await;
    assert!(!sent, "it would be read before the change of a client");
    assert_eq!(types, ["eco_stats_update", "client_update", "ping"]);
}

#[cfg(feature = "guards")]
#[tokio::test]
async fn without_its_guard_a_ping_says_too_much() {
    let _off = crate::guards::off(crate::guards::Guard::PingLast);
    let (sent, types) = send_freshness().await;
    assert!(sent && types.last().is_some_and(|last| last == "ping"));
    assert!(!types.contains(&"client_update".to_owned()), "{types:?}");
}

#[tokio::test]
async fn a_line_that_ends_sends_what_is_on_its_way_then_its_last_frame_and_nothing_more() {
    let (line, mut client) = stuck().await;
    line.end(&Bytes::from_static(b"last"));
    line.write(&mut line.lock(), &frame(0));
    let mut all = Vec::new();
    let (read, ()) = tokio::join!(client.read_to_end(&mut all), async {
        assert!(line.drained().await);
        drop(line);
    });
    read.unwrap();
    let (frames, last) = all.split_at(all.len() - 4);
    assert_eq!(last, b"last");
    assert!(frames.len() % SIZE == 0 && frames.len() < FRAMES * SIZE, "{}", frames.len());
    assert!(frames.chunks(SIZE).enumerate().all(|(n, chunk)| chunk == frame(n)));
}
