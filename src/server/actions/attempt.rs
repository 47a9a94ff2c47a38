//! What an admin asks for, and what comes of it.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::action::Action;
use crate::server::{
    auth::{CurrentAdmin, audit_log::Reason, place::ClientInfo},
    problem::Problem,
};

/// Someone's attempt to do an action.
#[derive(Clone)]
pub struct Attempt {
    pub action: &'static Action,
    pub request: Request,
    pub admin: CurrentAdmin,
    pub place: ClientInfo,
}

/// What someone asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The document's public id.
    pub id: String,
    pub reason: String,
    /// Chosen by the client. A second request with the same key gets the answer to the first.
    pub key: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub id: String,
    /// Both in our words.
    pub status: String,
    pub status_before: String,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionRefused {
    /// `CHARGEDECK_READ_ONLY` is set.
    ReadOnly,
    /// The account lacks the right.
    NoRight,
    /// MongoDB does not let the server write there.
    MayNotWrite(String),
    NoSuchDocument,
    /// Holds the reason, as a sentence.
    Conflict(String),
    /// The key was used before, for another request.
    OtherRequest,
}

impl ActionRefused {
    pub fn sentence(&self) -> String {
        match self {
            Self::ReadOnly => "ChargeDeck is set to read only (CHARGEDECK_READ_ONLY).".to_owned(),
            Self::NoRight => "Your account may not do this.".to_owned(),
            Self::MayNotWrite(of) => {
                format!("MongoDB does not let ChargeDeck's user write to {of}: docs/security.md has the role that may.")
            }
            Self::NoSuchDocument => "Not found. It may have been deleted.".to_owned(),
            Self::Conflict(why) => why.clone(),
            Self::OtherRequest => "This Idempotency-Key was sent before with something else.".to_owned(),
        }
    }

    pub const fn reason(&self) -> Reason {
        match self {
            Self::ReadOnly => Reason::ReadOnly,
            Self::NoRight => Reason::NoRight,
            Self::MayNotWrite(_) => Reason::MayNotWrite,
            Self::NoSuchDocument => Reason::NoSuchDocument,
            Self::Conflict(_) | Self::OtherRequest => Reason::Conflict,
        }
    }

    pub const fn status(&self) -> StatusCode {
        match self {
            Self::ReadOnly | Self::NoRight | Self::MayNotWrite(_) => StatusCode::FORBIDDEN,
            Self::NoSuchDocument => StatusCode::NOT_FOUND,
            Self::Conflict(_) | Self::OtherRequest => StatusCode::CONFLICT,
        }
    }
}

impl From<ActionRefused> for Problem {
    fn from(refused: ActionRefused) -> Self {
        Self::new(refused.status(), refused.reason().name(), refused.sentence())
    }
}
