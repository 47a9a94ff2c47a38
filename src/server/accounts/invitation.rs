//! Pages for users with a link, who choose a password or create the first admin. The token is in the query, which is
//! never logged.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::form::{FormBody, Secret, UrlQuery, again, same_twice};
use crate::{
    domain::text::{email_refused, password_refused},
    server::{
        accounts::{
            documents::AccountPages,
            pages::{self, Chosen, FieldErrors},
            text::accounts,
        },
        auth::{email::Email, own_account::PasswordChoice, place::ClientInfo},
        problem::Problem,
    },
    web::text,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByLink {
    #[serde(default)]
    token: String,
    done: Option<String>,
}

const SIGN_IN: (&str, &str) = ("/login", text::SIGN_IN);

/// `GET /invitation`
pub async fn invitation(
    State(documents): State<AccountPages>,
    place: ClientInfo,
    UrlQuery(link): UrlQuery<ByLink>,
) -> Result<Response, Problem> {
    if link.done.is_some() {
        return Ok(note(&documents, accounts::PASSWORD_IS_SET));
    }
    draw_choice(&documents, &place, link.token, None).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceForm {
    token: String,
    password: Secret,
    again: Secret,
}

/// `POST /invitation`
pub async fn choose(
    State(documents): State<AccountPages>,
    place: ClientInfo,
    FormBody(ChoiceForm { token, password, again: repeated }): FormBody<ChoiceForm>,
) -> Result<Response, Problem> {
    let wrong = match same_twice(password, &repeated) {
        Err(wrong) => wrong,
        Ok(new) => match documents.auth.choose_password(&token, new, &place).await? {
            PasswordChoice::Done => return Ok(Redirect::to("/invitation?done=yes").into_response()),
            PasswordChoice::Gone => return gone(&documents, &place, &token, accounts::LINK_GONE).await,
            PasswordChoice::Refused(why) => FieldErrors::new(Chosen::PASSWORD, password_refused(why)),
        },
    };
    draw_choice(&documents, &place, token, Some(&wrong)).await
}

/// `GET /setup`
pub async fn setup(
    State(documents): State<AccountPages>,
    place: ClientInfo,
    UrlQuery(link): UrlQuery<ByLink>,
) -> Result<Response, Problem> {
    if link.done.is_some() {
        return Ok(note(&documents, accounts::SET_UP_DONE));
    }
    if !documents.auth.may_set_up(&link.token).await? {
        return gone(&documents, &place, &link.token, accounts::SET_UP_GONE).await;
    }
    Ok(draw_set_up(&documents, link.token, None, None))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetUpForm {
    token: String,
    email: String,
    password: Secret,
    again: Secret,
}

/// `POST /setup`
pub async fn set_up(
    State(documents): State<AccountPages>,
    place: ClientInfo,
    FormBody(SetUpForm { token, email, password, again: repeated }): FormBody<SetUpForm>,
) -> Result<Response, Problem> {
    let entered = match (Email::of_new(&email), same_twice(password, &repeated)) {
        (Err(refused), _) => Err(FieldErrors::new("email", email_refused(refused))),
        (Ok(_), Err(wrong)) => Err(wrong),
        (Ok(address), Ok(new)) => Ok((address, new)),
    };
    let wrong = match entered {
        Err(wrong) if documents.auth.may_set_up(&token).await? => wrong,
        Err(_) => return gone(&documents, &place, &token, accounts::SET_UP_GONE).await,
        Ok((address, new)) => match documents.auth.set_up(&token, &address, new, &place).await? {
            PasswordChoice::Done => return Ok(Redirect::to("/setup?done=yes").into_response()),
            PasswordChoice::Gone => return gone(&documents, &place, &token, accounts::SET_UP_GONE).await,
            PasswordChoice::Refused(why) => FieldErrors::new(Chosen::PASSWORD, password_refused(why)),
        },
    };
    Ok(again(draw_set_up(&documents, token, Some(email), Some(&wrong))))
}

async fn draw_choice(
    documents: &AccountPages,
    place: &ClientInfo,
    token: String,
    wrong: Option<&FieldErrors>,
) -> Result<Response, Problem> {
    let Some(user) = documents.auth.invited(&token).await? else {
        return gone(documents, place, &token, accounts::LINK_GONE).await;
    };
    let page = documents.gate(accounts::CHOOSE_PASSWORD, || pages::choose_password(user.email, token, wrong));
    Ok(if wrong.is_some() { again(page) } else { page })
}

fn draw_set_up(
    documents: &AccountPages,
    token: String,
    email: Option<String>,
    wrong: Option<&FieldErrors>,
) -> Response {
    documents.gate(accounts::SET_UP, || pages::set_up(token, email, wrong))
}

fn note(documents: &AccountPages, words: (&'static str, &'static str)) -> Response {
    documents.gate(words.0, || pages::note(words, Some(SIGN_IN)))
}

/// Answers 410 for a link that does not work, and notes it.
async fn gone(
    documents: &AccountPages,
    place: &ClientInfo,
    token: &str,
    words: (&'static str, &'static str),
) -> Result<Response, Problem> {
    documents.auth.link_refused(token, place).await?;
    let mut page = documents.gate(words.0, || pages::note(words, Some(SIGN_IN)));
    *page.status_mut() = StatusCode::GONE;
    Ok(page)
}
