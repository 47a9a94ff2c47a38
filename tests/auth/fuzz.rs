//! Fuzzing. Whatever the database holds and whatever anyone sends, the stream goes on, everybody is answered, and
//! nothing leaves that was not requested. `CHARGEDECK_FUZZ_S` sets the duration, `CHARGEDECK_SEED` the seed. Findings
//! are kept in [`CORPUS`] and in `tests/road/hostile.rs`.

use std::{env, net::Ipv4Addr, time::Duration};

use chargedeck::domain::{collections::Collection, protocol::frame::JSON};
use futures_util::{SinkExt, StreamExt};
use mongodb::{
    Database,
    bson::{Bson, DateTime, Document, RawDocumentBuf, doc, oid::ObjectId},
};
use rand::{
    RngExt, SeedableRng,
    rngs::ChaCha8Rng,
    seq::{IndexedRandom, IteratorRandom},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::{
    app::until,
    http::{get, handshake},
    program::{Program, UP, everything},
    support::documents::{CANARY, document_of, raw, value},
};

/// The most memory that a server of a small database may need, in bytes.
const MEMORY_MAX: u64 = 512 << 20;

fn duration() -> Duration {
    Duration::from_secs(env::var("CHARGEDECK_FUZZ_S").ok().map_or(20, |s| s.parse().expect("seconds")))
}

/// A random generator. Prints its seed, so that a run can be repeated.
fn chance(of: &str) -> ChaCha8Rng {
    let given =
        env::var("CHARGEDECK_SEED").ok().map(|seed| u64::from_str_radix(&seed, 16).expect("hexadecimal digits"));
    let seed = given.unwrap_or_else(rand::random);
    println!("{of}: CHARGEDECK_SEED={seed:x}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// Makes one random write. Writes that MongoDB refuses are ignored.
async fn write(rng: &mut ChaCha8Rng, db: &Database, ids: &mut Vec<(Collection, Bson)>) {
    let collection = *Collection::ALL.choose(rng).unwrap();
    let of = db.collection::<RawDocumentBuf>(collection.name());
    let known = ids.iter().filter(|(of, _)| *of == collection).choose(rng).map(|(_, id)| id.clone());
    let made = document_of(rng, collection);
    match known.filter(|_| rng.random_ratio(2, 3)) {
        Some(id) if rng.random_ratio(1, 4) => drop(of.delete_one(doc! {"_id": id}).await),
        Some(id) if rng.random_ratio(1, 3) => drop(of.replace_one(doc! {"_id": id}, raw(&made)).await),
        Some(id) => {
            let name = *collection.parts().iter().map(|(name, _)| name).choose(rng).unwrap();
            let set: Document = made.into_iter().filter(|(of, _)| of == name).collect();
            drop(of.update_one(doc! {"_id": id}, doc! {"$set": set, "$unset": {"more": ""}}).await);
        }
        None => {
            // An `_id` is always sent to pages, so it must hold no canary.
            let id = Some(value(rng, 0))
                .filter(|id| !id.to_string().contains(CANARY))
                .unwrap_or_else(|| ObjectId::new().into());
            let mut whole = doc! {"_id": id.clone()};
            whole.extend(made);
            if of.insert_one(raw(&whole)).await.is_ok() {
                ids.push((collection, id));
            }
        }
    }
}

#[tokio::test]
async fn documents_of_any_kind_stop_nothing_and_tell_no_more_than_is_read() {
    let mut rng = chance("documents");
    let program = Program::start(&[]).await;
    crate::support::collections_with_images(&program.db).await;
    let cookie = program.enter().await;
    let (began, mut ids) = (Instant::now(), Vec::new());
    let mut round = 0;
    while began.elapsed() < duration() {
        round += 1;
        for _ in 0..40 {
            write(&mut rng, &program.db, &mut ids).await;
        }
        let last = doc! {"client_id": format!("last-{round}"), "created_at": DateTime::MAX};
        program.db.collection::<Document>("clients").insert_one(last).await.unwrap();
        let list = format!("/api/v1/snapshot/clients?client=last-{round}");
        until(UP, "the last document in its list", || async {
            get(program.port(), &list, &cookie).await.is_ok_and(|answer| answer.body.contains("\"id\""))
        })
        .await;
        for path in everything() {
            let asked = async {
                loop {
                    let answer = get(program.port(), &path, &cookie).await;
                    let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
                    // This test exceeds an account's budget, so it waits.
                    if answer.status != 429 {
                        return answer;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            let answer = timeout(UP, asked).await.expect("whoever waits is answered");
            let expected = if path == "/no/such/page" { 404 } else { 200 };
            let leads_on = ["/users", "/audit", "/confirm", "/login"].iter().any(|of| path.starts_with(of));
            assert!(
                answer.status == expected || leads_on && answer.status == 303,
                "{path}: {} {}",
                answer.status,
                answer.body
            );
            assert!(!answer.body.contains(CANARY), "{path} tells what is not read");
        }
    }
    let log = program.log();
    assert!(!log.contains("panicked") && !log.contains(CANARY), "{log}");
    let peak = program.peak_memory();
    assert!(peak < MEMORY_MAX, "{} MiB", peak >> 20);
    assert!(round > 1 && ids.len() > 20, "{round} rounds, {} documents", ids.len());
}

/// Valid requests, and those that were once answered wrongly.
const CORPUS: &[(&str, &str, &str)] = &[
    ("GET", "/", ""),
    ("GET", "/analytics?last=7d&by=day&against=before&zone=Europe/London", ""),
    ("GET", "/activity?of=problems", ""),
    ("GET", "/payments?status=CAPTURED&method=CARD", ""),
    ("GET", "/sessions?slot=4.14@Europe/London", ""),
    ("GET", "/stations?evse=OUTOFORDER&city=Dundee", ""),
    ("GET", "/reports?from=2018-06-01&to=2018-06-30&by=station&sort=-energy", ""),
    ("GET", "/api/v1/snapshot/clients?status=ACTIVE,BLOCKED&min_position=7-1", ""),
    ("GET", "/api/v1/report.csv?last=30d&by=week", ""),
    ("GET", "/api/v1/analytics/revenue.csv?last=7d&currency=GBP", ""),
    (
        "POST",
        "/api/page/load",
        r#"{"ask":{"List":{"of":"clients","selection":{"status":"ACTIVE"},"min_position":null}}}"#,
    ),
    (
        "POST",
        "/api/page/load",
        r#"{"ask":{"Analytics":{"query":"last=7d&by=day&against=before&zone=UTC","currency":"GBP"}}}"#,
    ),
    ("POST", "/api/page/load", r#"{"ask":{"Activity":{"of":"all","before":"7-1"}}}"#),
    ("POST", "/api/page/load", r#"{"ask":{"Report":{"query":"last=7d&by=method"}}}"#),
    ("GET", "/vendor/../../etc/passwd", ""),
    ("GET", "/static/style.css", ""),
    ("GET", "/live", ""),
];

const MESSAGES: &[&str] = &[
    r#"{"type":"subscribe","rid":1,"topics":["stations","overview?zone=Europe/London"],"positions":{"stations":"7-1"}}"#,
    r#"{"type":"subscribe","rid":2,"topics":["analytics?last=7d&by=day&against=before&zone=Europe/London"]}"#,
    r#"{"type":"unsubscribe","topics":["stations"]}"#,
    r#"{"type":"visibility","hidden":true}"#,
    r#"{"type":"pong","n":7,"paint_ms":12}"#,
];

/// Returns the text with a random change, or none.
fn changed(rng: &mut ChaCha8Rng, text: &str) -> String {
    const ODD: &[&str] = &[
        "%00",
        "%ff",
        "%C0%AF",
        "../",
        "\"",
        "'",
        "{",
        "[",
        "&",
        "=",
        "&last=1d",
        "?",
        "#",
        "é",
        "\u{0}",
        "-1",
        "99999999999999999999",
        "1e400",
        "null",
        "true",
        "9999-12-31",
        "0000-00-00",
        "+",
        "%2B",
        "a,b,,c",
        "\u{202e}",
        "&&&&",
        ";",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..rng.random_range(0..4) {
        let at = rng.random_range(0..=chars.len());
        match rng.random_range(0..4) {
            0 => drop(chars.splice(at..at, ODD.choose(rng).unwrap().chars())),
            1 if at < chars.len() => drop(chars.remove(at)),
            2 => {
                let many = if rng.random_ratio(1, 20) { 5000 } else { 3 };
                let what: Vec<char> = ODD.choose(rng).unwrap().chars().cycle().take(many).collect();
                drop(chars.splice(at..at, what));
            }
            _ => {
                let to = (at + rng.random_range(0..8)).min(chars.len());
                drop(chars.drain(at..to));
            }
        }
    }
    chars.into_iter().collect()
}

/// Returns the answer to these bytes; empty if the connection was only closed.
async fn answer(port: u16, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let mut answer = Vec::new();
    let asked = async {
        // The server may answer before it has read everything.
        drop(stream.write_all(request).await);
        drop(stream.shutdown().await);
        drop(stream.read_to_end(&mut answer).await);
    };
    timeout(UP, asked).await.expect("an answer, or an end");
    answer
}

#[tokio::test]
async fn requests_of_any_kind_are_answered_and_harm_nobody() {
    let mut rng = chance("requests");
    let program = Program::start(&[]).await;
    let port = program.port();
    let cookie = program.enter().await;
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < duration() {
        for _ in 0..100 {
            let (method, path, body) = *CORPUS.choose(&mut rng).unwrap();
            let method = if rng.random_ratio(1, 10) {
                *["HEAD", "PUT", "OPTIONS", "X", ""].choose(&mut rng).unwrap()
            } else {
                method
            };
            let (path, body) = (changed(&mut rng, path), changed(&mut rng, body));
            let who = if rng.random_ratio(3, 4) { format!("Cookie: {cookie}\r\n") } else { String::new() };
            let kind = if rng.random_ratio(9, 10) { "application/json" } else { "text/plain" };
            let length = if rng.random_ratio(19, 20) { body.len() } else { rng.random_range(0..100_000) };
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nConnection: close\r\n\
                 {who}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            let mut bytes = request.clone().into_bytes();
            if rng.random_ratio(1, 20) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            let answer = answer(port, &bytes).await;
            let answer = String::from_utf8_lossy(&answer);
            let status: u16 = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(400);
            assert!(status < 500 || status == 503 && answer.contains("retry-after"), "{request}\n{answer}");
            count += 1;
        }
        let mut request = handshake(port, &cookie).unwrap();
        request.headers_mut().insert("sec-websocket-protocol", JSON.parse().unwrap());
        let (mut socket, _) = connect_async(request).await.unwrap();
        for _ in 0..15 {
            let message = *MESSAGES.choose(&mut rng).unwrap();
            let message = changed(&mut rng, message);
            let message = match rng.random_range(0..12) {
                0 => Message::binary(message.into_bytes()),
                1 => Message::Ping(message.into_bytes().into_iter().take(100).collect()),
                _ => Message::text(message),
            };
            // The server may close it at any message.
            drop(socket.send(message).await);
        }
        drop(socket.close(None).await);
        while let Ok(Some(Ok(_))) = timeout(UP, socket.next()).await {}
        assert_eq!(get(port, "/healthz", "").await.unwrap().status, 200);
    }
    assert_eq!(get(port, "/stations", &cookie).await.unwrap().status, 200, "whoever is signed in still is");
    let log = program.log();
    assert!(!log.contains("panicked"), "{log}");
    let peak = program.peak_memory();
    assert!(peak < MEMORY_MAX, "{} MiB", peak >> 20);
    assert!(count >= 200, "{count} requests");
}
