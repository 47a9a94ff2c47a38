//! What an action says of itself.

use crate::{
    domain::{collections::Collection, fields::Fields},
    server::auth::{audit_log, rights::Right},
};

/// What an admin can do to one document, which moves it from a status to another.
pub struct Action {
    /// In its addresses: `/clients/{id}/block`, `/api/v1/clients/{id}/block`.
    pub name: &'static str,
    pub of: Collection,
    pub right: Right,
    /// As it stands in the audit log.
    pub entry: audit_log::Action,
    pub words: Words,
    /// What becomes of the mark that it leaves in our own database, with the reason and the status before.
    pub mark: Option<Mark>,
    /// The document's next status, in our word; or why it has none, in a sentence.
    pub next: fn(&Before) -> Result<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Set,
    Take,
}

/// What an action knows when it decides.
pub struct Before {
    /// The document under our names, as the transaction reads it.
    pub row: Fields,
    /// Our word for the status before, as the mark has it.
    pub marked: Option<String>,
}

/// What its page says.
pub struct Words {
    pub title: &'static str,
    /// What will be done, and what will not.
    pub question: &'static str,
    pub button: &'static str,
    pub done: &'static str,
}
