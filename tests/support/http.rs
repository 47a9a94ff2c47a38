//! Plain HTTP/1.0 requests, so that the answer ends with the connection.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, ensure};
use chargedeck::domain::protocol::frame::COMPACT;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{client::IntoClientRequest, handshake::client::Request};

/// The longest time that an answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The address of the instances' metrics. The port is the same as the one they serve pages at.
pub const METRICS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// The origin of the instance behind this port.
pub fn origin(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// # Errors
/// If no answer comes in time, or it is cut short.
pub async fn get(port: u16, path: &str, cookie: &str) -> Result<Answer> {
    ask(Ipv4Addr::LOCALHOST, port, format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n"))
        .await
}

/// # Errors
/// As for [`get`].
pub async fn post(port: u16, path: &str, body: &str) -> Result<Answer> {
    send(port, path, "", "application/json", body).await
}

/// # Errors
/// As for [`get`].
pub async fn send(port: u16, path: &str, cookie: &str, kind: &str, body: &str) -> Result<Answer> {
    let (origin, length) = (origin(port), body.len());
    ask(
        Ipv4Addr::LOCALHOST,
        port,
        format!(
            "POST {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nOrigin: {origin}\r\nCookie: {cookie}\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
    .await
}

/// Returns the metrics of the instance at this port.
///
/// # Errors
/// As for [`get`].
pub async fn metrics(port: u16) -> Result<Answer> {
    ask(METRICS, port, "GET /metrics HTTP/1.0\r\n\r\n".to_owned()).await
}

/// Builds the request that opens a WebSocket.
///
/// # Errors
/// If the cookie is no valid header value.
pub fn handshake(port: u16, cookie: &str) -> Result<Request> {
    let mut request = format!("ws://127.0.0.1:{port}/live").into_client_request()?;
    request.headers_mut().insert("origin", origin(port).parse()?);
    request.headers_mut().insert("cookie", cookie.parse()?);
    request.headers_mut().insert("sec-websocket-protocol", COMPACT.parse()?);
    Ok(request)
}

/// Sends the request as it is, and returns the answer.
///
/// # Errors
/// As for [`get`].
pub async fn ask(of: Ipv4Addr, port: u16, request: String) -> Result<Answer> {
    let is_head = request.starts_with("HEAD ");
    let answered = async {
        let mut stream = TcpStream::connect((of, port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await?;
        anyhow::Ok(String::from_utf8(text)?)
    };
    let text = timeout(LIMIT, answered).await.context("no answer in time")??;
    let (head, body) = text.split_once("\r\n\r\n").context("no end of the answer's head")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    ensure!(is_head || length.is_none_or(|length: usize| length == body.len()), "the answer was cut");
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
