//! The Content-Security-Policy of each kind of answer.

use crate::server::config::PublicOrigin;

/// The Content-Security-Policy of a page that was rendered with `nonce`. `connect` lists more places for sockets,
/// such as the builder's live reload.
///
/// The public origin's socket is spelled out because older Safari does not take it for `'self'`.
pub fn page_policy(nonce: &str, origin: &PublicOrigin, connect: &[&str]) -> String {
    let mut sockets = origin.as_socket_origin();
    for place in connect {
        sockets.push(' ');
        sockets.push_str(place);
    }
    format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self' {sockets}; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    )
}

/// The login page, which has a form and a script that applies the theme.
pub const FORM_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// A page of accounts in the frame of the live pages. Its script may also ask whether the server answers.
pub const FRAMED_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
    connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// An answer that is not a page needs nothing from anywhere.
pub const NO_PAGE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
