//! The page of one's own account.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tower_sessions::Session;

use super::form::{DoneQuery, FormBody, Secret, UrlQuery, again, same_twice};
use crate::{
    domain::text::password_refused,
    server::{
        accounts::{
            documents::AccountPages,
            pages::{self, AccountPage, Chosen, FieldErrors},
            text::accounts,
        },
        auth::{ConfirmedAdmin, CurrentAdmin, own_account::PasswordChange, place::ClientInfo, session::OwnPassword},
        problem::Problem,
        redis::sessions::SessionHash,
    },
    web::{text, ui::ACCOUNT},
};

/// `GET /account`
pub async fn show(
    State(documents): State<AccountPages>,
    admin: CurrentAdmin,
    UrlQuery(done): UrlQuery<DoneQuery>,
) -> Result<Response, Problem> {
    draw(&documents, &admin, done.text(), None).await
}

/// `GET /account/password`: the form is a part of the account's page.
pub async fn back() -> Redirect {
    Redirect::to(ACCOUNT)
}

/// The session to end: its name, or `others`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndForm {
    end: SessionHash,
}

/// `POST /account`
pub async fn end(
    State(documents): State<AccountPages>,
    admin: ConfirmedAdmin,
    place: ClientInfo,
    FormBody(EndForm { end }): FormBody<EndForm>,
) -> Result<Redirect, Problem> {
    let done = if end.as_str() == "others" {
        documents.auth.end_other_sessions(&admin, &place).await?;
        "sessions_ended"
    } else if documents.auth.end_session(&admin, &end, &place).await? {
        "session_ended"
    } else {
        "session_gone"
    };
    Ok(Redirect::to(&format!("{ACCOUNT}?done={done}")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordForm {
    current: Secret,
    password: Secret,
    again: Secret,
}

/// `POST /account/password`
pub async fn change_password(
    State(documents): State<AccountPages>,
    admin: CurrentAdmin,
    session: Session,
    place: ClientInfo,
    FormBody(form): FormBody<PasswordForm>,
) -> Result<Response, Problem> {
    let wrong = match same_twice(form.password, &form.again) {
        Err(wrong) => wrong,
        Ok(new) => {
            let changed = documents.auth.change_password(&session, &admin, form.current.0, new, &place);
            match changed.await? {
                PasswordChange::Done => {
                    return Ok(Redirect::to(&format!("{ACCOUNT}?done=password_changed")).into_response());
                }
                PasswordChange::NotProven(OwnPassword::SignedOut) => return Ok(Redirect::to("/login").into_response()),
                PasswordChange::NotProven(OwnPassword::Throttled(wait)) => {
                    FieldErrors::new("current", accounts::wait(wait))
                }
                PasswordChange::NotProven(_) => FieldErrors::new("current", accounts::WRONG_PASSWORD),
                PasswordChange::Refused(why) => FieldErrors::new(Chosen::PASSWORD, password_refused(why)),
            }
        }
    };
    draw(&documents, &admin, None, Some(&wrong)).await.map(again)
}

async fn draw(
    documents: &AccountPages,
    admin: &CurrentAdmin,
    done: Option<&'static str>,
    wrong: Option<&FieldErrors>,
) -> Result<Response, Problem> {
    let Some(user) = documents.auth.users.by_id(admin.user).await? else {
        return Ok(Redirect::to("/login").into_response());
    };
    let sessions = documents.auth.sessions_of(&user).await?;
    let page = AccountPage { admin, user: &user, sessions: &sessions, done, wrong };
    Ok(documents.framed(admin, ACCOUNT, text::ACCOUNT, |times| pages::account(&page, times)))
}
