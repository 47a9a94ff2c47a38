//! The accounts: one document each in our own database, named by e-mail address.
//!
//! `version` is what ends a user's sessions: it is raised by whatever should end them, and each session remembers the
//! one it began with. It lives here, in the database that is not rolled back, and not in Redis.

use std::{collections::HashMap, fmt, str::FromStr, time::Duration};

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::{FutureExt, TryStreamExt};
use mongodb::{
    Collection, Database, IndexModel,
    error::{ErrorKind, WriteFailure},
    options::IndexOptions,
};
use serde::{Deserialize, Serialize};

use super::{
    Unavailable,
    audit_log::{Action, AuditLog, By, Entry},
};

/// The longest that one question about an account may take, since every request asks it.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

/// The identity of an account; it survives a change of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(ObjectId);

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

/// What an account may do. There is one role; whatever else a document says is refused everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Role {
    Admin,
    Unknown(String),
}

impl From<String> for Role {
    fn from(text: String) -> Self {
        if text == "admin" { Self::Admin } else { Self::Unknown(text) }
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => "admin".into(),
            Role::Unknown(text) => text,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from(self.clone()))
    }
}

/// One account. No `Debug`: it holds the password's hash.
#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    #[serde(rename = "_id")]
    pub id: UserId,
    /// As [`Email::parse`] makes it; unique.
    pub email: String,
    /// PHC string.
    pub password_hash: String,
    pub role: Role,
    pub disabled: bool,
    /// Raised by every change that ends the user's sessions.
    pub version: i64,
    pub created_at: DateTime,
    pub last_login_at: Option<DateTime>,
}

impl User {
    /// Whether this account opens any door at all.
    pub fn is_active_admin(&self) -> bool {
        self.role == Role::Admin && !self.disabled
    }

    /// What the audit log says of the account: nothing secret.
    pub fn told(&self) -> Document {
        doc! { "email": &self.email, "role": self.role.to_string(), "disabled": self.disabled }
    }
}

/// An address in the form in which accounts are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Lower case, without blanks around it. Only what cannot be an address at all is refused: whether it is one shows
    /// when mail arrives.
    pub fn parse(text: &str) -> Option<Self> {
        let email = text.trim().to_lowercase();
        let (local, domain) = email.rsplit_once('@')?;
        let fits = email.len() <= 254 && !local.is_empty() && !domain.is_empty();
        (fits && !email.chars().any(|c| c.is_whitespace() || c.is_control())).then_some(Self(email))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The collection `users`.
#[derive(Clone)]
pub struct Users {
    collection: Collection<User>,
    /// Every write of an account is an entry of it.
    audit: AuditLog,
}

impl Users {
    pub fn new(own_db: &Database) -> Self {
        Self { collection: own_db.collection("users"), audit: AuditLog::new(own_db) }
    }

    /// Two accounts never share an address, whoever writes them.
    ///
    /// # Errors
    /// MongoDB is away, or accounts share one already.
    pub async fn ensure_indexes(&self) -> Result<(), Unavailable> {
        let unique = IndexOptions::builder().unique(true).build();
        let index = IndexModel::builder().keys(doc! { "email": 1 }).options(unique).build();
        self.collection.create_index(index).await?;
        Ok(())
    }

    /// # Errors
    /// MongoDB is away.
    pub async fn by_email(&self, email: &Email) -> Result<Option<User>, Unavailable> {
        within(self.collection.find_one(doc! { "email": email.as_str() })).await
    }

    /// Those of these accounts that there are. One that cannot be read is none of the others' business.
    pub(super) async fn by_ids(
        &self,
        ids: &[UserId],
    ) -> mongodb::error::Result<HashMap<UserId, bson::error::Result<User>>> {
        let ids: Vec<ObjectId> = ids.iter().map(|id| id.0).collect();
        let documents = self.collection.clone_with_type::<Document>();
        let documents: Vec<Document> = documents.find(doc! { "_id": { "$in": ids } }).await?.try_collect().await?;
        let id = |document: &Document| document.get_object_id("_id").ok().map(UserId);
        let read = |document: Document| Some((id(&document)?, bson::deserialize_from_document(document)));
        Ok(documents.into_iter().filter_map(read).collect())
    }

    /// All accounts, by address.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn list(&self) -> Result<Vec<User>, Unavailable> {
        Ok(self.collection.find(doc! {}).sort(doc! { "email": 1 }).await?.try_collect().await?)
    }

    /// A new admin; `None` when the address is taken.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn create_admin(
        &self,
        email: &Email,
        password_hash: String,
        by: &By,
    ) -> Result<Option<UserId>, Unavailable> {
        let user = User {
            id: UserId(ObjectId::new()),
            email: email.as_str().into(),
            password_hash,
            role: Role::Admin,
            disabled: false,
            version: 1,
            created_at: DateTime::now(),
            last_login_at: None,
        };
        let created =
            self.audit.with_change((self.collection.clone(), user, by.clone()), |session, (users, user, by)| {
                async move {
                    users.insert_one(&*user).session(session).await?;
                    let entry = Entry::by(by, Action::AdminCreated).about(&*user).after(user.told());
                    Ok(Some((user.id, entry)))
                }
                .boxed()
            });
        match created.await {
            Err(Unavailable::Mongo(error)) if is_duplicate(&error) => Ok(None),
            other => other,
        }
    }

    /// Sets a new password, ends all sessions and opens a disabled account again; `None` when there is no such account.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn reset(&self, email: &Email, password_hash: String, by: &By) -> Result<Option<UserId>, Unavailable> {
        let set = doc! { "password_hash": password_hash, "disabled": false };
        self.end_sessions_with(email, set, Action::PasswordReset, by).await
    }

    /// Closes the account and ends all its sessions; `None` when there is no such account.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn disable(&self, email: &Email, by: &By) -> Result<Option<UserId>, Unavailable> {
        self.end_sessions_with(email, doc! { "disabled": true }, Action::UserDisabled, by).await
    }

    /// Notes a login, with a fresh hash where the stored one was weak. The same password, so no session ends; but a
    /// password that was reset meanwhile stays.
    pub(super) async fn note_login(&self, user: &User, stronger_hash: Option<String>) -> Result<(), Unavailable> {
        let mut set = doc! { "last_login_at": DateTime::now() };
        if let Some(hash) = stronger_hash {
            set.insert("password_hash", hash);
        }
        let unchanged = doc! { "_id": user.id.0, "password_hash": &user.password_hash };
        within(self.collection.update_one(unchanged, doc! { "$set": set })).await?;
        Ok(())
    }

    async fn end_sessions_with(
        &self,
        email: &Email,
        set: Document,
        action: Action,
        by: &By,
    ) -> Result<Option<UserId>, Unavailable> {
        let user = doc! { "email": email.as_str() };
        let update = doc! { "$set": set, "$inc": { "version": 1_i64 } };
        let context = (self.collection.clone(), user, update, by.clone());
        let changed = self.audit.with_change(context, move |session, (users, user, update, by)| {
            async move {
                let before = users.find_one_and_update(user.clone(), update.clone()).session(&mut *session).await?;
                let Some(before) = before else { return Ok(None) };
                let Some(after) = users.find_one(user.clone()).session(session).await? else { return Ok(None) };
                let entry = Entry::by(by, action).about(&after).before(before.told()).after(after.told());
                Ok(Some((after.id, entry)))
            }
            .boxed()
        });
        changed.await
    }
}

async fn within<T>(question: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T, Unavailable> {
    tokio::time::timeout(TIMEOUT, question.into_future())
        .await
        .map_err(|_| Unavailable::MongoTimeout)?
        .map_err(Into::into)
}

fn is_duplicate(error: &mongodb::error::Error) -> bool {
    const DUPLICATE_KEY: i32 = 11000;
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(error)) if error.code == DUPLICATE_KEY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_however_it_is_typed() {
        assert_eq!(Email::parse(" Ada@Example.ORG ").unwrap().as_str(), "ada@example.org");
        assert!(Email::parse("anaïs@exämple.org").is_some());
        for wrong in ["", "ada", "@example.org", "ada@", "a da@example.org", "ada@example.org\nx@y"] {
            assert!(Email::parse(wrong).is_none(), "{wrong:?}");
        }
        assert!(Email::parse(&format!("{}@example.org", "a".repeat(255))).is_none());
    }
}
