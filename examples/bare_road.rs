//! The least that a server on MongoDB's driver can do: one change stream without images, and the changed fields, filled up to
//! as many bytes, to every socket that is open. No session, log, figures or second instance.
//!
//! `bare_road MONGODB_URI DATABASE PORT BYTES` serves `ws://127.0.0.1:PORT` until it is killed.

use std::{env, error::Error};

use bson::{Document, RawDocumentBuf};
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use mongodb::{Client, Database};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

type Socket = SplitSink<WebSocketStream<TcpStream>, Message>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [uri, database, port, bytes] = &arguments[..] else {
        return Err("bare_road MONGODB_URI DATABASE PORT BYTES".into());
    };
    let database = Client::with_uri_str(uri).await?.database(database);
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    let (opened, sockets) = mpsc::unbounded_channel();
    tokio::select! {
        ended = follow(database, bytes.parse()?, sockets) => ended,
        ended = accept(listener, opened) => ended,
    }
}

async fn accept(listener: TcpListener, opened: mpsc::UnboundedSender<Socket>) -> Result<(), Box<dyn Error>> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(open(stream, opened.clone()));
    }
}

async fn open(stream: TcpStream, opened: mpsc::UnboundedSender<Socket>) {
    let Ok(socket) = accept_async(stream).await else { return };
    let (sink, mut said) = socket.split();
    if opened.send(sink).is_ok() {
        while said.next().await.is_some() {}
    }
}

async fn follow(
    database: Database,
    bytes: usize,
    mut sockets: mpsc::UnboundedReceiver<Socket>,
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
        let frame = Message::text(text);
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
