//! `GET /live`: refuses before the upgrade whoever may not listen.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper_util::{
    rt::TokioIo,
    server::conn::auto::upgrade::{Parts, downcast},
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::connection::Connection;
use crate::{
    auth::CurrentAdmin,
    http::{app::App, problem::Problem},
    hub::Form,
    model::frame::{COMPACT, JSON},
};

/// Opens a socket for an admin whose page is of our origin. The guard has checked the session.
pub async fn live(admin: CurrentAdmin, State(app): State<App>, mut request: Request) -> Response {
    let origin = request.headers().get(header::ORIGIN).and_then(|o| o.to_str().ok());
    // A browser always names the origin of a socket; who names none is no page of ours.
    if !origin.is_some_and(|origin| app.doors.origin.accepts(origin)) {
        return Problem::new(StatusCode::FORBIDDEN, "origin", "This origin may not open a socket.").into_response();
    }
    let mut response = match create_response_with_body(&request, Body::empty) {
        Ok(response) => response,
        Err(error) => {
            tracing::debug!(%error, "no handshake");
            return Problem::new(StatusCode::BAD_REQUEST, "handshake", "This is no handshake of a WebSocket.")
                .into_response();
        }
    };
    let Some((protocol, form)) = protocol(request.headers()) else {
        return Problem::new(StatusCode::BAD_REQUEST, "subprotocol", "Ask for the subprotocol chargedeck.v1.json.")
            .into_response();
    };
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    let upgrade = hyper::upgrade::on(&mut request);
    let sockets = app.sockets.clone();
    sockets.track(async move {
        match upgrade.await.map(downcast::<TokioIo<TcpStream>>) {
            Ok(Ok(Parts { io, read_buf, .. })) => Connection::serve(app, admin, form, io.into_inner(), &read_buf).await,
            // Only a test's transport is another.
            Ok(Err(_)) => tracing::error!("a socket came over something that is no TCP connection"),
            Err(error) => tracing::debug!(%error, "a client went before its socket was open"),
        }
    });
    response
}

/// The first of the subprotocols asked for that we speak.
fn protocol(headers: &HeaderMap) -> Option<(&'static str, Form)> {
    let asked = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    asked.flat_map(|value| value.split(',')).find_map(|name| match name.trim() {
        COMPACT => Some((COMPACT, Form::Compact)),
        JSON => Some((JSON, Form::Json)),
        _ => None,
    })
}
