//! What defines an action.

use std::ops::Deref;

use crate::{
    domain::{actions::DocumentAction, fields::Fields},
    server::auth::rights::Right,
};

/// What an admin can do to one document: it moves the document from one status to another.
pub struct Action {
    /// Its names, and the collection that it acts on.
    pub line: DocumentAction,
    pub right: Right,
    pub words: Words,
    /// The action whose page is shown next, with a note of what was done. It is the action that reverses this one. An
    /// action that nothing reverses names itself.
    pub then: &'static Self,
    /// Whether it sets or removes the mark in our own database, which holds the reason and the earlier status.
    pub mark: Option<ActionMark>,
    /// Returns the document's next status, in our word, or a sentence that says why it has none.
    pub next: fn(&Before) -> Result<String, String>,
}

impl Deref for Action {
    type Target = DocumentAction;

    fn deref(&self) -> &DocumentAction {
        &self.line
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionMark {
    Set,
    Take,
}

/// The state on which an action decides.
pub struct Before {
    /// The document under our field names, as the transaction reads it.
    pub row: Fields,
    /// Our word for the earlier status, from the mark.
    pub marked: Option<String>,
}

/// The texts on its page.
pub struct Words {
    pub title: &'static str,
    /// What will be done, and what will not.
    pub question: &'static str,
    pub button: &'static str,
    pub done: &'static str,
    /// The label of the mark that the action takes back, and of its reason.
    pub marked: &'static str,
}
