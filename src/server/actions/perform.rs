//! Performs an action. The document's write, the mark with the reason, the idempotency record and the audit entry are
//! one transaction. Of two admins who act at once one commits; the other's transaction is retried and sees that.
//! The transaction decides again what the page has shown before.

use std::time::Duration;

use bson::{DateTime, Document, RawDocumentBuf, doc};
use futures_util::FutureExt;
use mongodb::{
    ClientSession, Collection as MongoCollection, IndexModel,
    error::{Error, ErrorKind, WriteFailure},
    options::IndexOptions,
};

use super::{
    action::ActionMark,
    attempt::{ActionRefused, Attempt, Done},
};
use crate::{
    domain::{
        collections::Collection,
        protocol::snapshot::Row,
        selection::{Criterion, EvalContext, FilterField, Selection},
    },
    server::{
        auth::{
            ConfirmedAdmin, CurrentAdmin, Unavailable,
            audit_log::{self, AuditEntry, AuditLog},
            users::is_duplicate,
        },
        mongo::{Mongo, UNAUTHORIZED, error_code, selection::query, snapshot},
    },
};

/// In our own database: reasons and earlier statuses, by collection and public id.
pub(super) const MARKS: &str = "marks";
/// Also in our own database: answers by idempotency key.
pub(super) const KEYS: &str = "action_keys";

/// How long a repeated key gets the first request's answer.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// The longest that MongoDB may look for the document.
const FIND_WITHIN: Duration = Duration::from_secs(5);

const VALIDATION: i32 = 121;

/// Performs actions. Clones share everything.
#[derive(Clone)]
pub struct Actions {
    pub(super) mongo: Mongo,
    audit: AuditLog,
    pub(super) read_only: bool,
}

impl Actions {
    pub fn new(mongo: Mongo, read_only: bool) -> Self {
        // Uses the documents' client, because a transaction needs one client.
        Self { audit: AuditLog::new(&mongo.own), mongo, read_only }
    }

    /// The index that lets MongoDB forget answers that nobody can ask for any more.
    pub fn index() -> IndexModel {
        IndexModel::builder().keys(doc! {"at": 1}).options(IndexOptions::builder().expire_after(KEPT).build()).build()
    }

    /// Makes the index.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn prepare(&self) -> mongodb::error::Result<()> {
        match self.keys().create_index(Self::index()).await {
            Err(error) if error_code(&error) == Some(UNAUTHORIZED) => {
                tracing::warn!(
                    "actions are not offered: the MongoDB user lacks rights that the role of docs/security.md has"
                );
                Ok(())
            }
            made => made.map(drop),
        }
    }

    /// Does it, or says why not. Both are in the audit log. `None` if it can be done, but the admin has to give the
    /// password first.
    ///
    /// # Errors
    /// MongoDB is away. If only the commit's answer was lost, the action may be done. A retry with the same key then gets
    /// the first request's answer.
    pub async fn perform(&self, attempt: &Attempt) -> Result<Option<Result<Done, ActionRefused>>, Unavailable> {
        let outcome = self.attempt(attempt).await?;
        if let Some(Err(refused)) = &outcome {
            let Attempt { action, request, admin, place } = attempt;
            let entry =
                AuditEntry::new(audit_log::Action::Document(action.line), admin, place).refused(refused.reason());
            self.audit.record(&entry.after(doc! {"id": &request.id})).await?;
        }
        Ok(outcome)
    }

    async fn attempt(&self, attempt: &Attempt) -> Result<Option<Result<Done, ActionRefused>>, Unavailable> {
        let Attempt { action, request, admin, .. } = attempt;
        if self.read_only {
            return Ok(Some(Err(ActionRefused::ReadOnly)));
        }
        if !admin.role.grants(action.right) {
            return Ok(Some(Err(ActionRefused::NoRight)));
        }
        if let Some(answer) = self.answered(attempt).await? {
            return Ok(Some(answer));
        }
        if let Some(confirmed) = ConfirmedAdmin::of(admin) {
            return self.write(attempt, confirmed).await.map(Some);
        }
        let outlook = self.outlook(action, admin, &request.id).await?;
        Ok(outlook.map_or_else(Some, |outlook| outlook.refused).map(Err))
    }

    async fn write(
        &self,
        attempt: &Attempt,
        admin: ConfirmedAdmin,
    ) -> Result<Result<Done, ActionRefused>, Unavailable> {
        let action = attempt.action;
        let all = (self.clone(), attempt.clone(), admin.clone());
        let done = self.audit.with_change(all, |session, (actions, attempt, admin)| {
            async move { actions.within(attempt, admin, session).await.map(Some) }.boxed()
        });
        let error = match done.await {
            Ok(Some(done)) => return Ok(Ok(done)),
            Ok(None) => return Ok(Err(ActionRefused::NoSuchDocument)),
            Err(Unavailable::Mongo(error)) => error,
            Err(error) => return Err(error),
        };
        if let Some(refused) = error.get_custom::<ActionRefused>() {
            // An earlier copy of this request may be the cause.
            return Ok(self.answered(attempt).await?.unwrap_or(Err(refused.clone())));
        }
        let refused_write = match &*error.kind {
            ErrorKind::Write(WriteFailure::WriteError(refused)) => Some(refused.code),
            _ => None,
        };
        match error_code(&error).or(refused_write) {
            Some(UNAUTHORIZED) => {
                Ok(Err(self.hindrance(action, &admin).await?.unwrap_or_else(|| self.may_not_write(action))))
            }
            Some(VALIDATION) => {
                Ok(Err(ActionRefused::Conflict("Your database refuses such a document (its validator).".to_owned())))
            }
            // The same request was done by another meanwhile.
            _ if is_duplicate(&error) => self.answered(attempt).await?.ok_or(Unavailable::Mongo(error)),
            _ => Err(error.into()),
        }
    }

    /// Within the transaction.
    async fn within(
        &self,
        attempt: &Attempt,
        admin: &ConfirmedAdmin,
        session: &mut ClientSession,
    ) -> mongodb::error::Result<(Done, AuditEntry)> {
        let Attempt { action, request, place, .. } = attempt;
        let (row, document) = self.find(action.of, &request.id, session).await?;
        let mark = self.marks().find_one(doc! {"_id": mark_id(action.of, &request.id)}).session(&mut *session).await?;
        let plan = self.plan(action, &row, &document, mark.as_ref()).map_err(conflict)?;

        // Writes only if the field still has the value that the decision was made by.
        let theirs: MongoCollection<Document> = self.mongo.operator.collection(action.of.name());
        let id = document.get("_id").cloned().unwrap_or_default();
        let mut same = doc! {"_id": &id};
        same.extend(plan.write.was());
        if theirs.update_one(same, plan.write.set()).session(&mut *session).await?.matched_count != 1 {
            return Err(conflict("The document has changed meanwhile: look again.".to_owned()));
        }
        // The row must now show the intended status, and no other field may have changed.
        let (after, _) = self.find(action.of, &request.id, session).await?;
        plan.check(&row, &after).map_err(conflict)?;

        let was = row.fields.get(plan.write.field).and_then(|was| was.as_str());
        let done =
            Done { id: request.id.clone(), status: plan.next, status_before: was.unwrap_or_default().to_owned() };
        let (key, now) = (mark_id(action.of, &request.id), DateTime::now());
        match action.mark {
            Some(ActionMark::Set) => {
                let mark = doc! {
                    "_id": &key, "reason": &request.reason, "status": &done.status_before, "word": &plan.write.word_before,
                    "by": &admin.email, "at": now,
                };
                self.marks().replace_one(doc! {"_id": &key}, mark).upsert(true).session(&mut *session).await?;
            }
            Some(ActionMark::Take) => {
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
        Ok((
            done,
            AuditEntry::new(audit_log::Action::Document(action.line), &**admin, place).before(before).after(after),
        ))
    }

    /// Returns the answer to an earlier request with this key.
    async fn answered(&self, attempt: &Attempt) -> Result<Option<Result<Done, ActionRefused>>, Unavailable> {
        let Attempt { action, request, admin, .. } = attempt;
        let Some(key) = &request.key else { return Ok(None) };
        let Some(answer) = self.keys().find_one(doc! {"_id": key_id(admin, key)}).await? else { return Ok(None) };
        let is_same = answer.get_str("action").is_ok_and(|name| name == action.name)
            && answer.get_str("id").is_ok_and(|id| id == request.id)
            && answer.get_str("reason").is_ok_and(|reason| reason == request.reason);
        if !is_same {
            return Ok(Some(Err(ActionRefused::OtherRequest)));
        }
        Ok(Some(Ok(bson::deserialize_from_document(answer).map_err(Error::from)?)))
    }

    /// The one document with this public id, as pages read it and as MongoDB holds it.
    pub(super) async fn find(
        &self,
        of: Collection,
        id: &str,
        session: &mut ClientSession,
    ) -> mongodb::error::Result<(Row, Document)> {
        let Some(part) = own_id(of) else { return Err(Error::custom(ActionRefused::NoSuchDocument)) };
        let (selection, context) = (Selection::default().with(part, Criterion::one_of([id])), EvalContext::default());
        let theirs: MongoCollection<RawDocumentBuf> = self.mongo.operator.collection(of.name());
        let asked = query(&self.mongo.mapping, of, &selection, &context).all;
        let mut cursor = theirs
            .find(asked)
            .projection(snapshot::projection(&self.mongo, of))
            .max_time(FIND_WITHIN)
            .session(&mut *session)
            .await?;
        let mut found = None;
        while cursor.advance(&mut *session).await? {
            let row = snapshot::row(&self.mongo, of, cursor.current())?;
            if !selection.matches(of, &row.fields, &context) {
                continue;
            }
            if found.is_some() {
                return Err(conflict("Several documents have this number, so none is written.".to_owned()));
            }
            found = Some((row, Document::try_from(cursor.current())?));
        }
        found.ok_or_else(|| Error::custom(ActionRefused::NoSuchDocument))
    }

    pub(super) fn marks(&self) -> MongoCollection<Document> {
        self.mongo.own.collection(MARKS)
    }

    fn keys(&self) -> MongoCollection<Document> {
        self.mongo.own.collection(KEYS)
    }
}

/// The filter on a collection's own public id.
fn own_id(of: Collection) -> Option<FilterField> {
    let id = of.public_id()?;
    FilterField::ALL.iter().copied().find(|part| part.field(of) == Some(id))
}

pub(super) fn mark_id(of: Collection, id: &str) -> Document {
    doc! {"collection": of.name(), "id": id}
}

fn key_id(admin: &CurrentAdmin, key: &str) -> Document {
    doc! {"user": admin.user.to_string(), "key": key}
}

fn conflict(why: String) -> Error {
    Error::custom(ActionRefused::Conflict(why))
}
