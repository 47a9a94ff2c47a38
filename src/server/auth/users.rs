//! The accounts: one document each in our own database, found by e-mail address.
//!
//! `version` ends a user's sessions. Every change that should end them raises it, and each session remembers the
//! version it began with. It is stored here and not in Redis, because this database is not rolled back.
//!
//! What admins do to an account on the pages is in `administration`.

use std::collections::HashMap;

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::{FutureExt, TryStreamExt};
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::{ErrorKind, WriteFailure},
    options::IndexOptions,
};

use super::{
    Unavailable,
    audit_log::{Action, AuditEntry, AuditLog, Initiator},
    email::Email,
    user::{User, UserId},
};
use crate::server::auth::unavailable::TIMEOUT;

/// Id of the lock document in `doors`. Every transaction that takes rights from an account touches it first.
const CLOSING: &str = "closing";

/// Id of the document in `doors` that holds the set-up link.
pub(super) const SETUP_LINK: &str = "setup_link";

/// The collection `users`.
#[derive(Clone)]
pub struct Users {
    pub(super) collection: Collection<User>,
    /// State of all accounts together: see [`administration`](super::administration) and [`setup`](super::setup).
    pub(super) doors: Collection<Document>,
    /// Every write of an account adds an entry to it.
    audit: AuditLog,
}

impl Users {
    pub fn new(own_db: &Database) -> Self {
        Self { collection: own_db.collection("users"), doors: own_db.collection("doors"), audit: AuditLog::new(own_db) }
    }

    /// The indexes. The one on the address is unique, so that MongoDB itself keeps two accounts from sharing an
    /// address. The other finds an account by the hash of its link.
    pub fn indexes() -> [IndexModel; 2] {
        let unique = IndexOptions::builder().unique(true).build();
        let sparse = IndexOptions::builder().sparse(true).build();
        [
            IndexModel::builder().keys(doc! { "email": 1 }).options(unique).build(),
            IndexModel::builder().keys(doc! { "link.hash": 1 }).options(sparse).build(),
        ]
    }

    /// Creates the indexes and the lock document.
    ///
    /// # Errors
    /// MongoDB is away, or accounts share an address already.
    pub async fn ensure_indexes(&self) -> Result<(), Unavailable> {
        self.collection.create_indexes(Self::indexes()).await?;
        let made = self.doors.update_one(doc! { "_id": CLOSING }, doc! { "$setOnInsert": { "times": 0_i64 } });
        match made.upsert(true).await {
            // Another instance has just made it.
            Err(error) if is_duplicate(&error) => Ok(()),
            made => Ok(made.map(drop)?),
        }
    }

    /// # Errors
    /// MongoDB is away.
    pub async fn by_id(&self, id: UserId) -> Result<Option<User>, Unavailable> {
        within(self.collection.find_one(doc! { "_id": id.0 })).await
    }

    /// # Errors
    /// MongoDB is away.
    pub async fn by_email(&self, email: &Email) -> Result<Option<User>, Unavailable> {
        within(self.collection.find_one(doc! { "email": email.as_str() })).await
    }

    /// Returns those of these accounts that exist. An account that cannot be read does not fail the others.
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

    /// About how many accounts there are.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn size(&self) -> Result<u64, Unavailable> {
        Ok(self.collection.estimated_document_count().await?)
    }

    /// All accounts, by address.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn list(&self) -> Result<Vec<User>, Unavailable> {
        Ok(self.collection.find(doc! {}).sort(doc! { "email": 1 }).await?.try_collect().await?)
    }

    /// Creates an admin; `None` if the address is taken.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn create_admin(
        &self,
        email: &Email,
        password_hash: String,
        by: &Initiator,
    ) -> Result<Option<UserId>, Unavailable> {
        let user = User::admin(email, Some(password_hash), None);
        let context = (self.clone(), user, by.clone());
        let created = self.audit.with_change(context, |session, (users, user, by)| {
            async move {
                users.collection.insert_one(&*user).session(&mut *session).await?;
                // The first admin exists now, so the set-up link must not create another.
                users.doors.delete_one(doc! { "_id": SETUP_LINK }).session(session).await?;
                let entry = AuditEntry::by(by, Action::AdminCreated).about(&*user).after(user.audit_fields());
                Ok(Some((user.id, entry)))
            }
            .boxed()
        });
        match created.await {
            Err(Unavailable::Mongo(error)) if is_duplicate(&error) => Ok(None),
            other => other,
        }
    }

    /// Sets a new password, ends all sessions and enables a disabled account; `None` if there is no such account.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn reset(
        &self,
        email: &Email,
        password_hash: String,
        by: &Initiator,
    ) -> Result<Option<UserId>, Unavailable> {
        let set = doc! { "password_hash": password_hash, "disabled": false };
        self.end_sessions_with(email, set, Action::PasswordReset, by).await
    }

    /// Disables the account and ends all its sessions; `None` if there is no such account.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn disable(&self, email: &Email, by: &Initiator) -> Result<Option<UserId>, Unavailable> {
        self.end_sessions_with(email, doc! { "disabled": true }, Action::UserDisabled, by).await
    }

    /// Notes a login, and stores a fresh hash where the stored one was weak. The password is the same, so no session
    /// ends. A password that was reset meanwhile stays.
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
        by: &Initiator,
    ) -> Result<Option<UserId>, Unavailable> {
        let user = doc! { "email": email.as_str() };
        let update = doc! { "$set": set, "$unset": { "link": "" }, "$inc": { "version": 1_i64 } };
        let context = (self.collection.clone(), self.doors.clone(), user, update, by.clone());
        let changed = self.audit.with_change(context, move |session, (users, doors, user, update, by)| {
            async move {
                if action == Action::UserDisabled {
                    touch_lock(doors, session).await?;
                }
                let before = users.find_one_and_update(user.clone(), update.clone()).session(&mut *session).await?;
                let Some(before) = before else { return Ok(None) };
                let Some(after) = users.find_one(user.clone()).session(session).await? else { return Ok(None) };
                let entry =
                    AuditEntry::by(by, action).about(&after).before(before.audit_fields()).after(after.audit_fields());
                Ok(Some((after.id, entry)))
            }
            .boxed()
        });
        changed.await
    }
}

/// Touches the lock document first, so that of two concurrent revocations one conflicts, retries and sees the other.
/// Returns false if no server has created the document yet.
pub(super) async fn touch_lock(
    doors: &Collection<Document>,
    session: &mut ClientSession,
) -> mongodb::error::Result<bool> {
    let once_more = doc! { "$inc": { "times": 1_i64 } };
    Ok(doors.update_one(doc! { "_id": CLOSING }, once_more).session(session).await?.matched_count > 0)
}

pub(super) async fn within<T>(question: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T, Unavailable> {
    tokio::time::timeout(TIMEOUT, question.into_future())
        .await
        .map_err(|_| Unavailable::MongoTimeout)?
        .map_err(Into::into)
}

pub fn is_duplicate(error: &mongodb::error::Error) -> bool {
    const DUPLICATE_KEY: i32 = 11000;
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(error)) if error.code == DUPLICATE_KEY)
}
