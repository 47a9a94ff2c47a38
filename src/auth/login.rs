//! Signing in and out over HTTP: JSON for programs, forms for pages without JavaScript.

use std::time::Duration;

use axum::{
    Form, Json,
    extract::{
        State,
        rejection::{FormRejection, JsonRejection},
    },
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use secrecy::SecretString;
use serde::Deserialize;
use tower_sessions::Session;
use url::form_urlencoded;

use super::{CurrentAdmin, Doors, local_path::local_path, place::Place, session::SignIn};
use crate::http::{headers::CLEAR_SITE_DATA, problem::Problem};

/// Why the login page is shown again (`/login?error=…`), and the `code` of the API's answer.
pub const INVALID_CREDENTIALS: &str = "invalid_credentials";
pub const UNAVAILABLE: &str = "unavailable";
pub const THROTTLED: &str = "throttled";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    email: String,
    #[serde(deserialize_with = "secret")]
    password: SecretString,
}

#[derive(Deserialize)]
pub struct LoginForm {
    #[serde(default)]
    email: String,
    #[serde(default = "no_secret", deserialize_with = "secret")]
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// `POST /api/v1/session`
pub async fn create_session(
    State(doors): State<Doors>,
    session: Session,
    place: Place,
    body: Result<Json<Credentials>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(Credentials { email, password }) = body.map_err(|error| {
        Problem::new(error.status(), "invalid_body", "Send {\"email\", \"password\"} as application/json.")
    })?;
    match doors.sign_in(&session, &email, password, &place).await {
        Ok(SignIn::In(_)) => Ok(StatusCode::NO_CONTENT),
        Ok(SignIn::Refused) => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            INVALID_CREDENTIALS,
            "E-mail address or password is wrong, or the account is closed.",
        )),
        Ok(SignIn::Throttled(wait)) => {
            const DETAIL: &str =
                "Too many tries failed from this address. Retry-After says when the next one is heard.";
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, THROTTLED, DETAIL).retry_after(wait))
        }
        Err(error) => {
            tracing::error!(%error, "login failed");
            Err(Problem::unavailable())
        }
    }
}

/// `DELETE /api/v1/session`
pub async fn delete_session(
    State(doors): State<Doors>,
    _: CurrentAdmin,
    session: Session,
    place: Place,
) -> Result<impl IntoResponse, Problem> {
    sign_out(&doors, &session, &place).await?;
    Ok((StatusCode::NO_CONTENT, [CLEAR_CACHE]))
}

/// `POST /api/v1/session/alive`: the guard has noted it.
pub async fn alive(_: CurrentAdmin) -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `POST /login`
pub async fn submit_login(
    State(doors): State<Doors>,
    session: Session,
    place: Place,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    let Form(LoginForm { email, password, next }) = match form {
        Ok(form) => form,
        Err(error) => return Problem::of(error.status()).into_response(),
    };
    let next = local_path(&next);
    match doors.sign_in(&session, &email, password, &place).await {
        Ok(SignIn::In(_)) => Redirect::to(&next).into_response(),
        Ok(SignIn::Refused) => again(INVALID_CREDENTIALS, None, &next),
        Ok(SignIn::Throttled(wait)) => again(THROTTLED, Some(wait), &next),
        Err(error) => {
            tracing::error!(%error, "login failed");
            again(UNAVAILABLE, None, &next)
        }
    }
}

/// `POST /logout`; also for whoever is no longer signed in.
pub async fn submit_logout(
    State(doors): State<Doors>,
    session: Session,
    place: Place,
) -> Result<impl IntoResponse, Problem> {
    sign_out(&doors, &session, &place).await?;
    Ok(([CLEAR_CACHE], Redirect::to("/login")))
}

/// What the browser keeps of the pages must not be shown to the next person at it.
const CLEAR_CACHE: (HeaderName, HeaderValue) = (CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));

async fn sign_out(doors: &Doors, session: &Session, place: &Place) -> Result<(), Problem> {
    doors.sign_out(session, place).await.map_err(|error| {
        tracing::error!(%error, "logout failed");
        Problem::unavailable()
    })
}

fn again(error: &str, wait: Option<Duration>, next: &str) -> Response {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("error", error);
    if let Some(wait) = wait {
        query.append_pair("minutes", &wait.as_secs().div_ceil(60).to_string());
    }
    query.append_pair("next", next);
    Redirect::to(&format!("/login?{}", query.finish())).into_response()
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

fn no_secret() -> SecretString {
    SecretString::from("")
}
