//! An account: who it is, what it may do, and its current state.

use std::{fmt, str::FromStr};

use bson::{DateTime, Document, doc, oid::ObjectId};
use serde::{Deserialize, Serialize};

use super::{email::Email, one_time::TokenHash};

/// The identity of an account; it survives a change of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub(super) ObjectId);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

impl FromStr for UserId {
    type Err = bson::error::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ObjectId::parse_str(text).map(Self)
    }
}

/// What an account may do. There is one role; any other role in a document is refused everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum UserRole {
    Admin,
    Unknown(String),
}

impl UserRole {
    /// The role of an account that keeps its history and has no access.
    pub fn no_access() -> Self {
        Self::Unknown("none".into())
    }
}

impl From<String> for UserRole {
    fn from(text: String) -> Self {
        if text == "admin" { Self::Admin } else { Self::Unknown(text) }
    }
}

impl From<UserRole> for String {
    fn from(role: UserRole) -> Self {
        match role {
            UserRole::Admin => "admin".into(),
            UserRole::Unknown(text) => text,
        }
    }
}

impl fmt::Display for UserRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from(self.clone()))
    }
}

/// One account. No `Debug`: it holds the password's hash.
#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    #[serde(rename = "_id")]
    pub id: UserId,
    /// As [`Email::parse`] returns it; unique.
    pub email: String,
    /// PHC string; none until the invitation is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    pub role: UserRole,
    pub disabled: bool,
    /// Raised by every change that ends the user's sessions.
    pub version: i64,
    pub created_at: DateTime,
    pub last_login_at: Option<DateTime>,
    /// The link of the invitation or for a new password; the last one that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

/// A link by which someone may choose the account's password, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    /// Only the person who received the token knows it.
    pub hash: TokenHash,
    pub expires_at: DateTime,
}

/// An account's current state, apart from its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    Active,
    /// It has no password yet.
    Invited,
    Disabled,
}

impl User {
    /// A new admin, who is not stored yet.
    pub(super) fn admin(email: &Email, password_hash: Option<String>, link: Option<Link>) -> Self {
        Self {
            id: UserId(ObjectId::new()),
            email: email.as_str().into(),
            password_hash,
            role: UserRole::Admin,
            disabled: false,
            version: 1,
            created_at: DateTime::now(),
            last_login_at: None,
            link,
        }
    }

    /// Whether this account has any access at all.
    pub fn is_active_admin(&self) -> bool {
        self.role == UserRole::Admin && self.state() == UserState::Active
    }

    pub fn state(&self) -> UserState {
        match (self.disabled, &self.password_hash) {
            (true, _) => UserState::Disabled,
            (false, None) => UserState::Invited,
            (false, Some(_)) => UserState::Active,
        }
    }

    /// What the audit log records of the account: nothing secret.
    pub fn audit_fields(&self) -> Document {
        doc! { "email": &self.email, "role": self.role.to_string(), "disabled": self.disabled }
    }
}
