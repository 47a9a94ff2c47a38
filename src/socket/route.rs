//! `GET /live`: refuses before the upgrade whoever may not listen.

use std::time::Duration;

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use tokio::time::timeout;

use super::connection::Connection;
use crate::{
    auth::CurrentAdmin,
    http::{app::App, problem::Problem},
    hub::Form,
    model::frame::{COMPACT, JSON, VERSIONS, close},
};

/// Longest message that a client may send.
const INBOUND_MAX: usize = 16 << 10;
/// The library keeps this much for each socket to read; its default of 128 KiB is made for large messages.
const READ_BUFFER: usize = 4 << 10;
/// A frame is at most 32 KiB; a client that leaves so many unread is slow.
const WRITE_MAX: usize = 256 << 10;
/// How long someone is told why the socket is closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// A page learns nothing from a refused handshake. One that asks for another version of our protocol is let in, to be told
/// in the close code that it must reload.
fn of_another_version(upgrade: WebSocketUpgrade) -> Response {
    let asked = upgrade.requested_protocols().filter_map(|p| p.to_str().ok()).find(|p| p.starts_with(VERSIONS));
    let Some(asked) = asked.map(str::to_owned) else {
        return Problem::new(StatusCode::BAD_REQUEST, "subprotocol", "Ask for the subprotocol chargedeck.v1.json.")
            .into_response();
    };
    upgrade.protocols([asked]).on_upgrade(|mut socket| async move {
        let closing = Message::Close(Some(CloseFrame { code: close::PROTOCOL, reason: Utf8Bytes::default() }));
        // Whoever went before it was told reloads for another reason.
        drop(timeout(FAREWELL, socket.send(closing)).await);
    })
}

/// Opens a socket for an admin whose page is of our origin. The guard has checked the session.
pub async fn live(
    admin: CurrentAdmin,
    State(app): State<App>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let origin = headers.get(header::ORIGIN).and_then(|o| o.to_str().ok());
    // A browser always names the origin of a socket; who names none is no page of ours.
    if !origin.is_some_and(|origin| app.doors.origin.accepts(origin)) {
        return Problem::new(StatusCode::FORBIDDEN, "origin", "This origin may not open a socket.").into_response();
    }
    let upgrade = upgrade
        .protocols([COMPACT, JSON])
        .max_message_size(INBOUND_MAX)
        .max_frame_size(INBOUND_MAX)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_MAX);
    let form = match upgrade.selected_protocol().and_then(|p| p.to_str().ok()) {
        Some(COMPACT) => Form::Compact,
        Some(JSON) => Form::Json,
        _ => return of_another_version(upgrade),
    };
    let sockets = app.sockets.clone();
    upgrade.on_upgrade(move |socket| sockets.track_future(Connection::new(app, admin, form).run(socket)))
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// All that the server says to a handshake.
    async fn answer(port: u16, protocols: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let handshake = format!(
            "GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {protocols}\r\n\r\n"
        );
        stream.write_all(handshake.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_page_of_another_version_learns_that_it_must_reload() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let live = get(|upgrade: WebSocketUpgrade| async { of_another_version(upgrade) });
        tokio::spawn(axum::serve(listener, Router::new().route("/live", live)).into_future());
        let told = answer(port, "other, chargedeck.v999").await;
        let head = String::from_utf8_lossy(&told).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101") && head.contains("sec-websocket-protocol: chargedeck.v999"), "{head}");
        let [high, low] = close::PROTOCOL.to_be_bytes();
        assert!(told.ends_with(&[0x88, 2, high, low]), "a close frame with the code: {told:?}");
        let refused = answer(port, "other").await;
        assert!(refused.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&refused));
    }
}
