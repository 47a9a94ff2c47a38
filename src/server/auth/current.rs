//! The admin who makes a request.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};

use super::user::{UserId, UserRole};
use crate::{
    domain::protocol::frame::UNAUTHENTICATED,
    server::{problem::Problem, redis::sessions::SessionHash},
};

/// The admin who makes the request. The guard inserts it after asking both databases. Without it, a handler that
/// takes one answers 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentAdmin {
    pub user: UserId,
    pub email: String,
    pub role: UserRole,
    pub session: SessionHash,
    /// The version of the user's document when the session began.
    pub version: i64,
    /// Whether the password was given recently enough that sensitive actions do not ask for it again: see
    /// [`ConfirmedAdmin`](super::ConfirmedAdmin).
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
