//! The least that a server on MongoDB's driver can do: one change stream without images, and the changed fields, filled up to
//! as many bytes, to every socket that is open. No session, log, figures or second instance.
//!
//! `bare_road MONGODB_URI DATABASE PORT BYTES` serves `ws://127.0.0.1:PORT/live` until it is killed.

use std::{env, error::Error};

use axum::{
    Router,
    extract::{
        State,
        ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    routing::any,
};
use bson::{Document, RawDocumentBuf};
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use mongodb::{Client, Database};
use tokio::{net::TcpListener, sync::mpsc};

type Opened = mpsc::UnboundedSender<SplitSink<WebSocket, Message>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [uri, database, port, bytes] = &arguments[..] else {
        return Err("bare_road MONGODB_URI DATABASE PORT BYTES".into());
    };
    let database = Client::with_uri_str(uri).await?.database(database);
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    let (opened, sockets) = mpsc::unbounded_channel();
    let app = Router::new().route("/live", any(open)).with_state(opened);
    tokio::select! {
        ended = follow(database, bytes.parse()?, sockets) => ended,
        ended = axum::serve(listener, app) => Ok(ended?),
    }
}

async fn open(State(opened): State<Opened>, upgrade: WebSocketUpgrade) -> axum::response::Response {
    upgrade.on_upgrade(async move |socket| {
        let (sink, mut said) = socket.split();
        if opened.send(sink).is_ok() {
            while said.next().await.is_some() {}
        }
    })
}

async fn follow(
    database: Database,
    bytes: usize,
    mut sockets: mpsc::UnboundedReceiver<SplitSink<WebSocket, Message>>,
) -> Result<(), Box<dyn Error>> {
    let mut changes = database.collection::<Document>("stations").watch().await?.with_type::<RawDocumentBuf>();
    let mut open = Vec::new();
    while let Some(change) = changes.next().await {
        while let Ok(socket) = sockets.try_recv() {
            open.push(socket);
        }
        let updated = change?
            .get_document("updateDescription")
            .and_then(|it| it.get_document("updatedFields").map(ToOwned::to_owned));
        let Ok(updated) = updated else { continue };
        let text = format!("{:bytes$}", serde_json::to_string(&updated)?);
        let frame = Message::Text(Utf8Bytes::from(text));
        let mut left = Vec::with_capacity(open.len());
        for mut socket in open {
            if socket.send(frame.clone()).await.is_ok() {
                left.push(socket);
            }
        }
        open = left;
    }
    Ok(())
}
