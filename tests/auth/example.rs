//! The example client in another language, written from `docs/live.md`, against the program with real servers.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::TryStreamExt;
use mongodb::{
    Collection,
    bson::{DateTime, Document, doc, oid::ObjectId},
};
use serde_json::Value;
use tokio::{sync::mpsc, time::timeout};

use crate::{
    app::{ADA, PASSWORD, until},
    http,
    program::{Program, UP},
    support::collections_with_images,
};

/// The running client, and what it prints.
struct Client(Child, mpsc::UnboundedReceiver<Value>);

impl Client {
    fn follow(program: &Program, topic: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/follow.mjs");
        let mut client = Command::new("node")
            .args([script, &http::origin(program.port()), topic])
            .env("EMAIL", ADA)
            .env("PASSWORD", PASSWORD)
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let (sender, printed) = mpsc::unbounded_channel();
        let lines = BufReader::new(client.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let sent = sender.send(serde_json::from_str(&line).expect(&line));
                if sent.is_err() {
                    return;
                }
            }
        });
        Self(client, printed)
    }

    /// Reads on until a printed value is as wanted.
    async fn until(&mut self, what: &str, is: impl Fn(&Value) -> bool) {
        let mut last = Value::Null;
        let reading = async {
            while !is(&last) {
                last = self.1.recv().await.expect("the client has ended");
            }
        };
        let read = timeout(Duration::from_secs(30), reading).await;
        assert!(read.is_ok(), "never {what}: {last}");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Returns the id, name and status of the rows that a list shows, in its order.
async fn listed(clients: &Collection<Document>) -> Vec<[String; 3]> {
    let found = clients.find(doc! {}).sort(doc! { "created_at": -1, "_id": -1 }).limit(50).await.unwrap();
    let text = |client: &Document, name: &str| client.get_str(name).unwrap_or_default().to_owned();
    let row = |client: Document| {
        [client.get_object_id("_id").unwrap().to_hex(), text(&client, "name"), text(&client, "status")]
    };
    found.map_ok(row).try_collect().await.unwrap()
}

fn shown(printed: &Value) -> Vec<[String; 3]> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |row: &Value| [text(&row["id"]), text(&row["fields"]["name"]), text(&row["fields"]["status"])];
    printed["rows"].as_array().map(|rows| rows.iter().map(row).collect()).unwrap_or_default()
}

#[tokio::test]
async fn a_client_in_another_language_shows_what_mongodb_has_by_the_documents_alone() {
    let program = Program::start(&[]).await;
    // Without images there are no patches.
    collections_with_images(&program.db).await;
    let clients: Collection<Document> = program.db.collection("clients");
    let made = |n: i64| {
        let created_at = DateTime::from_millis(1_700_000_000_000 + n % 7 * 1000);
        doc! { "_id": ObjectId::new(), "name": format!("Client {n}"), "status": "ACTIVE", "created_at": created_at }
    };
    clients.insert_many((0..90).map(made)).await.unwrap();
    let mut client = Client::follow(&program, "clients");
    let mut figures = Client::follow(&program, "overview?zone=Europe/London");

    let truth = listed(&clients).await;
    client.until("the first rows", |printed| shown(printed) == truth).await;
    figures.until("90 clients", |printed| printed["values"]["clients"] == 90).await;
    // Change one thing after the other, so that each change comes by itself.
    clients.insert_many((90..100).map(made)).await.unwrap();
    let truth = listed(&clients).await;
    client.until("new rows", |printed| shown(printed) == truth).await;
    let ending = |with: &str| doc! { "name": { "$regex": format!("[{with}]$") } };
    for (some, change) in [
        (ending("37"), doc! { "$set": { "status": "BLOCKED" } }),
        (ending("5"), doc! { "$unset": { "name": "" } }),
        (ending("1"), doc! { "$set": { "created_at": DateTime::from_millis(1_700_000_100_000) } }),
    ] {
        clients.update_many(some, change).await.unwrap();
        let truth = listed(&clients).await;
        client.until("changed rows", |printed| shown(printed) == truth).await;
    }
    // Delete more rows than the client holds in reserve.
    let truth = listed(&clients).await;
    let gone: Vec<ObjectId> = truth.iter().take(40).map(|[id, ..]| ObjectId::parse_str(id).unwrap()).collect();
    clients.delete_many(doc! { "_id": { "$in": gone } }).await.unwrap();
    let truth = listed(&clients).await;
    client.until("the rows of now", |printed| shown(printed) == truth).await;
    let active = clients.count_documents(doc! { "status": "ACTIVE" }).await.unwrap();
    figures.until("the clients of now", |printed| printed["values"]["clients"] == active).await;

    clients.drop().await.unwrap();
    client.until("a reset", |printed| printed["reset"].is_string()).await;
    clients.insert_many((100..110).map(made)).await.unwrap();
    let truth = listed(&clients).await;
    client.until("the rows after the reset", |printed| shown(printed) == truth).await;
    figures.until("10 clients", |printed| printed["values"]["clients"] == 10).await;

    // Events have only the fields that the document describes.
    let documented = include_str!("../../docs/live.md");
    let section = documented.split("## Events").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a section");
    let events: Collection<Document> = program.own.collection("events");
    // Events are written a little later.
    until(UP, "events of all changes", || async { events.count_documents(doc! {}).await.unwrap() > 100 }).await;
    let mut all = events.find(doc! {}).await.unwrap();
    while let Some(event) = all.try_next().await.unwrap() {
        let unnamed: Vec<&String> = event.keys().filter(|key| !section.contains(&format!("| `{key}` |"))).collect();
        assert!(unnamed.is_empty(), "docs/live.md does not name {unnamed:?} of {event}");
    }
}
