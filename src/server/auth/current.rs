//! Who makes a request.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};

use super::user::{Role, UserId};
use crate::{
    domain::protocol::frame::UNAUTHENTICATED,
    server::{problem::Problem, redis::sessions::SessionHash},
};

/// The admin who makes the request. The guard has put it there after asking both databases; without it a handler that
/// takes one answers 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentAdmin {
    pub user: UserId,
    pub email: String,
    pub role: Role,
    pub session: SessionHash,
    /// The user's version that the session began with.
    pub version: i64,
    /// Whether the password was given so short ago that sensitive actions need not ask for it: see [`ConfirmedAdmin`](super::ConfirmedAdmin).
    pub confirmed: bool,
}

impl<S: Sync> FromRequestParts<S> for CurrentAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or(Problem::new(
            StatusCode::UNAUTHORIZED,
            UNAUTHENTICATED,
            "Sign in first.",
        ))
    }
}
