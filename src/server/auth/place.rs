//! Where a request comes from, as far as it can be known.

use std::{convert::Infallible, net::IpAddr};

use axum::{extract::FromRequestParts, http::header, http::request::Parts};
use tower_http::request_id::RequestId;

/// Maximum length of a stored `User-Agent`, bytes. Real ones are shorter.
const MAX_USER_AGENT: usize = 256;

/// The client's address, put into the request at the edge: see `http::client`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Where a request comes from. A handler takes one by naming it among its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// `None` only if no connection is behind the request.
    pub address: Option<IpAddr>,
    /// What the browser calls itself, cut to 256 bytes.
    pub user_agent: Option<String>,
    /// The request's id, as in the answer's header `X-Request-Id` and in the server's log.
    pub request_id: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for ClientInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let user_agent = parts.headers.get(header::USER_AGENT);
        let request_id = parts.extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
        Ok(Self {
            address: parts.extensions.get::<ClientAddress>().map(|client| client.0),
            user_agent: user_agent.map(|name| cut(&String::from_utf8_lossy(name.as_bytes()))),
            request_id: request_id.map(str::to_owned),
        })
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_USER_AGENT)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(cut("curl/8"), "curl/8");
        assert_eq!(cut(&"x".repeat(300)).len(), 256);
        assert_eq!(cut(&format!("x{}", "é".repeat(300))), format!("x{}", "é".repeat(127)));
    }
}
