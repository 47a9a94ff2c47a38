//! The program as a process: what it reveals, which resources it takes, and whom it trusts.
//!
//! Long, because each promise of the process has its own way of breaking it.

use std::{collections::BTreeMap, fs, net::Ipv4Addr, time::Duration};

use chargedeck::{
    domain::{
        collections::Collection,
        protocol::frame::{Frame, close},
    },
    server::auth::{audit_log::Initiator, email::Email, password::Passwords, users::Users},
    web::pages::PAGES,
};
use futures_util::{StreamExt, future::join_all};
use mongodb::{
    Database,
    bson::{Document, doc},
};
use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::{
    app::{ADA, PASSWORD, until},
    http::{self, get, metrics, post, send},
    support::{self, Mongod, Server, fresh_name},
};

/// The longest time that the program may take to come up on a loaded machine.
pub const UP: Duration = Duration::from_secs(60);

/// The shell script that starts the server.
pub const SERVE: &str = "exec \"$0\" serve";

pub struct Program {
    pub server: Server,
    pub db: Database,
    pub own: Database,
}

impl Program {
    /// Serves a database of its own, with [`ADA`] as admin. The variables in `more` override the default ones.
    pub async fn start(more: &[(&str, String)]) -> Self {
        Self::started(more, SERVE).await
    }

    /// Like [`Self::start`], with another script, whose `$0` is the program.
    pub async fn started(more: &[(&str, String)], script: &str) -> Self {
        let program = Self::spawned(more, script).await;
        program.ready().await;
        program
    }

    pub async fn ready(&self) {
        let ready = || async { get(self.port(), "/readyz", "").await.is_ok_and(|answer| answer.status == 200) };
        until(UP, "ready", ready).await;
    }

    async fn spawned(more: &[(&str, String)], script: &str) -> Self {
        Self::of(support::mongod().await, more, script).await
    }

    /// Like [`Self::started`], with another MongoDB. Does not wait until it is ready.
    pub async fn of(mongod: &Mongod, more: &[(&str, String)], script: &str) -> Self {
        let redis = support::redis().await;
        let name = fresh_name("program");
        let client = mongod.client().await;
        let (db, own) = (client.database(&name), client.database(&format!("{name}_app")));
        Users::new(&own).ensure_indexes().await.unwrap();
        create_admin(&own, ADA).await;
        let root = env!("CARGO_MANIFEST_DIR");
        let mut env: BTreeMap<&str, String> = [
            ("MONGODB_URI", mongod.uri()),
            ("MONGODB_DB", name.clone()),
            ("CHARGEDECK_DB", own.name().to_owned()),
            ("REDIS_URL", redis.url()),
            ("CHARGEDECK_TIME_ZONE", "Europe/London".to_owned()),
            ("CHARGEDECK_CURRENCY", "GBP".to_owned()),
            // The browser side that was built, and the names of its files.
            ("LEPTOS_SITE_ROOT", format!("{root}/target/app/site")),
            ("LEPTOS_HASH_FILE", format!("{root}/target/app/hash.txt")),
        ]
        .into();
        env.extend(more.iter().cloned());
        let server = Server::new(
            "env",
            |port, _| {
                env.insert("LEPTOS_SITE_ADDR", format!("127.0.0.1:{port}"));
                env.insert("CHARGEDECK_PUBLIC_ORIGIN", http::origin(port));
                env.insert("CHARGEDECK_METRICS_ADDR", format!("{}:{port}", http::METRICS));
                let set = env.iter().map(|(key, value)| format!("{key}={value}"));
                set.chain(["sh", "-c", script, env!("CARGO_BIN_EXE_chargedeck")].map(str::to_owned)).collect()
            },
            &[],
        );
        Self { server, db, own }
    }

    pub fn port(&self) -> u16 {
        self.server.port()
    }

    async fn login(&self, email: &str, password: &str) -> http::Answer {
        let body = serde_json::json!({ "email": email, "password": password }).to_string();
        post(self.port(), "/api/v1/session", &body).await.unwrap()
    }

    pub async fn enter(&self) -> String {
        self.enter_as(ADA).await
    }

    /// Creates another admin and signs in. Returns the cookie.
    pub async fn another(&self, email: &str) -> String {
        create_admin(&self.own, email).await;
        self.enter_as(email).await
    }

    async fn enter_as(&self, email: &str) -> String {
        let answer = self.login(email, PASSWORD).await;
        let set = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect(&answer.body);
        set.split(';').next().unwrap().to_owned()
    }

    /// Everything that the program has written to its log.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// The peak memory of the process, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

/// Creates an admin whose password is [`PASSWORD`].
async fn create_admin(own: &Database, email: &str) {
    let hash = Passwords::default().hash(PASSWORD.into()).await.unwrap();
    let email = Email::parse(email).unwrap();
    Users::new(own).create_admin(&email, hash, &Initiator::command_line()).await.unwrap().expect("a new address");
}

/// The addresses that an admin may read.
pub fn everything() -> Vec<String> {
    let api = [
        "/api/v1/report",
        "/api/v1/report.csv",
        "/api/v1/analytics/energy.csv?last=7d",
        "/api/v1/audit.csv",
        "/account",
        "/users",
        "/audit",
        "/confirm",
        "/users/invite",
        "/healthz",
        "/readyz",
        "/login",
        "/no/such/page",
    ];
    let snapshots = Collection::ALL.map(|collection| format!("/api/v1/snapshot/{collection}"));
    PAGES.iter().map(|(path, ..)| *path).chain(api).map(str::to_owned).chain(snapshots).collect()
}

#[tokio::test]
async fn no_secret_is_in_what_the_program_says() {
    let uri = {
        let (user, password) = (fresh_name("user"), "canary-of-mongodb");
        let create = doc! { "createUser": &user, "pwd": password, "roles": ["readWriteAnyDatabase", "clusterMonitor"] };
        support::mongod().await.client().await.database("admin").run_command(create).await.unwrap();
        support::mongod().await.uri().replace("mongodb://", &format!("mongodb://{user}:{password}@"))
            + "&authSource=admin"
    };
    let mut redis = support::Redis::start().await;
    let asked = redis::Client::open(redis.url()).unwrap();
    let mut connection = asked.get_multiplexed_async_connection().await.unwrap();
    let set: String = redis::cmd("CONFIG")
        .arg(&["SET", "requirepass", "canary-of-redis"])
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(set, "OK");
    let program = Program::start(&[
        ("MONGODB_URI", uri),
        ("REDIS_URL", redis.url().replace("redis://", "redis://:canary-of-redis@")),
        // The most detailed log level of all libraries.
        ("RUST_LOG", "trace".to_owned()),
    ])
    .await;
    let port = program.port();
    let mut answers = Vec::new();
    answers.push(program.login(ADA, "canary-wrong-password").await);
    let cookie = program.enter().await;
    let id = cookie.split_once('=').unwrap().1;
    for path in everything() {
        answers.push(get(port, &path, &cookie).await.unwrap());
        answers.push(get(port, &path, "chargedeck=canary-of-no-session").await.unwrap());
    }
    let link = get(port, "/invitation?token=canary-of-a-link", "").await.unwrap();
    let form = "application/x-www-form-urlencoded";
    let password = "password=canary-wrong-confirmation&next=%2Fusers";
    answers.push(send(port, "/confirm", &cookie, form, password).await.unwrap());
    answers
        .push(send(port, "/login", "", form, "email=eve%40example.org&password=canary-wrong-password").await.unwrap());
    answers.push(post(port, "/api/v1/session", "{\"password\": \"canary-in-bad-json\"").await.unwrap());
    answers.push(metrics(port).await.unwrap());
    redis.kill9();
    let away = "Redis is away";
    until(UP, away, || async { program.server.log().contains(away) }).await;
    answers.push(get(port, "/stations", &cookie).await.unwrap());

    let log = program.server.log();
    assert!(log.contains("DEBUG"), "the log says what happens: {log}");
    let secrets = ["canary", id, PASSWORD];
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
        for answer in &answers {
            assert!(!answer.body.contains(secret) && !answer.head.contains(secret), "{secret}: {}", answer.body);
        }
    }
    // A form brings its link back; nothing else does.
    assert_eq!(link.status, 410);
    assert!(!link.head.contains("canary"));
}

#[tokio::test]
async fn reading_writes_nothing() {
    let program = Program::start(&[]).await;
    // Before that the program may still write to its own database.
    let open = "the change stream is open";
    until(UP, open, || async { program.server.log().contains(open) }).await;
    // It also creates its own indexes, of which this is the last.
    let made = async || {
        program.own.collection::<Document>("action_keys").list_index_names().await.is_ok_and(|all| all.len() == 2)
    };
    until(UP, "its indexes", made).await;
    let cookie = program.enter().await;
    let hash = async |db: &Database| -> Document {
        db.run_command(doc! { "dbHash": 1 }).await.unwrap().get_document("collections").unwrap().clone()
    };
    let written = async || (hash(&program.db).await, hash(&program.own).await);
    let before = written().await;
    assert!(before.1.contains_key("users") && before.1.contains_key("audit_log"), "{before:?}");
    // Skip exports and the report, because an export writes an entry to the audit log.
    for path in everything().into_iter().filter(|path| !path.contains(".csv") && path != "/api/v1/report") {
        for (cookie, may) in [(cookie.as_str(), true), ("", false)] {
            let answer = get(program.port(), &path, cookie).await.unwrap();
            assert!(answer.status < 500 && (may || answer.status != 200 || !answer.body.contains(ADA)), "{path}");
        }
    }
    assert_eq!(written().await, before);
}

#[tokio::test]
async fn two_hundred_logins_at_once_take_the_memory_of_two() {
    /// One hash takes 19 MiB. This allows for two of them and for what 200 requests take besides. All at once would
    /// take 3,800 MiB.
    const MORE: u64 = 100 << 20;
    let program = Program::start(&[]).await;
    program.enter().await;
    let before = program.peak_memory();
    let emails: Vec<String> = (0..200).map(|n| format!("nobody{n}@example.org")).collect();
    let answers = join_all(emails.iter().map(|email| program.login(email, "not the password at all"))).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 401 | 429 | 503)));
    let more = program.peak_memory().saturating_sub(before);
    assert!(more < MORE, "{} MiB more", more >> 20);
    assert_eq!(get(program.port(), "/healthz", "").await.unwrap().status, 200);
}

#[tokio::test]
async fn whoever_is_slow_is_in_nobodys_way() {
    let program = Program::start(&[("CHARGEDECK_MAX_CONNECTIONS_PER_ADDRESS", "100".to_owned())]).await;
    let cookie = program.enter().await;
    let address = (Ipv4Addr::LOCALHOST, program.port()).into();
    let mut open = Vec::new();
    for n in 0..500_u16 {
        let socket = TcpSocket::new_v4().unwrap();
        // The connections come from six addresses, and the first exceeds its limit.
        let from = Ipv4Addr::new(127, 0, 1, 1 + u8::try_from(n.saturating_sub(120) / 95).unwrap());
        socket.bind((from, 0).into()).unwrap();
        let mut slow = socket.connect(address).await.unwrap();
        drop(slow.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ").await);
        open.push((from, slow));
    }
    let page = get(program.port(), "/stations", &cookie).await.unwrap();
    assert_eq!(page.status, 200);
    let refused = "a connection more than allowed is refused";
    until(UP, "refusals", || async { program.server.log().contains(refused) }).await;
    let mut ended = 0;
    for (from, slow) in &mut open {
        // One more byte shows whether the other side is still there.
        let mut byte = [0];
        drop(slow.write_all(b"x").await);
        let answer = tokio::time::timeout(Duration::from_millis(20), slow.read(&mut byte)).await;
        ended += usize::from(answer.is_ok());
        assert!(answer.is_err() || *from == Ipv4Addr::new(127, 0, 1, 1), "{from} had its connections");
    }
    assert!((20..=215).contains(&ended), "{ended} were closed");
}

#[tokio::test]
async fn without_descriptors_it_says_so_and_goes_on() {
    let program = Program::started(&[], &format!("ulimit -n 80; {SERVE}")).await;
    let cookie = program.enter().await;
    let address = (Ipv4Addr::LOCALHOST, program.port());
    let open = join_all((0..100).map(|_| TcpStream::connect(address))).await;
    let exhausted = "no connection can be accepted";
    until(UP, exhausted, || async { program.server.log().contains(exhausted) }).await;
    assert!(program.server.log().contains("CHARGEDECK_MAX_CONNECTIONS needs 20200"), "told at the start");
    drop(open);
    let answers = || async { get(program.port(), "/stations", &cookie).await.is_ok_and(|answer| answer.status == 200) };
    until(UP, "pages again", answers).await;
}

/// If DNS fails, the program logs what is away, and serves what does not need it.
#[tokio::test]
async fn a_name_that_is_not_found_is_said_and_stops_nothing() {
    let program = Program::spawned(&[("REDIS_URL", "redis://redis.invalid".to_owned())], SERVE).await;
    let status = async |path: &str| get(program.port(), path, "").await.map(|answer| answer.status).ok();
    until(UP, "life", || async { status("/healthz").await == Some(200) }).await;
    let message = "Redis is away";
    until(UP, "word of it", || async { program.server.log().contains(message) }).await;
    assert_eq!(status("/readyz").await, Some(503));
    assert_eq!(program.login(ADA, PASSWORD).await.status, 503);
    assert!(!program.server.has_ended());
}

#[tokio::test]
async fn who_waits_for_its_end_or_asks_twice_is_not_kept_waiting() {
    for signals in [&["TERM", "TERM"][..], &["TERM", "INT"], &["INT"]] {
        // Longer than any test waits.
        let program = Program::start(&[("CHARGEDECK_LEAVE_WITHIN_S", "300".to_owned())]).await;
        let (last, before) = signals.split_last().unwrap();
        for signal in before {
            program.server.signal(signal);
            let not_ready =
                || async { get(program.port(), "/readyz", "").await.is_ok_and(|ready| ready.status == 503) };
            until(UP, "not ready", not_ready).await;
            assert_eq!(get(program.port(), "/login", "").await.unwrap().status, 200, "it serves until it has left");
        }
        program.server.signal(last);
        until(UP, "its end", || async { program.server.has_ended() }).await;
    }
}

#[tokio::test]
async fn a_request_whose_end_can_be_read_in_two_ways_is_refused() {
    let program = Program::start(&[]).await;
    let host = format!("Host: 127.0.0.1:{}\r\n", program.port());
    for ends in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
    ] {
        let smuggled = format!("0\r\n\r\nGET /healthz HTTP/1.1\r\n{host}\r\n");
        let request = format!("POST /login HTTP/1.1\r\n{host}{ends}\r\n\r\n{smuggled}");
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, program.port())).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let ended = tokio::time::timeout(UP, socket.read_to_string(&mut answer)).await;
        assert!(ended.is_ok_and(|read| read.is_ok()), "{ends}: the connection is not closed");
        let status = answer.split(' ').nth(1);
        assert!(matches!(status, Some("400" | "411")), "{ends}: {answer}");
        assert!(answer.contains("\r\ncontent-security-policy: default-src 'none'"), "{ends}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{ends}: {answer}");
    }
}

#[tokio::test]
async fn odd_paths_show_no_file_and_no_folder() {
    let program = Program::start(&[]).await;
    let cookie = program.enter().await;
    let odd = [
        "/.git/config",
        "/.env",
        "/Cargo.toml",
        "/src/main.rs",
        "/hash.txt",
        "/pkg",
        "/pkg/",
        "/pkg/.",
        "/pkg/..",
        "/pkg/../hash.txt",
        "/pkg/%2e%2e/hash.txt",
        "/pkg/..%2fhash.txt",
        "/pkg/%2e%2e%2f%2e%2e%2fchargedeck",
        "/pkg/..\\hash.txt",
        "/pkg/%00",
        "/pkg/chargedeck.css.br",
        "/pkg/chargedeck.css.map",
        "/pkg/chargedeck.js.map",
        "/pkg//chargedeck.css",
        "//etc/passwd",
        "/fonts/",
        "/vendor/",
        "/assets/../../../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..;/metrics",
        "/metrics",
        "/server-status",
        "/actuator/env",
        "/debug/pprof/",
        "/swagger.json",
        "/graphql",
        "/wp-login.php",
    ];
    for path in odd {
        for cookie in ["", &cookie] {
            let answer = get(program.port(), path, cookie).await.unwrap();
            assert!(matches!(answer.status, 303 | 400 | 401 | 404), "{path}: {}", answer.status);
            for inside in ["root:", "[package]", "Index of", "wasm:", "sourcesContent"] {
                assert!(!answer.body.contains(inside), "{path}: {}", answer.body);
            }
        }
    }
    // A public file that does not exist is answered with 404, whoever asks, even if no file system has such names.
    let none = ["/pkg/none.js".to_owned(), format!("/pkg/{}", "x".repeat(300)), format!("/pkg{}", "/x".repeat(3000))];
    for path in none {
        for cookie in ["", &cookie] {
            assert_eq!(get(program.port(), &path, cookie).await.unwrap().status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn ten_thousand_random_frames_harm_nobody() {
    /// As many frames as a connection may send in a second.
    const FRAMES: u32 = 20;
    let program = Program::start(&[]).await;
    let cookie = program.enter().await;
    let handshake = format!(
        "GET /live HTTP/1.1\r\nHost: 127.0.0.1:{0}\r\nOrigin: http://127.0.0.1:{0}\r\nCookie: {cookie}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: chargedeck.v1.json\r\n\r\n",
        program.port()
    );
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for _ in 0..10_000 / FRAMES {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, program.port())).await.unwrap();
        socket.write_all(handshake.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        socket.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 101");
        let frames: Vec<u8> = (0..FRAMES).flat_map(|_| frame(&mut rng)).collect();
        // The server may end it at any frame.
        drop(socket.write_all(&frames).await);
        drop(socket.shutdown().await);
        let ends = tokio::time::timeout(UP, socket.read_to_end(&mut Vec::new())).await;
        assert!(ends.is_ok(), "a connection whose other side has gone does not end");
    }
    let log = program.server.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
    assert_eq!(get(program.port(), "/stations", &cookie).await.unwrap().status, 200);
    let none = || async { metrics(program.port()).await.unwrap().body.contains("\nchargedeck_sockets 0\n") };
    until(UP, "no socket is left", none).await;
}

#[tokio::test]
async fn a_socket_that_is_told_nothing_ends_with_its_rights() {
    let program = Program::start(&[]).await;
    // Waits for a ping, because that comes after the check of rights at the opening.
    let socket = async || {
        let request = http::handshake(program.port(), &program.enter().await).unwrap();
        let (mut socket, _) = connect_async(request).await.unwrap();
        loop {
            if let Message::Text(text) = socket.next().await.expect("a ping").unwrap()
                && matches!(Frame::read(&text), Ok(Frame::Ping(_)))
            {
                return socket;
            }
        }
    };
    // The changes are made behind the program's back, so that no instance is notified.
    let of_no_session = socket().await;
    let redis = redis::Client::open(support::redis().await.url()).unwrap();
    let mut redis = redis.get_multiplexed_async_connection().await.unwrap();
    let sessions = format!("*{}*:session:*", program.own.name());
    let sessions: Vec<String> = redis::cmd("KEYS").arg(sessions).query_async(&mut redis).await.unwrap();
    let gone: u64 = redis::cmd("DEL").arg(&sessions).query_async(&mut redis).await.unwrap();
    assert_eq!(gone, 1);
    ends_without_rights(of_no_session).await;

    let of_no_admin = socket().await;
    let users = program.own.collection::<Document>("users");
    let demoted = users.update_one(doc! {}, doc! { "$set": { "role": "viewer" } }).await.unwrap();
    assert_eq!(demoted.modified_count, 1);
    ends_without_rights(of_no_admin).await;
}

async fn ends_without_rights(mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>) {
    /// Rights are checked every ten seconds; the rest is for a loaded machine.
    const WITHIN: Duration = Duration::from_secs(10 + 5);
    let closed = async {
        loop {
            if let Message::Close(frame) = socket.next().await.expect("a close code").unwrap() {
                return frame.map(|frame| u16::from(frame.code));
            }
        }
    };
    let code = tokio::time::timeout(WITHIN, closed).await.expect("it is still open");
    assert_eq!(code, Some(close::REVOKED));
    assert!(socket.next().await.is_none(), "nothing comes after the last frame");
}

/// A certificate authority, with a key and certificate for this machine, as PEM files.
struct Authority {
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let (mut params, key) = (CertificateParams::new([]).unwrap(), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let of_authority = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(authority.file("authority"), of_authority).unwrap();
        fs::write(authority.file("server"), key.serialize_pem() + &certificate).unwrap();
        authority
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

#[tokio::test]
async fn over_tls_only_an_authority_that_is_known_is_trusted() {
    let (ours, other) = (Authority::new(), Authority::new());
    let (authority, server) = (ours.file("authority"), ours.file("server"));
    let mongod = support::Mongod::start_with(&[
        // Allows TLS without requiring it, so that the test can set the server up without TLS.
        "--tlsMode",
        "allowTLS",
        "--tlsCertificateKeyFile",
        &server,
        "--tlsCAFile",
        &authority,
        "--tlsAllowConnectionsWithoutCertificates",
    ])
    .await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tls = ["--tls-cert-file", &server, "--tls-key-file", &server, "--tls-ca-cert-file", &authority];
    let (tls_port, no_names) = (["--tls-port", &port.to_string()], ["--tls-auth-clients", "no"]);
    let _redis = support::Redis::start_with(&[&tls[..], &tls_port, &no_names].concat()).await;
    for (mongodb, redis) in [(&ours, &ours), (&other, &ours), (&ours, &other)] {
        let variables = [
            ("MONGODB_URI", format!("{}&tls=true&tlsCAFile={}", mongod.uri(), mongodb.file("authority"))),
            ("REDIS_URL", format!("rediss://127.0.0.1:{port}/")),
            ("SSL_CERT_FILE", redis.file("authority")),
        ];
        let program = Program::spawned(&variables, SERVE).await;
        let state = |of: &Authority| if std::ptr::eq(of, &raw const ours) { "ok" } else { "away" };
        let (mongodb, redis) = (state(mongodb), state(redis));
        let ready = mongodb == redis;
        let body =
            format!(r#"{{"ready":{ready},"mongodb":"{mongodb}","redis":"{redis}","stream":"ok","leaving":false}}"#);
        let says = || async { get(program.port(), "/readyz", "").await.is_ok_and(|answer| answer.body == body) };
        until(UP, &body, says).await;
        if !ready {
            let why = || async { program.server.log().to_lowercase().contains("certificate") };
            until(UP, "the log says why", why).await;
        }
    }
}

/// Returns a WebSocket frame: one of our messages with random bytes overwritten, or anything at all.
fn frame(rng: &mut ChaCha8Rng) -> Vec<u8> {
    const MESSAGES: [&str; 5] = [
        r#"{"type":"subscribe","rid":1,"topics":["stations","overview:Europe/London"],"positions":{"stations":"1-2"}}"#,
        r#"{"type":"unsubscribe","topics":["stations"]}"#,
        r#"{"type":"visibility","hidden":true}"#,
        r#"{"type":"pong","n":1,"paint_ms":3}"#,
        "",
    ];
    let mut payload = MESSAGES[rng.random_range(0..MESSAGES.len())].as_bytes().to_vec();
    if payload.is_empty() {
        payload = vec![0; rng.random_range(0..120)];
        rng.fill_bytes(&mut payload);
    }
    for _ in 0..rng.random_range(0..6) {
        if let Some(at) = payload.len().checked_sub(1).map(|last| rng.random_range(0..=last)) {
            payload[at] = rng.random();
        }
    }
    // Mostly a whole text frame; sometimes random bits, a wrong length, or no mask.
    let first = if rng.random_bool(0.8) { 0x81 } else { rng.random() };
    let length = if rng.random_bool(0.95) { u8::try_from(payload.len()).unwrap() } else { rng.random() };
    if rng.random_bool(0.02) {
        return [vec![first, length & 0x7f], payload].concat();
    }
    let mask: [u8; 4] = rng.random();
    let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    [vec![first, 0x80 | (length & 0x7f)], mask.to_vec(), masked].concat()
}
