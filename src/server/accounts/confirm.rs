//! The page that asks for the password again.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tower_sessions::Session;

use super::form::{FormBody, NextQuery, Secret, UrlQuery, again};
use crate::server::accounts::text::accounts;
use crate::server::{
    accounts::{
        documents::{AccountPages, Times},
        pages::{self, FieldErrors},
    },
    auth::{CurrentAdmin, local_path::local_path, place::ClientInfo, session::OwnPassword},
    problem::Problem,
};

/// `GET /confirm`
pub async fn show(
    State(documents): State<AccountPages>,
    admin: CurrentAdmin,
    UrlQuery(asked): UrlQuery<NextQuery>,
) -> Response {
    draw(&documents, &admin, local_path(&asked.next), None)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmForm {
    password: Secret,
    #[serde(default)]
    next: String,
}

/// `POST /confirm`
pub async fn submit(
    State(documents): State<AccountPages>,
    admin: CurrentAdmin,
    session: Session,
    place: ClientInfo,
    FormBody(form): FormBody<ConfirmForm>,
) -> Result<Response, Problem> {
    let next = local_path(&form.next);
    let why = match documents.auth.confirm(&session, &admin, form.password.0, &place).await? {
        OwnPassword::Right => return Ok(Redirect::to(&next).into_response()),
        OwnPassword::SignedOut => return Ok(Redirect::to("/login").into_response()),
        OwnPassword::Wrong => accounts::WRONG_PASSWORD.to_owned(),
        OwnPassword::Throttled(wait) => accounts::wait(wait),
    };
    Ok(again(draw(&documents, &admin, next, Some(&FieldErrors::new("password", why)))))
}

fn draw(documents: &AccountPages, admin: &CurrentAdmin, next: String, wrong: Option<&FieldErrors>) -> Response {
    let email = admin.email.clone();
    let paper = documents.paper(&Times::now(&documents.network));
    documents.gate(accounts::CONFIRM, || pages::confirm(paper, email, next, wrong))
}
