//! The client's address, found once at the edge and stored in the request.
//!
//! Only `X-Forwarded-For` is read of the headers in which proxies name the client. Proxies that write it leave
//! `Forwarded` (RFC 7239) as the client sent it, so a server that reads both believes the client.

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

/// The outermost layer: everything inside may extract [`ClientAddress`].
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

/// Behind a proxy that is not listed as trusted, all visitors share one address and its limits. This is logged only
/// once, because anybody can invent the header.
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

/// All values of the header, over all its lines. A line that is not text becomes `?`, which is nobody's address.
fn forwarded(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("x-forwarded-for").iter().flat_map(|line| line.to_str().unwrap_or("?").split(',')).collect()
}
