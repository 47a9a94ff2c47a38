//! The client's address, found once at the edge and put into the request for all who ask.
//!
//! Of the headers in which proxies name the client only `X-Forwarded-For` is read. Proxies that write it leave `Forwarded`
//! (RFC 7239) as the client sent it, and who reads both believes the client.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};

use crate::server::{auth::place::ClientAddress, config::TrustedProxies};

/// The outermost layer: everything inside may ask for [`ClientAddress`].
pub async fn locate(State(proxies): State<TrustedProxies>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let forwarded = forwarded(request.headers());
        if !forwarded.is_empty() && !proxies.trusts(peer.ip().to_canonical()) {
            tell_once(peer.ip());
        }
        let client = proxies.client(peer.ip(), forwarded.into_iter());
        request.extensions_mut().insert(ClientAddress(client));
    }
    next.run(request).await
}

/// Behind a proxy that is not named all visitors are one address, and share its limits. It is logged once only, because
/// anybody can invent the header.
fn tell_once(peer: IpAddr) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            %peer,
            "X-Forwarded-For is not believed, because its sender is not in CHARGEDECK_TRUSTED_PROXIES. If that is your proxy, \
             name it there: until then all its visitors count as one. Told once"
        );
    }
}

/// All that the header says, over all its lines. What is no text is nobody's address.
fn forwarded(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("x-forwarded-for").iter().flat_map(|line| line.to_str().unwrap_or("?").split(',')).collect()
}
