//! The page of each action, and its URL for programs. Both give the same refusals in the same words.

use axum::{
    Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{
    ALL,
    action::Action,
    attempt::{Attempt, Request},
    perform::Actions,
    view::{self, ActionPage},
};
use crate::server::{
    accounts::{
        documents::AccountPages,
        form::{FormBody, UrlQuery, again},
        pages::FieldErrors,
        text::accounts,
    },
    auth::{CurrentAdmin, PasswordPrompt, place::ClientInfo},
    pace::Turn,
    problem::Problem,
};

/// The longest reason, characters.
const REASON_MAX: usize = 500;
/// The longest public id, bytes.
const ID_MAX: usize = 256;
/// The longest `Idempotency-Key`, bytes.
const KEY_MAX: usize = 64;

#[derive(Clone)]
struct ActionContext {
    documents: AccountPages,
    actions: Actions,
}

impl ActionContext {
    /// Pays for finding a document, and waits for the account's turn. It costs as much as a list, because without an
    /// index on the public id MongoDB scans the whole collection.
    async fn turn(&self, action: &Action, admin: &CurrentAdmin) -> Result<Turn, Problem> {
        let asker = self.documents.budgets.of(admin.user);
        Ok(asker.turn(asker.all_of(action.of)).await?)
    }
}

pub fn routes(documents: AccountPages, actions: Actions) -> Router {
    let mut router = Router::new();
    for action in ALL {
        let draw = get(move |State(context): State<ActionContext>, by, asked| show(action, context, by, asked));
        let draw = draw.post(move |State(context): State<ActionContext>, by, place, asked, form| {
            submit(action, context, by, place, asked, form)
        });
        let by_program = post(move |State(context): State<ActionContext>, by, place, id, headers, body| {
            perform(action, context, by, place, id, headers, body)
        });
        router = router
            .route(&action.path(), draw)
            .route(&format!("/api/v1/{}/{{id}}/{}", action.of.name(), action.name), by_program);
    }
    router.with_state(ActionContext { documents, actions })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    id: String,
    /// The name of the action that was just performed on it.
    #[serde(default)]
    done: String,
}

/// `GET /clients/block?id=…`
async fn show(
    action: &'static Action,
    context: ActionContext,
    (admin, prompt): (CurrentAdmin, PasswordPrompt),
    UrlQuery(Which { id, done }): UrlQuery<Which>,
) -> Result<Response, Problem> {
    let _turn = context.turn(action, &admin).await?;
    let outlook = context.actions.outlook(action, &admin, &id).await??;
    if outlook.refused.is_none() && !admin.confirmed {
        return Ok(prompt.into_response());
    }
    let done =
        ALL.iter().find(|action| action.name == done).map(|action| action.words.done).or_else(|| accounts::done(&done));
    let page = ActionPage { action, id, outlook, reason: String::new(), wrong: None, done };
    Ok(draw(&context, &admin, page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionForm {
    reason: String,
    /// The key of the page that holds the form, so that the action is done once however often the form is sent.
    key: String,
}

/// `POST /clients/block?id=…`
async fn submit(
    action: &'static Action,
    context: ActionContext,
    (admin, prompt): (CurrentAdmin, PasswordPrompt),
    place: ClientInfo,
    UrlQuery(Which { id, .. }): UrlQuery<Which>,
    FormBody(ActionForm { reason, key }): FormBody<ActionForm>,
) -> Result<Response, Problem> {
    let _turn = context.turn(action, &admin).await?;
    let request = match request(&id, &reason, Some(&key)) {
        Ok(request) => request,
        Err(Invalid::Reason(why)) => {
            let outlook = context.actions.outlook(action, &admin, &id).await??;
            let wrong = Some(FieldErrors::new(view::REASON, why));
            return Ok(again(draw(&context, &admin, ActionPage { action, id, outlook, reason, wrong, done: None })));
        }
        Err(invalid) => return Err(invalid.into()),
    };
    let attempt = Attempt { action, request, admin: admin.clone(), place };
    match context.actions.perform(&attempt).await? {
        None => Ok(prompt.into_response()),
        Some(Ok(_)) => Ok(Redirect::to(&format!("{}&done={}", action.then.address(&id), action.name)).into_response()),
        Some(Err(refused)) => {
            let status = refused.status();
            let outlook = context.actions.outlook(action, &admin, &id).await??;
            let wrong = Some(FieldErrors::new(view::FORM, refused.sentence()));
            let mut page = draw(&context, &admin, ActionPage { action, id, outlook, reason, wrong, done: None });
            *page.status_mut() = status;
            Ok(page)
        }
    }
}

fn draw(context: &ActionContext, admin: &CurrentAdmin, page: ActionPage) -> Response {
    let action = page.action;
    // The navigation marks the list's page as the current one.
    context.documents.framed(admin, action.of.page(), action.words.title, |times| view::action(page, times))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    reason: String,
}

/// `POST /api/v1/clients/{id}/block` with `{"reason"}`, and `Idempotency-Key` for clients that may have to retry.
async fn perform(
    action: &'static Action,
    context: ActionContext,
    (admin, prompt): (CurrentAdmin, PasswordPrompt),
    place: ClientInfo,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Body>, JsonRejection>,
) -> Result<Response, Problem> {
    let _turn = context.turn(action, &admin).await?;
    let Json(Body { reason }) =
        body.map_err(|error| Problem::new(error.status(), "invalid_body", "Send {\"reason\"} as application/json."))?;
    let key = match headers.get("idempotency-key").map(|key| key.to_str()) {
        None => None,
        Some(key) => Some(key.map_err(|_| Invalid::Key)?),
    };
    let attempt = Attempt { action, request: request(&id, &reason, key)?, admin, place };
    match context.actions.perform(&attempt).await? {
        None => Ok(prompt.into_response()),
        Some(done) => Ok(Json(done?).into_response()),
    }
}

/// The part of a request that is malformed.
#[derive(Debug, PartialEq, Eq)]
enum Invalid {
    Id,
    Key,
    Reason(&'static str),
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let (code, detail) = match invalid {
            Invalid::Id => ("invalid_id", "This is no public id."),
            Invalid::Key => ("invalid_key", "An Idempotency-Key has 1 to 64 visible characters of ASCII."),
            Invalid::Reason(why) => ("invalid_reason", why),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }
}

fn request(id: &str, reason: &str, key: Option<&str>) -> Result<Request, Invalid> {
    if id.is_empty() || id.len() > ID_MAX {
        return Err(Invalid::Id);
    }
    if key.is_some_and(|key| key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Err(Invalid::Key);
    }
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Invalid::Reason("Give a reason: it stands in the audit log."));
    }
    if reason.chars().count() > REASON_MAX || reason.chars().any(char::is_control) {
        return Err(Invalid::Reason("A reason has up to 500 characters, in one line."));
    }
    Ok(Request { id: id.to_owned(), reason: reason.to_owned(), key: key.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_strictly() {
        let fine = request("C-1", "  owes money ", Some("k")).unwrap();
        assert_eq!((fine.reason.as_str(), fine.key.as_deref()), ("owes money", Some("k")));
        for (id, reason, key) in [
            ("", "x", None),
            ("C-1", "  ", None),
            ("C-1", "a\nb", None),
            ("C-1", "x", Some("")),
            ("C-1", "x", Some("a b")),
            ("C-1", "x", Some("é")),
        ] {
            assert!(request(id, reason, key).is_err(), "{id:?} {reason:?} {key:?}");
        }
        assert!(request(&"x".repeat(257), "x", None).is_err());
        assert!(request("C-1", &"é".repeat(501), None).is_err() && request("C-1", &"é".repeat(500), None).is_ok());
        assert!(request("C-1", "x", Some(&"k".repeat(65))).is_err());
    }
}
