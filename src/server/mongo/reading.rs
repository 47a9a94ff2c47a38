//! Several queries on the primary at one cluster time, a document at a time.

use std::time::Duration;

use bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::{ClientSession, SessionCursor, error::Result};

use super::{
    Mongo, documents,
    selection::alike,
    snapshot::{primary, snapshot_time},
};
use crate::domain::{
    collections::Collection,
    fields::Fields,
    protocol::position::ClusterTime,
    time::{Period, UtcMs},
};

/// Documents fetched at a time. They are gone through without a break, on a thread that other work shares.
const BATCH: u32 = 500;
/// How long MongoDB may take for one query. A request does not wait that long. Reading goes on without it, and a later
/// request finds the result. MongoDB rarely keeps the history of documents for longer.
const WITHIN: Duration = Duration::from_mins(10);

/// Reads documents at one time, which is that of the first query.
pub struct Reading<'a> {
    mongo: &'a Mongo,
    session: ClientSession,
    /// The time before anything was read. MongoDB gives no other time for collections that do not exist.
    before: ClusterTime,
}

/// The documents that a query found.
pub struct FoundDocuments {
    collection: Collection,
    cursor: SessionCursor<RawDocumentBuf>,
}

impl<'a> Reading<'a> {
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn begin(mongo: &'a Mongo) -> Result<Self> {
        let before = mongo.operation_time().await?;
        Ok(Self { mongo, session: mongo.client.start_session().snapshot(true).await?, before })
    }

    pub const fn mongo(&self) -> &'a Mongo {
        self.mongo
    }

    /// Finds documents, of which only the fields `wanted` are read.
    ///
    /// # Errors
    /// If MongoDB does not answer, cannot read at one time just now (246, 239; begin anew then), or takes too long.
    pub async fn find(
        &mut self,
        collection: Collection,
        filter: Document,
        wanted: impl Iterator<Item = &'static str>,
    ) -> Result<FoundDocuments> {
        let mapping = &self.mongo.mapping;
        let paths = match mapping.of(collection) {
            None => wanted.map(str::to_owned).collect(),
            // One of our fields may be made of several of the operator's.
            Some(_) => mapping.paths(&[collection]),
        };
        let projection: Document = paths.into_iter().map(|path| (path, Bson::Int32(1))).collect();
        let cursor = self
            .mongo
            .operator
            .collection::<RawDocumentBuf>(collection.name())
            .find(filter)
            .projection(projection)
            .batch_size(BATCH)
            .max_time(WITHIN)
            .selection_criteria(primary())
            .session(&mut self.session)
            .await?;
        Ok(FoundDocuments { collection, cursor })
    }

    /// The next document.
    ///
    /// # Errors
    /// As [`Reading::find`].
    pub async fn next(&mut self, found: &mut FoundDocuments) -> Result<Option<Fields>> {
        let more = found.cursor.advance(&mut self.session).await?;
        Ok(more.then(|| documents::fields(&self.mongo.mapping, found.collection, found.cursor.current())))
    }

    /// The time that everything was read at.
    pub fn ct(&self) -> ClusterTime {
        snapshot_time(&self.session).unwrap_or(self.before)
    }
}

/// Selects at least the documents whose date may be in the period. A text may read as a date, and so may any value in
/// an operator's own unit.
pub fn maybe_within(mongo: &Mongo, collection: Collection, field: &str, period: Period) -> Document {
    if mongo.mapping.of(collection).is_some_and(|translation| translation.measures(field)) {
        return Document::new();
    }
    let path = mongo.mapping.path(collection, field);
    let date = |at: UtcMs| bson::DateTime::from_millis(at.0);
    doc! {"$or": [
        {path: {"$gte": date(period.from), "$lt": date(period.to)}},
        {path: {"$type": "string"}},
    ]}
}

/// Selects what has one of these public ids, which documents may hold as numbers, ObjectIds or UUIDs.
pub fn among(mongo: &Mongo, collection: Collection, field: &str, ids: &[&str]) -> Document {
    let ids: Vec<Bson> = ids.iter().flat_map(|id| alike(id)).collect();
    doc! {mongo.mapping.path(collection, field): {"$in": ids}}
}
