//! `GET /live`: refuses before the upgrade whoever may not listen.

use axum::{
    extract::{State, WebSocketUpgrade},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::connection::Connection;
use crate::{
    auth::CurrentAdmin,
    http::{app::App, problem::Problem},
    hub::Form,
    model::frame::{COMPACT, JSON},
};

/// Longest message that a client may send.
const INBOUND_MAX: usize = 16 << 10;
/// The library keeps this much for each socket to read; its default of 128 KiB is made for large messages.
const READ_BUFFER: usize = 4 << 10;
/// A frame is at most 32 KiB; a client that leaves so many unread is slow.
const WRITE_MAX: usize = 256 << 10;

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
        _ => {
            return Problem::new(StatusCode::BAD_REQUEST, "subprotocol", "Ask for the subprotocol chargedeck.v1.json.")
                .into_response();
        }
    };
    let sockets = app.sockets.clone();
    upgrade.on_upgrade(move |socket| sockets.track_future(Connection::new(app, admin, form).run(socket)))
}
