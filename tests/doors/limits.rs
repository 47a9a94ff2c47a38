//! Requests that are larger, deeper or slower than any of ours.

use std::{net::Ipv4Addr, time::Duration};

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use chargedeck::http::router::MAX_BODY;
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    app::{ADA, App, PASSWORD, request},
    http::get,
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
