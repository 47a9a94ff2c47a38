//! Performs an action. The document's write, the mark with the reason, the record that recognises a repeated request,
//! and the audit entry are one transaction. Of two concurrent ones MongoDB lets one commit; the other retries and
//! sees what was done.

use std::time::Duration;

use axum::http::StatusCode;
use bson::{DateTime, Document, RawDocumentBuf, doc};
use futures_util::FutureExt;
use mongodb::{
    ClientSession, Collection as MongoCollection, IndexModel,
    error::{Error, ErrorKind, WriteFailure},
    options::IndexOptions,
};
use serde::{Deserialize, Serialize};

use super::{
    action::{Action, Before, Mark},
    write::write,
};
use crate::{
    domain::{
        collections::Collection,
        protocol::snapshot::Row,
        selection::{Criterion, EvalContext, FilterField, Selection},
    },
    server::{
        auth::{
            CurrentAdmin, Unavailable,
            audit_log::{AuditLog, By, Entry, Reason},
            place::ClientInfo,
            users::is_duplicate,
        },
        mongo::{Mongo, UNAUTHORIZED, error_code, privileges, selection::query, snapshot},
        problem::Problem,
    },
};

/// In our own database: reasons and earlier statuses, by collection and public id.
const MARKS: &str = "marks";
/// In our own database: answers to requests that had an idempotency key.
const KEYS: &str = "action_keys";

/// How long a request with the same key gets the answer of the first.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Time limit for MongoDB to find the document.
const FIND_WITHIN: Duration = Duration::from_secs(5);

const VALIDATION: i32 = 121;

/// Performs actions; clones share everything.
#[derive(Clone)]
pub struct Actions {
    mongo: Mongo,
    audit: AuditLog,
    read_only: bool,
}

/// A request for an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The document's public id.
    pub id: String,
    pub reason: String,
    /// Idempotency key, chosen by the client. A second request with the same key does nothing again.
    pub key: Option<String>,
}

/// The result of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub id: String,
    /// This and `status_before` are in our words.
    pub status: String,
    pub status_before: String,
}

/// Why an action was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `CHARGEDECK_READ_ONLY` is set.
    ReadOnly,
    /// The account lacks the right.
    NoRight,
    /// MongoDB does not let the server write there.
    MayNotWrite(Collection),
    NoSuchDocument,
    /// The reason, in a sentence.
    Conflict(String),
    /// The key belongs to another request.
    OtherRequest,
}

impl Refused {
    pub fn sentence(&self) -> String {
        match self {
            Self::ReadOnly => "ChargeDeck is set to read only (CHARGEDECK_READ_ONLY).".to_owned(),
            Self::NoRight => "Your account may not do this.".to_owned(),
            Self::MayNotWrite(of) => {
                format!("MongoDB does not let ChargeDeck's user write to {of}: it lacks the right “update” there.")
            }
            Self::NoSuchDocument => "No document has this number any more.".to_owned(),
            Self::Conflict(why) => why.clone(),
            Self::OtherRequest => "This Idempotency-Key was sent before with something else.".to_owned(),
        }
    }

    const fn reason(&self) -> Reason {
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

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::new(refused.status(), refused.reason().name(), refused.sentence())
    }
}

impl Actions {
    pub fn new(mongo: Mongo, read_only: bool) -> Self {
        // Uses the same client as the documents, because a transaction belongs to one client.
        Self { audit: AuditLog::new(&mongo.own), mongo, read_only }
    }

    /// Lets MongoDB remove answers that nobody can ask for any more (TTL index).
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn prepare(&self) -> mongodb::error::Result<()> {
        let ends = IndexOptions::builder().expire_after(KEPT).build();
        self.keys().create_index(IndexModel::builder().keys(doc! {"at": 1}).options(ends).build()).await.map(drop)
    }

    /// Why the action is impossible right now, for any document; `None` if it is possible.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn hindrance(&self, action: &Action, admin: &CurrentAdmin) -> Result<Option<Refused>, Unavailable> {
        if self.read_only {
            return Ok(Some(Refused::ReadOnly));
        }
        if !admin.role.grants(action.right) {
            return Ok(Some(Refused::NoRight));
        }
        let may = privileges::of(&self.mongo).await?;
        let updates = may.is_none_or(|may| may.allow(self.mongo.operator.name(), Some(action.of.name()), "update"));
        Ok((!updates).then_some(Refused::MayNotWrite(action.of)))
    }

    /// The document as it is now, and its mark if it has one; `None` if there is no such document.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn look(&self, action: &Action, id: &str) -> Result<Option<(Row, Option<Document>)>, Unavailable> {
        let mut session = self.mongo.client.start_session().await?;
        let found = self.find(action.of, id, &mut session).await;
        let row = match found {
            Ok((row, _)) => row,
            Err(error) if error.get_custom::<Refused>().is_some() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mark = self.marks().find_one(doc! {"_id": mark_id(action.of, id)}).await?;
        Ok(Some((row, mark)))
    }

    /// Performs the action, or returns why not. The audit log records both.
    ///
    /// # Errors
    /// MongoDB is away. If the answer to the commit was lost, the action may be done. Then a retry with the same key
    /// gets the first answer.
    pub async fn perform(
        &self,
        action: &'static Action,
        request: &Request,
        admin: &CurrentAdmin,
        place: &ClientInfo,
    ) -> Result<Result<Done, Refused>, Unavailable> {
        let outcome = self.attempt(action, request, admin, place).await?;
        if let Err(refused) = &outcome {
            let entry = Entry::new(action.entry, admin, place).refused(refused.reason());
            self.audit.record(&entry.after(doc! {"id": &request.id})).await?;
        }
        Ok(outcome)
    }

    async fn attempt(
        &self,
        action: &'static Action,
        request: &Request,
        admin: &CurrentAdmin,
        place: &ClientInfo,
    ) -> Result<Result<Done, Refused>, Unavailable> {
        if self.read_only {
            return Ok(Err(Refused::ReadOnly));
        }
        if !admin.role.grants(action.right) {
            return Ok(Err(Refused::NoRight));
        }
        if let Some(answer) = self.answered(action, request, admin).await? {
            return Ok(answer);
        }
        let context = (self.clone(), request.clone(), admin.clone(), By::admin(admin, place));
        let done = self.audit.with_change(context, move |session, (actions, request, admin, by)| {
            async move { actions.within(action, request, admin, by, session).await.map(Some) }.boxed()
        });
        let error = match done.await {
            Ok(Some(done)) => return Ok(Ok(done)),
            Ok(None) => return Ok(Err(Refused::NoSuchDocument)),
            Err(Unavailable::Mongo(error)) => error,
            Err(error) => return Err(error),
        };
        if let Some(refused) = error.get_custom::<Refused>() {
            // The same request, sent a moment earlier, may be the reason.
            return Ok(self.answered(action, request, admin).await?.unwrap_or(Err(refused.clone())));
        }
        let refused_write = match &*error.kind {
            ErrorKind::Write(WriteFailure::WriteError(refused)) => Some(refused.code),
            _ => None,
        };
        match error_code(&error).or(refused_write) {
            Some(UNAUTHORIZED) => Ok(Err(Refused::MayNotWrite(action.of))),
            Some(VALIDATION) => {
                Ok(Err(Refused::Conflict("Your database refuses such a document (its validator).".to_owned())))
            }
            // The same request was performed concurrently.
            _ if is_duplicate(&error) => self.answered(action, request, admin).await?.ok_or(Unavailable::Mongo(error)),
            _ => Err(error.into()),
        }
    }

    /// Runs within the transaction.
    async fn within(
        &self,
        action: &Action,
        request: &Request,
        admin: &CurrentAdmin,
        by: &By,
        session: &mut ClientSession,
    ) -> mongodb::error::Result<(Done, Entry)> {
        let (row, document) = self.find(action.of, &request.id, session).await?;
        let mark = self.marks().find_one(doc! {"_id": mark_id(action.of, &request.id)}).session(&mut *session).await?;
        let marked = mark.as_ref().and_then(|mark| mark.get_str("status").ok()).map(str::to_owned);
        let before = Before { row: row.fields, marked };
        let next = (action.next)(&before).map_err(conflict)?;
        let write = write(&self.mongo.mapping, action.of, &document, &next).map_err(conflict)?;

        // Write only if the field still has the value that the decision was based on.
        let theirs: MongoCollection<Document> = self.mongo.operator.collection(action.of.name());
        let id = document.get("_id").cloned().unwrap_or_default();
        let mut same = doc! {"_id": &id};
        same.extend(write.was);
        if theirs.update_one(same, write.set).session(&mut *session).await?.matched_count != 1 {
            return Err(conflict("The document has changed meanwhile: look again.".to_owned()));
        }
        // Read the document back: its status must be what was meant, and every other field must read as before.
        let (after, _) = self.find(action.of, &request.id, session).await?;
        let mut meant = before.row.clone();
        let was = meant.insert("status".to_owned(), next.clone().into());
        if after.fields != meant {
            return Err(conflict("The document would be read otherwise than meant, so nothing is written.".to_owned()));
        }

        let done = Done {
            id: request.id.clone(),
            status: next,
            status_before: was.as_ref().and_then(|was| was.as_str()).unwrap_or_default().to_owned(),
        };
        let (key, now) = (mark_id(action.of, &request.id), DateTime::now());
        match action.mark {
            Some(Mark::Set) => {
                let mark = doc! {
                    "_id": &key, "reason": &request.reason, "status": &done.status_before, "by": &admin.email, "at": now,
                };
                self.marks().replace_one(doc! {"_id": &key}, mark).upsert(true).session(&mut *session).await?;
            }
            Some(Mark::Take) => {
                self.marks().delete_one(doc! {"_id": &key}).session(&mut *session).await?;
            }
            None => {}
        }
        if let Some(key) = &request.key {
            let mut answer = bson::serialize_to_document(&done)?;
            answer
                .extend(doc! {"_id": key_id(admin, key), "action": action.name, "reason": &request.reason, "at": now});
            self.keys().insert_one(answer).session(&mut *session).await?;
        }
        let before = doc! {"status": &done.status_before};
        let after = doc! {"id": &done.id, "status": &done.status, "reason": &request.reason};
        Ok((done, Entry::by(by, action.entry).before(before).after(after)))
    }

    /// The answer that an earlier request with this key got.
    async fn answered(
        &self,
        action: &Action,
        request: &Request,
        admin: &CurrentAdmin,
    ) -> Result<Option<Result<Done, Refused>>, Unavailable> {
        let Some(key) = &request.key else { return Ok(None) };
        let Some(answer) = self.keys().find_one(doc! {"_id": key_id(admin, key)}).await? else { return Ok(None) };
        let is_same = answer.get_str("action").is_ok_and(|name| name == action.name)
            && answer.get_str("id").is_ok_and(|id| id == request.id)
            && answer.get_str("reason").is_ok_and(|reason| reason == request.reason);
        if !is_same {
            return Ok(Some(Err(Refused::OtherRequest)));
        }
        Ok(Some(Ok(bson::deserialize_from_document(answer).map_err(Error::from)?)))
    }

    /// The one document with this public id, as pages read it and as it is stored.
    async fn find(
        &self,
        of: Collection,
        id: &str,
        session: &mut ClientSession,
    ) -> mongodb::error::Result<(Row, Document)> {
        let Some(part) = own_id(of) else { return Err(Error::custom(Refused::NoSuchDocument)) };
        let (selection, sight) = (Selection::default().with(part, Criterion::one_of([id])), EvalContext::default());
        let theirs: MongoCollection<RawDocumentBuf> = self.mongo.operator.collection(of.name());
        let asked = query(&self.mongo.mapping, of, &selection, &sight).all;
        let mut cursor = theirs
            .find(asked)
            .projection(snapshot::projection(&self.mongo, of))
            .max_time(FIND_WITHIN)
            .session(&mut *session)
            .await?;
        let mut found = None;
        while cursor.advance(&mut *session).await? {
            let row = snapshot::row(&self.mongo, of, cursor.current())?;
            if !selection.matches(of, &row.fields, &sight) {
                continue;
            }
            if found.is_some() {
                return Err(conflict("Several documents have this number, so none is written.".to_owned()));
            }
            found = Some((row, Document::try_from(cursor.current())?));
        }
        found.ok_or_else(|| Error::custom(Refused::NoSuchDocument))
    }

    fn marks(&self) -> MongoCollection<Document> {
        self.mongo.own.collection(MARKS)
    }

    fn keys(&self) -> MongoCollection<Document> {
        self.mongo.own.collection(KEYS)
    }
}

/// The filter field that selects a collection's documents by their own id.
const fn own_id(of: Collection) -> Option<FilterField> {
    match of {
        Collection::Clients => Some(FilterField::Client),
        Collection::Stations => Some(FilterField::Station),
        Collection::Payments | Collection::ChargingSessions | Collection::EcoStats => None,
    }
}

fn mark_id(of: Collection, id: &str) -> Document {
    doc! {"collection": of.name(), "id": id}
}

fn key_id(admin: &CurrentAdmin, key: &str) -> Document {
    doc! {"user": admin.user.to_string(), "key": key}
}

fn conflict(why: String) -> Error {
    Error::custom(Refused::Conflict(why))
}
