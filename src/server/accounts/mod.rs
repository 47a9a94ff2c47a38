//! Accounts over HTTP: forms in documents that the server draws. A handler that changes another account takes a
//! [`ConfirmedAdmin`](crate::server::auth::ConfirmedAdmin), and its URL has a page for GET, to which the password
//! form leads back.

mod account;
mod audit_page;
mod confirm;
pub mod document;
pub mod documents;
pub mod form;
mod invitation;
mod login;
pub mod pages;
pub mod text;
mod users;

use axum::{Router, routing::get};

use self::documents::AccountPages;
use crate::server::accounts::pages::audit_log;

pub fn routes(documents: AccountPages) -> Router {
    Router::new()
        .route("/login", get(login::show).post(login::submit))
        .route("/account", get(account::show).post(account::end))
        .route("/account/password", get(account::back).post(account::change_password))
        .route("/confirm", get(confirm::show).post(confirm::submit))
        .route("/users", get(users::list))
        .route("/users/invite", get(users::invite_form).post(users::invite))
        .route("/users/{id}", get(users::show).post(users::act))
        .route("/invitation", get(invitation::invitation).post(invitation::choose))
        .route("/setup", get(invitation::setup).post(invitation::set_up))
        .route(audit_log::PATH, get(audit_page::page))
        .route(audit_page::FILE, get(audit_page::file))
        .with_state(documents)
}
