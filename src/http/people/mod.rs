//! Accounts over HTTP: forms of documents that the server draws. Whatever changes an account but one's own takes a
//! [`ConfirmedAdmin`](crate::auth::ConfirmedAdmin), and its address has a page for GET, to which the password leads back.

mod account;
mod by_link;
mod confirm;
mod login;
mod users;

use axum::{
    Form, Router,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::FormRejection},
    http::{StatusCode, request::Parts},
    response::Response,
    routing::get,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::{audit_page, documents::Documents, problem::Problem};
use crate::{
    auth::Unavailable,
    pages::{
        audit_log,
        people::{Chosen, Wrong},
    },
    ui::words::people,
};

pub fn routes(documents: Documents) -> Router {
    Router::new()
        .route("/login", get(login::show).post(login::submit))
        .route("/account", get(account::show).post(account::end))
        .route("/account/password", get(account::back).post(account::change_password))
        .route("/confirm", get(confirm::show).post(confirm::submit))
        .route("/users", get(users::list))
        .route("/users/invite", get(users::invite_form).post(users::invite))
        .route("/users/{id}", get(users::show).post(users::act))
        .route("/invitation", get(by_link::invitation).post(by_link::choose))
        .route("/setup", get(by_link::setup).post(by_link::set_up))
        .route(audit_log::PATH, get(audit_page::page))
        .route(audit_page::FILE, get(audit_page::file))
        .with_state(documents)
}

/// Where to go on.
#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

/// What the address says was just done.
#[derive(Deserialize)]
struct Done {
    #[serde(default)]
    done: String,
}

impl Done {
    fn said(&self) -> Option<&'static str> {
        people::done(&self.done)
    }
}

/// What the address asks for. What cannot be read so is refused, and nobody is told why.
struct Asked<T>(T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Problem::of(rejection.status())),
        }
    }
}

/// A form as it was sent. What is no such form is refused, and nobody who uses the pages is told why.
struct Sent<T>(T);

impl<S, T> FromRequest<S> for Sent<T>
where
    S: Send + Sync,
    Form<T>: FromRequest<S, Rejection = FormRejection>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Form::from_request(request, state).await {
            Ok(Form(sent)) => Ok(Self(sent)),
            Err(rejection) => Err(Problem::of(rejection.status())),
        }
    }
}

/// A password as it came with a form.
#[derive(Clone, Default)]
struct Secret(SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// A password that was entered twice, if both are the same.
fn twice(password: Secret, again: &Secret) -> Result<SecretString, Wrong> {
    if password.0.expose_secret() == again.0.expose_secret() {
        Ok(password.0)
    } else {
        Err(Wrong::new(Chosen::AGAIN, people::NOT_THE_SAME))
    }
}

/// Someone who should know cannot be asked.
fn away(error: Unavailable) -> Problem {
    tracing::error!(%error, "an account could not be read or changed");
    Problem::unavailable()
}

/// The page again, since something that was entered is wrong.
fn again(mut page: Response) -> Response {
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    page
}
