//! Fuzzing. Whatever the database holds and whatever anyone sends, the stream goes on, everybody is answered, and
//! nothing leaves that was not requested. `CHARGEDECK_FUZZ_S` sets the duration, `CHARGEDECK_SEED` the seed. Findings
//! are kept in [`FOUND`] and [`CORPUS`], which are replayed first, and in `tests/pipeline/hostile.rs`.
//!
//! Long, because both fuzzers look for the same in the same places.

use std::{collections::BTreeSet, env, fs, net::Ipv4Addr, path::Path, time::Duration};

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
    http::{get, handshake, metrics},
    program::{Program, UP, everything},
    support::{
        self,
        documents::{CANARY, document_of, raw, value},
    },
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

/// What was found before, one command to MongoDB in each line. [`NO_TEXT`] stands for invalid UTF-8, and `"$NOW-60"` for
/// a minute ago.
const FOUND: &str = include_str!("corpus/documents.jsonl");
/// Where the writes of a round that failed are kept, in the form of [`FOUND`].
const FAILED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test/fuzz-documents.jsonl");

/// The commands of [`FOUND`].
fn found() -> Vec<Document> {
    let now = DateTime::now().timestamp_millis();
    let date = |part: &str| {
        let (seconds, rest) = part.split_once('"').expect("a date in quotes");
        let ms = now + seconds.parse::<i64>().unwrap_or(0) * 1000;
        format!(r#"{{"$date":{{"$numberLong":"{ms}"}}}}{rest}"#)
    };
    let dated = |line: &str| {
        let mut parts = line.split("\"$NOW");
        let first = parts.next().unwrap_or_default().to_owned();
        [first].into_iter().chain(parts.map(date)).collect::<Vec<_>>().concat()
    };
    let command = |line: &str| {
        let value: serde_json::Value =
            serde_json::from_str(&dated(line)).unwrap_or_else(|error| panic!("{error}: {line}"));
        let Ok(Bson::Document(mut command)) = Bson::try_from(value) else { panic!("no document: {line}") };
        // MongoDB takes the first field for the command, and JSON's fields come in any order.
        let name = ["insert", "update", "delete"].into_iter().find(|name| command.contains_key(name)).expect(line);
        let target = command.remove(name);
        let first = target.map(|target| (name.to_owned(), target));
        first.into_iter().chain(command).collect()
    };
    FOUND.lines().map(command).collect()
}

/// The writes of one round. If the test fails in it, they are kept for the corpus.
#[derive(Default)]
struct Round(Vec<Document>);

impl Drop for Round {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.0.iter().map(|command| {
                let command = Bson::Document(command.clone()).into_canonical_extjson();
                format!("{command}\n")
            });
            let kept = fs::create_dir_all(Path::new(FAILED).parent().unwrap())
                .and_then(|()| fs::write(FAILED, lines.collect::<String>()));
            eprintln!("{FAILED}: {kept:?}. What fails of it belongs into tests/auth/corpus/documents.jsonl");
        }
    }
}

impl Round {
    /// Sends a write to MongoDB. Returns whether it was taken; a refusal may quote what is no text.
    async fn write(&mut self, db: &Database, command: Document) -> bool {
        let answer = db.run_raw_command(raw(&command)).await;
        self.0.push(command);
        answer.is_ok_and(|answer| !answer.contains_key("writeErrors"))
    }
}

/// A random write, and the id of the document that it inserts.
fn command(rng: &mut ChaCha8Rng, ids: &[(Collection, Bson)]) -> (Document, Option<(Collection, Bson)>) {
    let collection = *Collection::ALL.choose(rng).unwrap();
    let of = collection.name();
    let known = ids.iter().filter(|(of, _)| *of == collection).choose(rng).map(|(_, id)| id.clone());
    let made = document_of(rng, collection);
    let update = |id: Bson, change: Document| doc! {"update": of, "updates": [{"q": {"_id": id}, "u": change}]};
    match known.filter(|_| rng.random_ratio(2, 3)) {
        Some(id) if rng.random_ratio(1, 4) => (doc! {"delete": of, "deletes": [{"q": {"_id": id}, "limit": 1}]}, None),
        Some(id) if rng.random_ratio(1, 3) => (update(id, made), None),
        Some(id) => {
            let name = *collection.parts().iter().map(|(name, _)| name).choose(rng).unwrap();
            let set: Document = made.into_iter().filter(|(of, _)| of == name).collect();
            (update(id, doc! {"$set": set, "$unset": {"more": ""}}), None)
        }
        None => {
            // An `_id` is always sent to pages, so it must hold no canary.
            let id = Some(value(rng, 0))
                .filter(|id| !id.to_string().contains(CANARY))
                .unwrap_or_else(|| ObjectId::new().into());
            let mut whole = doc! {"_id": id.clone()};
            whole.extend(made);
            (doc! {"insert": of, "documents": [whole]}, Some((collection, id)))
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// The keys in Redis and the collections of ChargeDeck's own database in which this program keeps the text.
async fn kept_in(program: &Program, text: &str) -> BTreeSet<String> {
    fn says(value: &redis::Value, text: &str) -> bool {
        match value {
            redis::Value::BulkString(bytes) => holds(bytes, text),
            redis::Value::Array(all) | redis::Value::Set(all) => all.iter().any(|value| says(value, text)),
            redis::Value::Map(all) => all.iter().any(|(key, value)| says(key, text) || says(value, text)),
            _ => false,
        }
    }
    let mut places = BTreeSet::new();
    let client = redis::Client::open(support::redis().await.url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let ours = format!("*{}*", program.own.name());
    let keys: Vec<String> = redis::cmd("KEYS").arg(ours).query_async(&mut redis).await.unwrap();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut redis).await.unwrap();
        let (read, range): (_, &[&str]) = match kind.as_str() {
            "string" => ("GET", &[]),
            "hash" => ("HGETALL", &[]),
            "set" => ("SMEMBERS", &[]),
            "list" => ("LRANGE", &["0", "-1"]),
            "zset" => ("ZRANGE", &["0", "-1"]),
            "stream" => ("XRANGE", &["-", "+"]),
            // It has expired meanwhile.
            "none" => continue,
            other => panic!("{key} is a {other}, which this test cannot read"),
        };
        let value: redis::Value = redis::cmd(read).arg(&key).arg(range).query_async(&mut redis).await.unwrap();
        if key.contains(text) || says(&value, text) {
            places.insert(kind);
        }
    }
    for name in program.own.list_collection_names().await.unwrap() {
        let mut all = program.own.collection::<RawDocumentBuf>(&name).find(doc! {}).await.unwrap();
        while all.advance().await.unwrap() {
            if holds(all.current().as_bytes(), text) {
                places.insert(name.clone());
            }
        }
    }
    places
}

/// Checks that the stream goes on behind what was written, that everybody is answered, and that nothing which is not
/// read is told or kept.
async fn goes_on(program: &Program, cookie: &str, round: usize) {
    // Its id is in nobody's document.
    let mark = format!("last-{round}-");
    let last = doc! {"client_id": &mark, "created_at": DateTime::MAX};
    program.db.collection::<Document>("clients").insert_one(last).await.unwrap();
    let list = format!("/api/v1/snapshot/clients?client={mark}");
    until(UP, "the last document in its list", || async {
        get(program.port(), &list, cookie).await.is_ok_and(|answer| answer.body.contains("\"id\""))
    })
    .await;
    for path in everything() {
        let asked = async {
            loop {
                let answer = get(program.port(), &path, cookie).await;
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
    // The same search finds what is kept, and so it would find the canary.
    until(UP, "the last document in Redis' log and among the events", || async {
        let places = kept_in(program, &mark).await;
        ["stream", "events"].iter().all(|place| places.contains(*place))
    })
    .await;
    assert_eq!(kept_in(program, CANARY).await, BTreeSet::new(), "what is not read is kept");
    let metrics = metrics(program.port()).await.unwrap();
    assert!(metrics.status == 200 && !metrics.body.contains(CANARY), "{}", metrics.body);
}

#[tokio::test]
async fn documents_of_any_kind_stop_nothing_and_tell_no_more_than_is_read() {
    let mut rng = chance("documents");
    let program = Program::start(&[]).await;
    support::collections_with_images(&program.db).await;
    let cookie = program.enter().await;
    let mut replay = Round::default();
    for command in found() {
        let shown = command.to_string();
        assert!(replay.write(&program.db, command).await, "MongoDB refuses {shown}");
    }
    goes_on(&program, &cookie, 0).await;
    drop(replay);
    let (began, mut ids) = (Instant::now(), Vec::new());
    let mut rounds = 0;
    while began.elapsed() < duration() {
        rounds += 1;
        let mut round = Round::default();
        for _ in 0..40 {
            let (command, id) = command(&mut rng, &ids);
            if round.write(&program.db, command).await {
                ids.extend(id);
            }
        }
        goes_on(&program, &cookie, rounds).await;
    }
    let log = program.log();
    assert!(!log.contains("panicked") && !log.contains(CANARY), "{log}");
    let peak = program.peak_memory();
    assert!(peak < MEMORY_MAX, "{} MiB", peak >> 20);
    assert!(rounds > 1 && ids.len() > 20, "{rounds} rounds, {} documents", ids.len());
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

/// Checks that the request is answered, and not with an error of the server's own.
async fn is_answered(port: u16, request: &str, bytes: &[u8]) {
    let answer = answer(port, bytes).await;
    let answer = String::from_utf8_lossy(&answer);
    let status: u16 = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(400);
    assert!(status < 500 || status == 503 && answer.contains("retry-after"), "{request}\n{answer}");
}

/// Headers that browsers, proxies and anybody else may send.
const HEADERS: &[(&str, &[&str])] = &[
    ("Accept", &["text/html", "*/*;q=0", "text/html;q=0.1, application/problem+json", ",;q=", "é"]),
    ("Accept-Encoding", &["br", "gzip;q=0.5, br;q=0", "identity;q=0, *;q=0", "zstd", "br;q=9e99", ""]),
    ("Expect", &["100-continue", "x"]),
    ("If-Modified-Since", &["Thu, 01 Jan 1970 00:00:00 GMT", "yesterday"]),
    ("If-None-Match", &["*", "\"\"", "W/\"7-1\", \"", "é"]),
    ("Range", &["bytes=0-0", "bytes=9-1", "bytes=-99999999999999999999", "bytes=0-0,1-1", "rows=1"]),
    ("Sec-Fetch-Site", &["same-origin", "cross-site", "none", ""]),
    ("Sec-WebSocket-Key", &["MDEyMzQ1Njc4OWFiY2RlZg==", "x"]),
    ("Sec-WebSocket-Version", &["13", "8", ""]),
    ("Transfer-Encoding", &["chunked", "identity", "gzip, chunked"]),
    ("Upgrade", &["websocket", "h2c"]),
    ("User-Agent", &["", "\t", "Mozilla/5.0 (\u{202e})"]),
    ("X-Forwarded-For", &["203.0.113.7", "203.0.113.7, ::1, unknown", "[::1]:443", ",,,", "é"]),
    ("X-Forwarded-Proto", &["https", "x"]),
    ("X-HTTP-Method-Override", &["DELETE"]),
    ("X-Request-Id", &["x", "\u{0}"]),
];

/// A request with any headers. Most requests have those with which a browser is let in, because most code is behind the
/// guard.
fn request(rng: &mut ChaCha8Rng, port: u16, cookie: &str, method: &str, path: &str, body: &str) -> String {
    const ORIGINS: &[&str] = &["null", "http://example.org", "", "http://127.0.0.1:0", "http://[::1", "é"];
    const COOKIES: &[&str] = &["", "chargedeck=", "chargedeck=AAAA; chargedeck=BBBB", "=;=;;", "a=\"b", "é=é"];
    const KINDS: &[&str] = &[
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-7",
        "multipart/form-data",
        "",
    ];
    let own = format!("http://127.0.0.1:{port}");
    let mut pick = |own: &str, others: &[&str], odds: u32| {
        let other = rng.random_ratio(1, odds).then(|| (*others.choose(rng).unwrap()).to_owned());
        other.unwrap_or_else(|| own.to_owned())
    };
    let (origin, who, kind) = (pick(&own, ORIGINS, 10), pick(cookie, COOKIES, 4), pick("application/json", KINDS, 10));
    let length = if rng.random_ratio(19, 20) { body.len() } else { rng.random_range(0..100_000) };
    let header = |rng: &mut ChaCha8Rng| {
        let (name, values) = HEADERS.choose(rng).unwrap();
        format!("{name}: {}\r\n", values.choose(rng).unwrap())
    };
    let more = (0..rng.random_range(0..4)).map(|_| header(rng)).collect::<Vec<_>>().concat();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {origin}\r\nConnection: close\r\nCookie: {who}\r\n\
         Content-Type: {kind}\r\nContent-Length: {length}\r\n{more}\r\n{body}"
    )
}

#[tokio::test]
async fn requests_of_any_kind_are_answered_and_harm_nobody() {
    let mut rng = chance("requests");
    let program = Program::start(&[]).await;
    let port = program.port();
    let cookie = program.enter().await;
    for (method, path, body) in CORPUS {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nConnection: close\r\n\
             Cookie: {cookie}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        is_answered(port, &request, request.as_bytes()).await;
    }
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
            let request = request(&mut rng, port, &cookie, method, &path, &body);
            let mut bytes = request.clone().into_bytes();
            if rng.random_ratio(1, 20) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            is_answered(port, &request, &bytes).await;
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
