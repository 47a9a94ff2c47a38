//! `GET /live`: refuses clients that may not listen, before the upgrade.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::upgrade::Parts;
use hyper_util::rt::TokioIo;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::{
    connection::{Connection, Context, closing},
    rounds::Sockets,
};
use crate::{
    domain::protocol::frame::{COMPACT, JSON, VERSIONS, close},
    server::{
        auth::CurrentAdmin,
        http::{csrf::is_same_origin, server::ConnectionPermit, unparsed::Accepted},
        hub::Form,
        problem::Problem,
    },
};

/// After what time a client whose account has too many sockets should ask again.
const WAIT: Duration = Duration::from_secs(5);
/// How long a client may take to receive the reason why the socket is closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// Opens a socket for an admin whose page is of our origin. The guard has checked the session.
pub async fn live(admin: CurrentAdmin, State(context): State<Arc<Context>>, request: Request) -> Response {
    if !is_same_origin(request.headers(), &context.auth.origin) {
        return Problem::new(StatusCode::FORBIDDEN, "origin", "This origin may not open a socket.").into_response();
    }
    let sockets = context.sockets.clone();
    let Some(permit) = sockets.permit(admin.user) else {
        const DETAIL: &str = "Too many pages of this account are open. Close some, then try again.";
        let refused = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_sockets", DETAIL);
        return refused.retry_after(WAIT).into_response();
    };
    open(request, &sockets, async move |io, read, form| {
        Connection::serve(context, admin, form, io, read).await;
        drop(permit);
    })
}

/// Answers the handshake, and serves the connection in the form asked for.
fn open<F: Future<Output = ()> + Send>(
    mut request: Request,
    sockets: &Sockets,
    serve: impl FnOnce(TcpStream, Bytes, Form) -> F + Send + 'static,
) -> Response {
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
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    let place = request.extensions_mut().remove::<ConnectionPermit>();
    let upgrade = hyper::upgrade::on(&mut request);
    sockets.track(async move {
        // Held as long as the socket is open.
        let _place = place;
        let accepted = upgrade.await.map(hyper::upgrade::Upgraded::downcast::<TokioIo<Accepted>>);
        match (accepted, form) {
            (Ok(Ok(Parts { io, read_buf, .. })), Some(form)) => {
                serve(io.into_inner().into_inner(), read_buf, form).await;
            }
            (Ok(Ok(Parts { io, .. })), None) => dismiss(io.into_inner().into_inner()).await,
            (Ok(Err(_)), _) => tracing::error!("a socket came over something that is no TCP connection"),
            (Err(error), _) => tracing::debug!(%error, "a client went before its socket was open"),
        }
    });
    response
}

/// Returns the first requested subprotocol that we speak. A page learns nothing from a refused handshake. So a page
/// that asks for another version of our protocol is let in, too, and the close code makes it reload.
fn protocol(headers: &HeaderMap) -> Option<(HeaderValue, Option<Form>)> {
    let asked = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    let names: Vec<&str> = asked.flat_map(|value| value.split(',')).map(str::trim).collect();
    let form = |name: &&str| match *name {
        COMPACT => Some(Form::Compact),
        JSON => Some(Form::Json),
        _ => None,
    };
    let spoken = names.iter().find(|name| form(name).is_some());
    let name = spoken.or_else(|| names.iter().find(|name| name.starts_with(VERSIONS)))?;
    Some((HeaderValue::from_str(name).ok()?, form(name)))
}

async fn dismiss(mut io: TcpStream) {
    // A client that left before it got the close frame reloads for another reason.
    drop(
        timeout(FAREWELL, async {
            io.write_all(&closing(close::PROTOCOL)).await?;
            io.shutdown().await
        })
        .await,
    );
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::server::http::server::{Limits, serve};

    /// All that the server sends in answer to a handshake.
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
        let live = get(|request| async { open(request, &Sockets::default(), |_, _, _| async { unreachable!() }) });
        let router = Router::new().route("/live", live);
        tokio::spawn(serve(listener, router, Limits::of(9), CancellationToken::new()));
        let reply = answer(port, "other, chargedeck.v999").await;
        let head = String::from_utf8_lossy(&reply).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101") && head.contains("sec-websocket-protocol: chargedeck.v999"), "{head}");
        let [high, low] = close::PROTOCOL.to_be_bytes();
        assert!(reply.ends_with(&[0x88, 2, high, low]), "a close frame with the code: {reply:?}");
        let refused = answer(port, "other").await;
        assert!(refused.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&refused));
    }
}
