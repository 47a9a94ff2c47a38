//! The login page, a form.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use leptos::prelude::{Owner, RenderHtml};
use serde::Deserialize;
use tower_sessions::Session;

use super::form::{FormBody, NextQuery, Secret, UrlQuery};
use crate::server::accounts::text::accounts;
use crate::{
    server::accounts::pages,
    server::{
        accounts::documents::AccountPages,
        auth::{
            local_path::local_path,
            place::ClientInfo,
            session::{Activity, SignIn},
        },
        csp::FORM_POLICY,
    },
    web::text,
};

/// `GET /login`. A user who is already signed in is redirected.
pub async fn show(
    State(documents): State<AccountPages>,
    session: Session,
    UrlQuery(asked): UrlQuery<NextQuery>,
) -> Response {
    let next = local_path(&asked.next);
    match documents.auth.admit(&session, Activity::Program).await {
        Ok(Some(_)) => return Redirect::to(&next).into_response(),
        Ok(None) => {}
        // The form is shown anyway; submitting it shows what is wrong.
        Err(error) => tracing::warn!(%error, "a session could not be checked"),
    }
    draw(&documents, String::new(), next, None)
}

#[derive(Deserialize)]
pub struct LoginForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: Secret,
    #[serde(default)]
    next: String,
}

/// `POST /login`. A refused user gets the form back as it was sent, except for the password.
pub async fn submit(
    State(documents): State<AccountPages>,
    session: Session,
    place: ClientInfo,
    FormBody(LoginForm { email, password, next }): FormBody<LoginForm>,
) -> Response {
    let next = local_path(&next);
    let (status, wait, wrong) = match documents.auth.sign_in(&session, &email, password.0, &place).await {
        Ok(SignIn::In(_)) => return Redirect::to(&next).into_response(),
        Ok(SignIn::Refused) => (StatusCode::UNAUTHORIZED, None, text::NOT_SIGNED_IN.to_owned()),
        Ok(SignIn::Throttled(wait)) => (StatusCode::TOO_MANY_REQUESTS, Some(wait), accounts::turned_away(wait)),
        Err(error) => {
            tracing::error!(%error, "login failed");
            (StatusCode::SERVICE_UNAVAILABLE, None, text::NO_SIGN_IN_NOW.to_owned())
        }
    };
    let mut page = draw(&documents, email, next, Some(wrong));
    *page.status_mut() = status;
    if let Some(wait) = wait {
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().saturating_add(1)));
    }
    page
}

fn draw(documents: &AccountPages, email: String, next: String, wrong: Option<String>) -> Response {
    let options = documents.leptos.clone();
    let html = Owner::new_root(None).with(|| pages::login(options, email, next, wrong).to_html());
    ([(header::CONTENT_SECURITY_POLICY, FORM_POLICY)], Html(html)).into_response()
}
