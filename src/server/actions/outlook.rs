//! What an admin sees of an action before it is done: the document, the status that would follow, and what prevents it. So
//! nobody fills in a form, or gives the password, in vain.

use bson::{Document, RawDocumentBuf, doc};

use super::{
    action::{Action, ActionMark, Before},
    attempt::ActionRefused,
    perform::{Actions, KEYS, MARKS, mark_id},
    write::{Write, write},
};
use crate::{
    domain::{fields::Fields, protocol::snapshot::Row},
    server::{
        auth::{CurrentAdmin, Unavailable},
        mongo::{UNAUTHORIZED, error_code, privileges, snapshot},
    },
};

const AMBIGUOUS: &str =
    "Your field mapping is ambiguous here, so this change would not be read back as it is meant. Nothing was written.";

/// A document before an action.
pub struct Outlook {
    pub row: Fields,
    /// The mark that the action takes back. It is ignored if another system has changed the status since.
    pub mark: Option<Document>,
    /// The status that would follow.
    pub next: Option<String>,
    /// What prevents the action.
    pub refused: Option<ActionRefused>,
}

/// A change that is decided on, but not written yet.
pub struct PlannedWrite {
    pub next: String,
    pub write: Write,
}

impl PlannedWrite {
    /// Checks that a row differs from the one before in the status alone.
    ///
    /// # Errors
    /// A sentence that says that it does not.
    pub fn check(&self, before: &Row, after: &Row) -> Result<(), String> {
        let mut meant = before.fields.clone();
        meant.insert(self.write.field.to_owned(), self.next.clone().into());
        if after.fields == meant { Ok(()) } else { Err(AMBIGUOUS.to_owned()) }
    }
}

impl Actions {
    /// Returns what prevents this action on any document, such as a missing right; `None` if nothing does.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn hindrance(&self, action: &Action, admin: &CurrentAdmin) -> Result<Option<ActionRefused>, Unavailable> {
        if self.read_only {
            return Ok(Some(ActionRefused::ReadOnly));
        }
        if !admin.role.grants(action.right) {
            return Ok(Some(ActionRefused::NoRight));
        }
        let Some(may) = privileges::of(&self.mongo).await? else { return Ok(None) };
        if !may.allow(self.mongo.operator.name(), Some(action.of.name()), "update") {
            return Ok(Some(self.may_not_write(action)));
        }
        let own = self.mongo.own.name();
        let lacks = [MARKS, KEYS]
            .into_iter()
            .find(|of| !may.missing(own, Some(of), &["find", "insert", "update", "remove"]).is_empty());
        Ok(lacks.map(|of| ActionRefused::MayNotWrite(format!("{own}.{of}"))))
    }

    pub(super) fn may_not_write(&self, action: &Action) -> ActionRefused {
        ActionRefused::MayNotWrite(format!("{}.{}", self.mongo.operator.name(), action.of))
    }

    /// Looks at a document, and refuses where there is none to look at.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn outlook(
        &self,
        action: &Action,
        admin: &CurrentAdmin,
        id: &str,
    ) -> Result<Result<Outlook, ActionRefused>, Unavailable> {
        let mut session = self.mongo.client.start_session().await?;
        let (row, document) = match self.find(action.of, id, &mut session).await {
            Ok(found) => found,
            Err(error) => {
                return error.get_custom::<ActionRefused>().cloned().map(Err).ok_or_else(|| error.clone().into());
            }
        };
        // Without the right to read marks the action is impossible, and the page says so. It needs no mark then.
        let mark = match self.marks().find_one(doc! {"_id": mark_id(action.of, id)}).await {
            Err(error) if error_code(&error) == Some(UNAUTHORIZED) => None,
            mark => mark?,
        };
        let plan = self.plan(action, &row, &document, mark.as_ref());
        let read_back = match &plan {
            Ok(plan) => {
                let after =
                    RawDocumentBuf::try_from(&plan.write.applied(document)).map_err(mongodb::error::Error::from)?;
                plan.check(&row, &snapshot::row(&self.mongo, action.of, &after)?)
            }
            Err(why) => Err(why.clone()),
        };
        let refused = self.hindrance(action, admin).await?.or_else(|| read_back.err().map(ActionRefused::Conflict));
        let next = plan.ok().map(|plan| plan.next);
        let mark = mark.filter(|_| action.mark == Some(ActionMark::Take) && next.is_some());
        Ok(Ok(Outlook { row: row.fields, mark, next, refused }))
    }

    /// Decides what to write, or says why nothing.
    pub(super) fn plan(
        &self,
        action: &Action,
        row: &Row,
        document: &Document,
        mark: Option<&Document>,
    ) -> Result<PlannedWrite, String> {
        let text = |name: &str| mark.and_then(|mark| mark.get_str(name).ok()).map(str::to_owned);
        let before = Before { row: row.fields.clone(), marked: text("status") };
        let next = (action.next)(&before)?;
        // Restores the operator's own word, even one that the settings do not name.
        let restores = action.mark == Some(ActionMark::Take) && before.marked.as_ref() == Some(&next);
        let word = text("word").filter(|_| restores);
        let write = write(&self.mongo.mapping, action.of, document, &next, word)?;
        Ok(PlannedWrite { next, write })
    }
}
