//! Requests that are larger, deeper or slower than any of ours.

use std::{net::Ipv4Addr, time::Duration};

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use chargedeck::{http::router::MAX_BODY, model::frame::close};
use futures_util::{SinkExt, StreamExt, future::join_all};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{
        Message,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

use crate::{
    app::{ADA, App, PASSWORD, request},
    http::{get, handshake, send},
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
    /// More than the files that the process begins with.
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
        // Every second one sends a byte now and then.
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
            // It may end at any of them.
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
    let program = Program::start(&[]).await;
    let cookie = program.enter().await;
    for (kind, body, status) in [
        (JSON, r#"{"ask":"Desk"}"#, 200),
        (JSON, r#"{"ask":{"List":{"of":"stations","min_position":null}}}"#, 200),
        (JSON, r#"{"ask":{"List":{"of":"stations","min_position":null,"limit":9}}}"#, 422),
        (JSON, r#"{"ask":"Desk","more":1}"#, 422),
        (JSON, r#"{"ask":"Nothing"}"#, 422),
        (JSON, r#"{"ask":{"List":{"of":"users","min_position":null}}}"#, 422),
        (JSON, r#"{"ask":{"Activity":{"of":"nothing","before":null}}}"#, 400),
        (JSON, r#"{"ask":{"Analytics":{"query":"nothing","currency":null}}}"#, 400),
        (JSON, "{", 422),
        (JSON, "", 422),
        ("text/plain", r#"{"ask":"Desk"}"#, 415),
        ("application/x-www-form-urlencoded", "ask=Desk", 415),
    ] {
        let answer = send(program.port(), "/api/page/load", &cookie, kind, body).await.unwrap();
        assert_eq!(answer.status, status, "{kind} {body}: {}", answer.body);
        let id = answer.head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("an id");
        assert!(!matches!(status, 415 | 422) || answer.body.contains(id), "{body}: {}", answer.body);
    }
    for path in ["/api/page/other", "/api/page/load/x"] {
        assert_eq!(send(program.port(), path, &cookie, JSON, r#"{"ask":"Desk"}"#).await.unwrap().status / 100, 4);
    }
    assert!(!program.server.log().contains("ERROR"), "{}", program.server.log());
}
