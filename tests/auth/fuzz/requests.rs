//! Requests and frames of a socket of any kind: everybody is answered, and nobody is harmed.
//!
//! Long, because it lists what may stand in a request.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use chargedeck::{domain::protocol::frame::JSON, server::paths::LIVE};
use futures_util::{SinkExt, StreamExt};
use mongodb::bson::{Document, doc};
use rand::{RngExt, rngs::ChaCha8Rng, seq::IndexedRandom};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use super::{
    MEMORY_MAX, chance, duration,
    seeds::{CLIENT, FOUND, Seed, paths, seeds},
    spare::Spare,
};
use crate::{
    http::{ask, get, handshake, origin},
    program::{Program, UP},
};

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

/// How long a client waits that has sent less than it said.
const GIVES_UP: Duration = Duration::from_millis(100);

/// A request as it is sent.
struct Sent {
    port: u16,
    bytes: Vec<u8>,
    /// Whether it has all that it says it has, so that it must be answered.
    is_whole: bool,
}

impl Sent {
    /// Returns the answer; empty if the connection was only closed.
    async fn answer(&self) -> Vec<u8> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        let mut answer = Vec::new();
        let asked = async {
            // The server may answer before it has read everything.
            drop(stream.write_all(&self.bytes).await);
            // Whoever closes its side at once is not answered.
            if !self.is_whole {
                drop(timeout(GIVES_UP, stream.read_to_end(&mut answer)).await);
                drop(stream.shutdown().await);
            }
            drop(stream.read_to_end(&mut answer).await);
        };
        timeout(UP, asked).await.expect("an answer, or an end");
        answer
    }

    /// Checks that the request is answered, not with an error of the server's own, and with the headers of every
    /// answer. Returns the status; 400 if the connection was only closed.
    async fn answered(&self) -> u16 {
        let answer = self.answer().await;
        let request = String::from_utf8_lossy(&self.bytes);
        assert!(!(self.is_whole && answer.is_empty()), "no answer to {request}");
        let answer = String::from_utf8_lossy(&answer);
        let mut last = 400;
        for part in answer.split("HTTP/1.").skip(1) {
            last = part.get(2..5).and_then(|status| status.parse().ok()).unwrap_or(500);
            let head = part.split("\r\n\r\n").next().unwrap_or_default();
            let has = |name: &str| head.contains(&format!("\r\n{name}: "));
            // It only says that the body may come.
            if last == 100 {
                continue;
            }
            assert!(last < 500 || last == 503 && has("retry-after"), "{request}\n{answer}");
            // What the HTTP library answers itself has no body, and no id.
            let unparsed = (400..500).contains(&last) && head.contains("\r\ncontent-length: 0");
            assert!(has("x-request-id") || unparsed, "no request id\n{request}\n{answer}");
            for name in ["x-content-type-options", "content-security-policy", "referrer-policy", "cache-control"] {
                assert!(has(name), "no {name}\n{request}\n{answer}");
            }
        }
        last
    }
}

/// The routes of this server, each with a method that it takes.
async fn routes(port: u16, cookie: &str) -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    for path in paths() {
        let asked = path.replace(['{', '}'], "");
        let request = format!(
            "FUZZ {asked} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nOrigin: {}\r\nCookie: {cookie}\r\n\r\n",
            origin(port)
        );
        let answer = ask(Ipv4Addr::LOCALHOST, port, request).await.unwrap();
        let allowed = answer.head.lines().find_map(|line| line.strip_prefix("allow: "));
        let allowed = allowed.unwrap_or_else(|| panic!("{path} takes a method of no name: {}", answer.head));
        let methods = allowed.split(',').map(str::trim).filter(|method| *method != "HEAD");
        routes.extend(methods.map(|method| (method.to_owned(), path.clone())));
    }
    routes
}

/// How a body is sent that stands for itself.
fn kind_of(body: &str) -> &'static str {
    if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" }
}

/// Who is asked and by whom: requests that change something come from someone else than [`ADA`](crate::app::ADA), and what
/// makes the first admin is for the server that has none.
fn place<'a>(program: &Program, spare: &'a Spare, ada: &'a str, seed: &Seed) -> (u16, &'a str) {
    let port = if seed.1.starts_with("/setup") { spare.empty.port() } else { program.port() };
    (port, if seed.0 == "GET" { ada } else { &spare.cookie })
}

/// Headers that browsers, proxies and anybody else may send.
const HEADERS: &[(&str, &[&str])] = &[
    ("Accept", &["text/html", "*/*;q=0", "text/html;q=0.1, application/problem+json", ",;q=", "é"]),
    ("Accept-Encoding", &["br", "gzip;q=0.5, br;q=0", "identity;q=0, *;q=0", "zstd", "br;q=9e99", ""]),
    ("Expect", &["100-continue", "x"]),
    ("Idempotency-Key", &["k", "two words", "é", ""]),
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
fn request(rng: &mut ChaCha8Rng, (port, cookie): (u16, &str), kind: &str, (method, path, body): &Seed) -> Sent {
    const ORIGINS: &[&str] = &["null", "http://example.org", "", "http://127.0.0.1:0", "http://[::1", "é"];
    const COOKIES: &[&str] = &["", "chargedeck=", "chargedeck=AAAA; chargedeck=BBBB", "=;=;;", "a=\"b", "é=é"];
    const KINDS: &[&str] = &[
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json",
        "application/json; charset=utf-7",
        "multipart/form-data",
        "",
    ];
    let own = format!("http://127.0.0.1:{port}");
    let mut pick = |own: &str, others: &[&str], odds: u32| {
        let other = rng.random_ratio(1, odds).then(|| (*others.choose(rng).unwrap()).to_owned());
        other.unwrap_or_else(|| own.to_owned())
    };
    let (origin, who, kind) = (pick(&own, ORIGINS, 10), pick(cookie, COOKIES, 8), pick(kind, KINDS, 10));
    let length = if rng.random_ratio(19, 20) { body.len() } else { rng.random_range(0..100_000) };
    let header = |rng: &mut ChaCha8Rng| {
        let (name, values) = HEADERS.choose(rng).unwrap();
        format!("{name}: {}\r\n", values.choose(rng).unwrap())
    };
    let more = (0..rng.random_range(0..4)).map(|_| header(rng)).collect::<Vec<_>>().concat();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {origin}\r\nConnection: close\r\nCookie: {who}\r\n\
         Content-Type: {kind}\r\nContent-Length: {length}\r\n{more}\r\n{body}"
    );
    // A socket stays open. What is left unread of a long body may cost the client its answer.
    let is_whole = length == body.len() && !path.starts_with(LIVE) && text.len() < 4096;
    let mut sent = Sent { port, bytes: text.into_bytes(), is_whole };
    if rng.random_ratio(1, 20) {
        let at = rng.random_range(0..sent.bytes.len());
        sent.bytes[at] = rng.random();
        sent.is_whole = false;
    }
    sent
}

/// Sends each seed as it stands, so that the fuzzer begins with what is done and not with what is refused.
async fn send_valid(program: &Program, spare: &mut Spare, ada: &str, seeds: &[Seed]) {
    let mut refused = Vec::new();
    for seed in seeds {
        spare.restore().await;
        let (port, cookie) = place(program, spare, ada, seed);
        let (method, path, body) = seed;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {}\r\nConnection: close\r\n\
             Cookie: {cookie}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{body}",
            origin(port),
            kind_of(body),
            body.len()
        );
        let sent = Sent { port, bytes: request.clone().into_bytes(), is_whole: true };
        let mut status = sent.answered().await;
        // This test exceeds an account's budget, so it waits.
        while status == 429 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            status = sent.answered().await;
        }
        let is_valid = path != LIVE && !FOUND.iter().any(|found| found.1 == path);
        if is_valid && status >= 400 {
            refused.push(format!("{status}: {request}"));
        }
    }
    assert!(refused.is_empty(), "{}", refused.concat());
}

#[tokio::test]
async fn requests_of_any_kind_are_answered_and_harm_nobody() {
    let mut rng = chance("requests");
    let program = Program::start(&[]).await;
    let client = doc! {"client_id": CLIENT, "status": "ACTIVE"};
    program.db.collection::<Document>("clients").insert_one(client).await.unwrap();
    let mut spare = Spare::make(&program).await;
    let (port, ada) = (program.port(), program.enter().await);
    let found = FOUND.iter().map(|(method, path, body)| ((*method).into(), (*path).into(), (*body).into()));
    let seeds: Vec<Seed> = seeds(&routes(port, &ada).await).into_iter().chain(found).collect();
    let fill = |(method, path, body): Seed| (method, spare.fill(&path), spare.fill(&body));
    let seeds: Vec<Seed> = seeds.into_iter().map(fill).collect();
    send_valid(&program, &mut spare, &ada, &seeds).await;
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < duration() || count < 200 {
        for _ in 0..100 {
            let seed = seeds.choose(&mut rng).unwrap();
            if seed.0 != "GET" {
                spare.restore().await;
            }
            let (port, cookie) = place(&program, &spare, &ada, seed);
            let kind = kind_of(&seed.2);
            let other = rng.random_ratio(1, 10);
            let other = other.then(|| *["HEAD", "PUT", "OPTIONS", "X", ""].choose(&mut rng).unwrap());
            let method = other.map_or_else(|| seed.0.clone(), str::to_owned);
            let changed = (method, changed(&mut rng, &seed.1), changed(&mut rng, &seed.2));
            request(&mut rng, (port, cookie), kind, &changed).answered().await;
            count += 1;
        }
        let mut request = handshake(port, &ada).unwrap();
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
    assert_eq!(get(port, "/stations", &ada).await.unwrap().status, 200, "whoever is signed in still is");
    for program in [&program, &spare.empty] {
        let log = program.log();
        assert!(!log.contains("panicked"), "{log}");
        let peak = program.peak_memory();
        assert!(peak < MEMORY_MAX, "{} MiB", peak >> 20);
    }
    println!("requests: {count}");
}
