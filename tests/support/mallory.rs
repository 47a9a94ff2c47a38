//! An admin who asks for everything expensive at once.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt, future::join_all};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::http::{get, handshake};

/// Asks these instances until then for charts of long periods on five sockets, for sixteen lists that need all
/// documents read, and over one socket that sends requests and reads no answers. Returns how many lists were answered,
/// how many refused because the account asks for too much, and how many because the server could not answer.
///
/// # Panics
/// If a list is neither answered nor refused with a time to wait.
pub async fn asks_for_all(ports: &[u16], cookie: &str, until: Instant) -> [usize; 3] {
    let port = |n: usize| ports[n % ports.len()];
    let charts = (0..5).map(|socket| charts(port(socket), cookie, socket, until));
    let lists = (0..16).map(|list| lists(port(list), cookie, list, until));
    let (_, (), lists) = tokio::join!(join_all(charts), deaf(port(0), cookie, until), join_all(lists));
    lists.into_iter().fold([0; 3], |all, one| [all[0] + one[0], all[1] + one[1], all[2] + one[2]])
}

async fn charts(port: u16, cookie: &str, socket: usize, until: Instant) {
    let (mut socket_of, _) = connect_async(handshake(port, cookie).unwrap()).await.unwrap();
    let topics: Vec<String> = (0..24)
        .map(|n| format!("analytics?last={}d&by=day&against=before&zone=Europe/London", 30 + socket * 24 + n))
        .collect();
    let subscribe = serde_json::json!({"type": "subscribe", "rid": 1, "topics": topics});
    socket_of.send(Message::text(subscribe.to_string())).await.unwrap();
    while Instant::now() < until {
        drop(timeout(Duration::from_millis(100), socket_of.next()).await);
    }
}

async fn deaf(port: u16, cookie: &str, until: Instant) {
    let (mut socket, _) = connect_async(handshake(port, cookie).unwrap()).await.unwrap();
    let topics: Vec<String> = (0..64).map(|n| format!("{n}{}", "x".repeat(200))).collect();
    let subscribe = serde_json::json!({"type": "subscribe", "rid": 1, "topics": topics}).to_string();
    while Instant::now() < until {
        // The server may have closed the socket.
        drop(timeout(Duration::from_millis(60), socket.send(Message::text(subscribe.clone()))).await);
        sleep(Duration::from_millis(60)).await;
    }
}

async fn lists(port: u16, cookie: &str, list: usize, until: Instant) -> [usize; 3] {
    let mut answers = [0; 3];
    while Instant::now() < until {
        let n: usize = answers.iter().sum();
        let path = format!("/api/v1/snapshot/charging_sessions?slot={}.{}@UTC&station=S{list}-{n}", n % 7, list % 24);
        let answer = get(port, &path, cookie).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        let says_when = answer.head.contains("retry-after: ");
        let which = match answer.status {
            200 => 0,
            429 if says_when => 1,
            503 if says_when => 2,
            other => panic!("{path}: {other} {} {}", answer.head, answer.body),
        };
        answers[which] += 1;
    }
    answers
}
