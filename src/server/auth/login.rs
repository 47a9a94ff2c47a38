//! Signing in and out for programs, and the target of the sign-out form.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Redirect},
};
use secrecy::SecretString;
use serde::Deserialize;
use tower_sessions::Session;

use super::{AuthService, CurrentAdmin, place::ClientInfo, session::SignIn};
use crate::server::problem::Problem;

/// Sent only with the answer to a sign-out.
pub const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    email: String,
    #[serde(deserialize_with = "secret")]
    password: SecretString,
}

/// `POST /api/v1/session`
///
/// # Errors
/// For a body of another form, for wrong credentials, after too many tries, and while MongoDB or Redis is away.
pub async fn create_session(
    State(auth): State<AuthService>,
    session: Session,
    place: ClientInfo,
    body: Result<Json<Credentials>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(Credentials { email, password }) = body.map_err(|error| {
        Problem::new(error.status(), "invalid_body", "Send {\"email\", \"password\"} as application/json.")
    })?;
    match auth.sign_in(&session, &email, password, &place).await? {
        SignIn::In(_) => Ok(StatusCode::NO_CONTENT),
        SignIn::Refused => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "invalid_credentials",
            "E-mail address or password is wrong, or the account is closed.",
        )),
        SignIn::Throttled(wait) => {
            const DETAIL: &str = "Too many failed attempts from this address. Retry-After says when to try again.";
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", DETAIL).retry_after(wait))
        }
    }
}

/// `DELETE /api/v1/session`
///
/// # Errors
/// While MongoDB or Redis is away.
pub async fn delete_session(
    State(auth): State<AuthService>,
    _: CurrentAdmin,
    session: Session,
    place: ClientInfo,
) -> Result<impl IntoResponse, Problem> {
    auth.sign_out(&session, &place).await?;
    Ok((StatusCode::NO_CONTENT, [CLEAR_CACHE]))
}

/// `POST /api/v1/session/alive`. The guard has already noted the sign of life.
pub async fn alive(_: CurrentAdmin) -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `POST /logout`. It also works for users who are no longer signed in.
///
/// # Errors
/// While MongoDB or Redis is away.
pub async fn submit_logout(
    State(auth): State<AuthService>,
    session: Session,
    place: ClientInfo,
) -> Result<impl IntoResponse, Problem> {
    auth.sign_out(&session, &place).await?;
    Ok(([CLEAR_CACHE], Redirect::to("/login")))
}

/// The pages in the browser's cache must not be shown to the next person who uses it.
const CLEAR_CACHE: (HeaderName, HeaderValue) = (CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}
