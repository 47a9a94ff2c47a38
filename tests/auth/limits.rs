//! Requests that are larger, deeper or slower than ours ever are.
//!
//! Long, because each limit is met by requests of its own.

use std::{net::Ipv4Addr, time::Duration};

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use chargedeck::{
    domain::protocol::frame::{JSON, close},
    server::http::router::MAX_BODY,
};
use futures_util::{SinkExt, StreamExt, TryStreamExt, future::join_all};
use mongodb::bson::{DateTime, Document, doc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::Instant,
};
use tokio_tungstenite::{
    client_async, connect_async,
    tungstenite::{
        Error, Message,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

use crate::{
    app::{ADA, App, PASSWORD, request, until},
    http::{Answer, get, handshake, send},
    mallory::asks_for_all,
    program::{Program, SERVE, UP},
};

#[tokio::test]
async fn what_is_too_large_or_too_deep_is_refused_and_harms_nobody() {
    let app = App::with_ada().await;
    let post = async |body: String| {
        let request = request(Method::POST, "/api/v1/session")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, body.len());
        app.send(request.body(Body::from(body)).unwrap()).await
    };
    let large = post(format!("{{\"email\": \"{}\", \"password\": \"x\"}}", "x".repeat(MAX_BODY))).await;
    assert_eq!((large.status, large.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"));
    for open in ["[", "{\"a\":"] {
        let deep = post(format!("{{\"email\": {}", open.repeat(10_000))).await;
        assert_eq!((deep.status.is_client_error(), deep.code().as_str()), (true, "invalid_body"));
    }
    let unknown = post("{\"email\": \"a\", \"password\": \"b\", \"role\": \"admin\"}".to_owned()).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_body"));
    assert_eq!(app.login(ADA, PASSWORD).await.status, StatusCode::NO_CONTENT, "everybody else is served");
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_its_connection() {
    /// More connections than the process may have files open at first.
    const SLOW: usize = 100;
    let program = Program::started(&[], &format!("ulimit -Sn 80; {SERVE}")).await;
    let send = async |n: usize| {
        let port = program.port();
        let path = ["/login", "/api/v1/session", "/setup"][n % 3];
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n\
             Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
        );
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        let (mut answers, mut body) = connection.into_split();
        // Every second client sends a byte now and then. The slow pace is what the server must bear.
        let trickle = async {
            while n % 2 == 1 && body.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            std::future::pending::<()>().await;
        };
        let mut answer = Vec::new();
        tokio::select! {
            _ = answers.read_to_end(&mut answer) => {}
            () = trickle => {}
        }
        String::from_utf8(answer).unwrap()
    };
    let all = join_all((0..SLOW).map(send));
    let page = async { get(program.port(), "/healthz", "").await.unwrap().status };
    let (answers, status) = tokio::time::timeout(UP, async { tokio::join!(all, page) }).await.expect("all end");
    assert_eq!(status, 200, "others are served meanwhile");
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_timeout"), "{answer}");
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_or_in_too_many_parts_ends_its_socket() {
    let program = Program::start(&[]).await;
    let cookie = program.enter().await;
    let part = |first: bool, payload: usize| {
        let code = OpCode::Data(if first { Data::Text } else { Data::Continue });
        Message::Frame(Frame::message(vec![b' '; payload], code, false))
    };
    let parts = |count, payload| (0..count).map(|n| part(n == 0, payload)).collect::<Vec<_>>();
    for (what, messages) in [
        ("one message of 20 KiB", vec![Message::text(" ".repeat(20 << 10))]),
        ("20 KiB in ten parts", parts(10, 2 << 10)),
        ("nothing in thirty parts", parts(30, 0)),
        ("thirty messages", vec![Message::text("{}"); 30]),
    ] {
        let (mut socket, _) = connect_async(handshake(program.port(), &cookie).unwrap()).await.unwrap();
        for message in messages {
            // The server may end it at any message.
            drop(socket.send(message).await);
        }
        let closed = async {
            loop {
                if let Message::Close(frame) = socket.next().await.expect(what).expect(what) {
                    return frame.map(|frame| u16::from(frame.code));
                }
            }
        };
        assert_eq!(tokio::time::timeout(UP, closed).await.expect(what), Some(close::POLICY), "{what}");
    }
}

#[tokio::test]
async fn pages_ask_in_one_form_alone() {
    const JSON: &str = "application/json";
    const MARS: &str =
        r#"{"ask":{"Analytics":{"query":"last=7d&by=day&against=before&zone=Mars/Base","currency":null}}}"#;
    let program = Program::start(&[]).await;
    let cookie = program.enter().await;
    for (kind, body, status) in [
        (JSON, r#"{"ask":"Context"}"#, 200),
        (JSON, r#"{"ask":{"List":{"of":"stations","min_position":null}}}"#, 200),
        (JSON, r#"{"ask":{"List":{"of":"stations","min_position":null,"limit":9}}}"#, 422),
        (JSON, r#"{"ask":"Context","more":1}"#, 422),
        (JSON, r#"{"ask":"Nothing"}"#, 422),
        (JSON, r#"{"ask":{"List":{"of":"users","min_position":null}}}"#, 422),
        (JSON, r#"{"ask":{"Activity":{"of":"nothing","before":null}}}"#, 400),
        (JSON, r#"{"ask":{"Analytics":{"query":"nothing","currency":null}}}"#, 400),
        (JSON, MARS, 400),
        (JSON, r#"{"ask":{"Report":{"query":"last=x"}}}"#, 400),
        (JSON, r#"{"ask":{"Report":{"query":"colour=red"}}}"#, 400),
        (JSON, "{", 422),
        (JSON, "", 422),
        ("text/plain", r#"{"ask":"Context"}"#, 415),
        ("application/x-www-form-urlencoded", "ask=Context", 415),
    ] {
        let answer = send(program.port(), "/api/page/load", &cookie, kind, body).await.unwrap();
        assert_eq!(answer.status, status, "{kind} {body}: {}", answer.body);
        let id = answer.head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("an id");
        assert!(!matches!(status, 415 | 422) || answer.body.contains(id), "{body}: {}", answer.body);
    }
    let mars = send(program.port(), "/api/page/load", &cookie, JSON, MARS).await.unwrap();
    assert!(mars.body.starts_with("\"refused:zone\\nNo time zone"), "the page names the parameter: {}", mars.body);
    for path in ["/api/page/other", "/api/page/load/x"] {
        assert_eq!(send(program.port(), path, &cookie, JSON, r#"{"ask":"Context"}"#).await.unwrap().status / 100, 4);
    }
    assert!(!program.server.log().contains("ERROR"), "{}", program.server.log());
}

/// An account over its budget is told when to come back, whatever it asks. Everybody else is answered.
#[tokio::test]
async fn an_account_that_asks_for_too_much_is_told_when_to_come_back() {
    let program = Program::start(&[]).await;
    let cookie = program.enter().await;
    let redis = redis::Client::open(crate::support::redis().await.url()).unwrap();
    let mut redis = redis.get_multiplexed_async_connection().await.unwrap();
    let ada: Document = program.own.collection("users").find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(get(program.port(), "/api/v1/snapshot/stations", &cookie).await.unwrap().status, 200);
    let budget = format!("*budget:{}", ada.get_object_id("_id").unwrap());
    let budget: Vec<String> = redis::cmd("KEYS").arg(budget).query_async(&mut redis).await.unwrap();
    let mut owes = async |price: i64| {
        let time: (i64, i64) = redis::cmd("TIME").query_async(&mut redis).await.unwrap();
        let now = time.0 * 1000 + time.1 / 1000;
        let set = redis::cmd("HSET").arg(&budget[0]).arg("left").arg(-price).arg("at").arg(now).to_owned();
        let _: i64 = set.query_async(&mut redis).await.unwrap();
        // The key of a nearly full budget expires soon; keep this one.
        let _: i64 = redis::cmd("PERSIST").arg(&budget[0]).query_async(&mut redis).await.unwrap();
    };
    let paths = [
        "/api/v1/snapshot/stations",
        "/api/v1/report?last=7d",
        "/api/v1/report.csv?last=7d",
        "/api/v1/analytics/revenue.csv?last=7d",
        "/api/v1/audit.csv",
        "/audit",
        "/audit?result=refused",
        "/users",
    ];
    const LIST: &str = r#"{"ask":{"List":{"of":"clients","min_position":null}}}"#;
    const ACTIVITY: &str = r#"{"ask":{"Activity":{"of":"all","before":null}}}"#;
    let asks =
        async |body: &str| send(program.port(), "/api/page/load", &cookie, "application/json", body).await.unwrap();
    let wait = |answer: &Answer| -> u64 {
        let seconds =
            answer.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).expect("when to come back");
        seconds.parse().unwrap()
    };
    for path in paths {
        owes(1_000_000).await;
        let answer = get(program.port(), path, &cookie).await.unwrap();
        assert_eq!(answer.status, 429, "{path}: {}", answer.body);
        assert!(answer.body.contains("too_much") && (8..=11).contains(&wait(&answer)), "{}", answer.head);
    }
    for body in [LIST, ACTIVITY] {
        let page = asks(body).await;
        assert_eq!((page.status, page.body.as_str()), (429, format!("\"too_much:{}\"", wait(&page)).as_str()));
    }
    for body in [r#"{"ask":"Context"}"#, r#"{"ask":"System"}"#] {
        assert_eq!(asks(body).await.status, 200, "what is in memory costs nothing: {body}");
    }
    let log = program.own.collection::<Document>("audit_log");
    let noted: Vec<Document> = log.find(doc! {"reason": "too_much"}).await.unwrap().try_collect().await.unwrap();
    let tries = noted.iter().map(|entry| entry.get_document("after").unwrap().get_i32("tries").unwrap());
    assert_eq!(tries.collect::<Vec<_>>(), [1, 2, 4], "of the four exports: {noted:?}");
    owes(0).await;
    for path in paths {
        let answered = || async { get(program.port(), path, &cookie).await.unwrap().status == 200 };
        until(UP, "who waits is answered", answered).await;
    }
}

/// A client that subscribes to more than it could look at is refused in few words.
#[tokio::test]
async fn a_socket_follows_so_many_topics_and_boards() {
    let program = Program::start(&[]).await;
    let cookie = program.enter().await;
    let mut request = handshake(program.port(), &cookie).unwrap();
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, JSON.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    let mut refusals = async |topics: Vec<String>, last: &str| {
        let subscribe = serde_json::json!({"type": "subscribe", "rid": 7, "topics": topics});
        socket.send(Message::text(subscribe.to_string())).await.unwrap();
        let mut codes = Vec::new();
        let heard = async {
            loop {
                let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
                let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
                if frame["rid"] == 7 {
                    let passes = frame["code"] == "too_many_boards";
                    assert_eq!(frame["retry_ms"].is_u64(), passes, "what passes says when: {frame}");
                    codes.extend(frame["code"].as_str().map(str::to_owned));
                    if text.contains(last) {
                        return codes;
                    }
                }
            }
        };
        tokio::time::timeout(UP, heard).await.expect("an answer")
    };
    let many = (0..2000).map(|n| n.to_string()).collect();
    assert_eq!(refusals(many, "too_many_topics").await, ["too_many_topics"]);
    let mut boards: Vec<String> =
        (1..=30).map(|days| format!("analytics?last={days}d&by=day&against=nothing&zone=Europe/London")).collect();
    boards.push("no topic".to_owned());
    let codes = refusals(boards, "no topic").await;
    assert_eq!(codes.iter().filter(|code| *code == "too_many_boards").count(), 6, "{codes:?}");
    let again = "analytics?last=1d&by=day&against=nothing&zone=Europe/London";
    assert_eq!(refusals(vec![again.to_owned()], again).await, [""; 0], "what it looks at already");
}

#[tokio::test]
async fn an_account_that_has_all_its_sockets_is_told_when_to_come_back() {
    let program = Program::start(&[("CHARGEDECK_MAX_SOCKETS_PER_USER", "1".to_owned())]).await;
    let cookie = program.enter().await;
    let open = async || connect_async(handshake(program.port(), &cookie).unwrap()).await;
    let _first = open().await.unwrap();
    let Err(Error::Http(refused)) = open().await else { panic!("a second one opens") };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "5");
}

/// The server queues only the answers to one message. Further messages stay in the kernel, until its buffers are
/// full.
#[tokio::test]
async fn a_client_that_does_not_read_is_not_heard() {
    const UNHEARD: Duration = Duration::from_secs(2);
    let program = Program::start(&[]).await;
    let cookie = program.enter().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    socket.set_send_buffer_size(4 << 10).unwrap();
    let stream = socket.connect((Ipv4Addr::LOCALHOST, program.port()).into()).await.unwrap();
    let (mut socket, _) = client_async(handshake(program.port(), &cookie).unwrap(), stream).await.unwrap();
    let topics: Vec<String> = (0..64).map(|n| format!("{n}{}", "x".repeat(200))).collect();
    let subscribe = serde_json::json!({"type": "subscribe", "rid": 1, "topics": topics}).to_string();
    // The fastest pace that a client may have.
    let mut pace = tokio::time::interval(Duration::from_millis(60));
    let unheard = async {
        loop {
            pace.tick().await;
            match tokio::time::timeout(UNHEARD, socket.send(Message::text(subscribe.clone()))).await {
                Ok(sent) => sent.expect("it is heard until it is closed for not reading"),
                Err(_) => return,
            }
        }
    };
    tokio::time::timeout(UP, unheard).await.expect("it is not heard any more");
}

/// One admin does everything expensive at once: charts of long periods on many sockets, a socket that sends requests
/// and does not read, lists that need all documents read. Everybody else is answered, and the server needs little
/// more memory.
#[tokio::test(flavor = "multi_thread")]
async fn an_admin_who_asks_for_all_at_once_takes_little_and_stops_nobody() {
    const MEMORY: u64 = 64 << 20;
    const LONG: Duration = Duration::from_secs(6);
    const DOCUMENTS: i64 = 20_000;
    let program = Program::start(&[]).await;
    let sessions = program.db.collection::<Document>("charging_sessions");
    let made = |n: i64| {
        let end = DateTime::from_millis(DateTime::now().timestamp_millis() - n * 600_000);
        doc! {"_id": n, "session_id": n.to_string(), "status": "COMPLETED", "start_date_time": end, "end_date_time": end, "energy_wh": 5000_i64}
    };
    crate::support::collections_with_images(&program.db).await;
    sessions.insert_many((0..DOCUMENTS).map(made)).await.unwrap();
    // The server needs memory until it has processed them, so wait for that.
    let events = program.own.collection::<Document>("events");
    let written = || async { events.estimated_document_count().await.unwrap() >= DOCUMENTS.unsigned_abs() };
    until(UP, "the events are written", written).await;
    let (mallory, bob) = (program.enter().await, program.another("bob@example.org").await);
    let port = program.port();
    let ports = [port];
    let pages =
        ["/", "/stations", "/sessions", "/analytics", "/reports", "/api/v1/snapshot/charging_sessions?slot=4.14@UTC"];
    for page in pages {
        assert_eq!(get(port, page, &bob).await.unwrap().status, 200, "{page}");
    }
    let before = program.peak_memory();
    let until = Instant::now() + LONG;

    let changes = async {
        let mut n = 0;
        while Instant::now() < until {
            n += 1;
            sessions.update_one(doc! {"_id": n}, doc! {"$inc": {"energy_wh": 1}}).await.unwrap();
            // The pace at which a network writes, not a wait.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let others = async {
        let mut answered = 0;
        while Instant::now() < until {
            for page in pages {
                assert_eq!(get(port, page, &bob).await.unwrap().status, 200, "{page}");
                answered += 1;
            }
        }
        answered
    };
    let ([_, refused, unavailable], (), answered) =
        tokio::join!(asks_for_all(&ports, &mallory, until), changes, others);
    let more = program.peak_memory().saturating_sub(before);
    println!("{answered} pages for others, {refused} lists refused, {} MiB more", more >> 20);
    assert_eq!(unavailable, 0, "a refusal says that it was too much, not that the server cannot answer");
    assert!(answered >= pages.len(), "others are answered");
    assert!(more < MEMORY, "{} MiB more", more >> 20);
}
