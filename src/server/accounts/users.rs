//! All accounts. Everything beyond the list asks for the password first.

use std::str::FromStr;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::form::{DoneQuery, FormBody, NoParameters, UrlQuery, again};
use crate::server::accounts::documents::Times;
use crate::{
    domain::text::email_refused,
    server::{
        accounts::{
            documents::AccountPages,
            pages::{self, FieldErrors, UserRow},
            text::accounts,
        },
        auth::{
            ConfirmedAdmin, CurrentAdmin,
            administration::{ChangeRefused, NewLink, UserChange},
            email::Email,
            place::ClientInfo,
            user::{User, UserId, UserRole},
        },
        problem::Problem,
    },
    web::{text, ui::USERS},
};

/// `GET /users`, in the admin's turn, because Redis is asked for the sessions of one account after the other.
pub async fn list(
    State(documents): State<AccountPages>,
    admin: CurrentAdmin,
    _: UrlQuery<NoParameters>,
) -> Result<Response, Problem> {
    let _turn = documents.budgets.of(admin.user).turn(documents.auth.users.size().await?).await?;
    let mut rows = Vec::new();
    for user in documents.auth.users.list().await? {
        rows.push(row(&documents, user).await?);
    }
    Ok(documents.framed(&admin, USERS, text::USERS, |times| pages::users(&rows, &admin, times)))
}

/// `GET /users/invite`
pub async fn invite_form(
    State(documents): State<AccountPages>,
    admin: ConfirmedAdmin,
    UrlQuery(done): UrlQuery<DoneQuery>,
) -> Response {
    draw_invite(&documents, &admin, done.text(), None, None)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteForm {
    email: String,
}

/// `POST /users/invite`
pub async fn invite(
    State(documents): State<AccountPages>,
    admin: ConfirmedAdmin,
    place: ClientInfo,
    FormBody(InviteForm { email }): FormBody<InviteForm>,
) -> Result<Response, Problem> {
    let why = match Email::of_new(&email) {
        Err(refused) => {
            documents.auth.address_refused(&admin, &place).await?;
            email_refused(refused)
        }
        Ok(address) => match documents.auth.invite(&admin, &address, &place).await? {
            Ok(link) => return Ok(draw_link(&documents, &admin, &link)),
            Err(refused) => accounts::refused(refused),
        },
    };
    Ok(again(draw_invite(&documents, &admin, None, Some(email), Some(&FieldErrors::new("email", why)))))
}

/// `GET /users/{id}`
pub async fn show(
    State(documents): State<AccountPages>,
    admin: ConfirmedAdmin,
    Path(id): Path<String>,
    UrlQuery(done): UrlQuery<DoneQuery>,
) -> Result<Response, Problem> {
    draw_user(&documents, &admin, user_id(&id)?, done.text(), None).await
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    Disable,
    Enable,
    Role,
    Link,
    EndSessions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActForm {
    act: Act,
    role: Option<UserRole>,
}

/// `POST /users/{id}`
pub async fn act(
    State(documents): State<AccountPages>,
    admin: ConfirmedAdmin,
    place: ClientInfo,
    Path(id): Path<String>,
    FormBody(ActForm { act, role }): FormBody<ActForm>,
) -> Result<Response, Problem> {
    let user = user_id(&id)?;
    let (change, done) = match act {
        Act::Link => {
            return match documents.auth.renew_link(&admin, user, &place).await? {
                Ok(link) => Ok(draw_link(&documents, &admin, &link)),
                Err(refused) => not_done(&documents, &admin, user, refused).await,
            };
        }
        Act::Disable => (UserChange::Disable, "disabled"),
        Act::Enable => (UserChange::Enable, "enabled"),
        Act::EndSessions => (UserChange::EndSessions, "all_ended"),
        Act::Role => (UserChange::SetRole(offered(role)?), "role"),
    };
    match documents.auth.change_user(&admin, user, change, &place).await? {
        Ok(()) => Ok(Redirect::to(&format!("{USERS}/{user}?done={done}")).into_response()),
        Err(refused) => not_done(&documents, &admin, user, refused).await,
    }
}

/// Returns a role that may be given; no other role has a meaning.
fn offered(role: Option<UserRole>) -> Result<UserRole, Problem> {
    let offered = role.filter(|role| *role == UserRole::Admin || *role == UserRole::no_access());
    offered.ok_or(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_role", "There is no such role."))
}

fn user_id(text: &str) -> Result<UserId, Problem> {
    UserId::from_str(text).map_err(|_| Problem::of(StatusCode::NOT_FOUND))
}

async fn not_done(
    documents: &AccountPages,
    admin: &CurrentAdmin,
    user: UserId,
    refused: ChangeRefused,
) -> Result<Response, Problem> {
    let mut page = draw_user(documents, admin, user, None, Some(accounts::refused(refused))).await?;
    *page.status_mut() = StatusCode::CONFLICT;
    Ok(page)
}

async fn draw_user(
    documents: &AccountPages,
    admin: &CurrentAdmin,
    user: UserId,
    done: Option<&'static str>,
    refused: Option<&'static str>,
) -> Result<Response, Problem> {
    let user = documents.auth.users.by_id(user).await?.ok_or(Problem::of(StatusCode::NOT_FOUND))?;
    let row = row(documents, user).await?;
    let path = format!("{USERS}/{}", row.user.id);
    Ok(documents.framed(admin, &path, text::USERS, |times| pages::user(&row, done, refused, times)))
}

fn draw_invite(
    documents: &AccountPages,
    admin: &CurrentAdmin,
    done: Option<&'static str>,
    email: Option<String>,
    wrong: Option<&FieldErrors>,
) -> Response {
    let title = accounts::INVITE;
    documents.framed(admin, "/users/invite", title, |_| pages::invite(done, email, wrong))
}

fn draw_link(documents: &AccountPages, admin: &CurrentAdmin, link: &NewLink) -> Response {
    let NewLink { email, token, expires_at, .. } = link;
    let address = format!("{}/invitation?token={}", documents.auth.origin.as_origin(), token.expose());
    let draw = |times: &Times| pages::new_link(email, address, &times.stamp(*expires_at));
    documents.framed(admin, USERS, accounts::LINK_FOR, draw)
}

async fn row(documents: &AccountPages, user: User) -> Result<UserRow, Problem> {
    let sessions = documents.auth.sessions_of(&user).await?.len();
    Ok(UserRow { user, sessions })
}
