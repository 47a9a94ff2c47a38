//! A client that follows every topic and hears all that is told of it.

use std::time::Duration;

use chargedeck::domain::collections::Collection;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, Message},
};

use crate::{http::handshake, program::UP};

/// The boards, beside the collections.
const BOARDS: [&str; 5] = [
    "overview?zone=Europe/London",
    "activity?of=all",
    "analytics?last=7d&by=day&against=before&zone=Europe/London",
    "reports?changed",
    "system?all",
];

pub struct Ears {
    /// The subprotocol.
    pub form: &'static str,
    heard: UnboundedReceiver<String>,
}

impl Ears {
    /// Listens as long as the test runs. A closed socket is opened again.
    pub fn open(port: u16, cookie: &str, form: &'static str) -> Self {
        let (tell, heard) = unbounded_channel();
        let cookie = cookie.to_owned();
        tokio::spawn(async move {
            while !tell.is_closed() {
                if let Err(error) = listen(port, &cookie, form, &tell).await {
                    println!("{form}: {error}");
                }
                sleep(Duration::from_millis(200)).await;
            }
        });
        Self { form, heard }
    }

    /// The frames that came since the last call, up to one that holds the text and whatever is there by then.
    ///
    /// # Panics
    /// If none comes that holds it.
    pub async fn until(&mut self, text: &str) -> Vec<String> {
        let mut frames = Vec::new();
        let last = async {
            while !frames.last().is_some_and(|frame: &String| frame.contains(text)) {
                frames.push(self.heard.recv().await.expect("a client that listens"));
            }
        };
        timeout(UP, last).await.unwrap_or_else(|_| panic!("{} does not tell of {text}", self.form));
        frames.extend(std::iter::from_fn(|| self.heard.try_recv().ok()));
        frames
    }
}

async fn listen(port: u16, cookie: &str, form: &str, tell: &UnboundedSender<String>) -> Result<(), Error> {
    let mut request = handshake(port, cookie).unwrap();
    request.headers_mut().insert("sec-websocket-protocol", form.parse().unwrap());
    let (mut socket, _) = connect_async(request).await?;
    let topics: Vec<_> = Collection::ALL.iter().map(|of| of.name()).chain(BOARDS).collect();
    let subscribe = Message::text(json!({"type": "subscribe", "rid": 1, "topics": topics}).to_string());
    socket.send(subscribe.clone()).await?;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let frame: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let kind = frame["type"].as_str().unwrap_or_default();
        if kind == "ping" || frame.get("Ping").is_some() {
            let n = frame.get("n").unwrap_or(&frame["Ping"][0]);
            socket.send(Message::text(json!({"type": "pong", "n": n}).to_string())).await?;
        }
        // It goes on from here: what it missed, it never knew.
        if kind == "reset" || frame.get("Reset").is_some() {
            socket.send(subscribe.clone()).await?;
        }
        if tell.send(text.to_string()).is_err() {
            break;
        }
    }
    Ok(())
}
