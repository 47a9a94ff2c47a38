//! Reads on the primary: a list's rows, and all documents folded into cells, each at one cluster time; and single rows.

use std::collections::HashMap;

use bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::{
    ClientSession,
    error::{Error, Result},
    options::{ReadConcern, ReadPreference, SelectionCriteria},
};

use super::{Mongo, documents};
use crate::model::{
    cells::{Cells, contributions},
    fields::Fields,
    ids::{Collection, DocId},
    position::ClusterTime,
    snapshot::Row,
};

/// The first rows of a list as they were at `ct`.
pub struct Rows {
    pub ct: ClusterTime,
    pub rows: Vec<Row>,
    /// Whether the collection has no more.
    pub complete: bool,
}

/// Reads the first rows of `collection`'s list.
///
/// # Errors
/// If MongoDB does not answer, or cannot read at one time just now (246, 239): try again.
pub async fn rows(mongo: &Mongo, collection: Collection) -> Result<Rows> {
    let mut session = mongo.client.start_session().snapshot(true).await?;
    let direction = if collection == Collection::Stations { 1 } else { -1 };
    let fetched = collection.fetched();
    let limit = i64::try_from(fetched + 1).map_err(Error::custom)?;
    let mut cursor = mongo
        .operator
        .collection::<RawDocumentBuf>(collection.name())
        .find(doc! {})
        .projection(projection(mongo, collection))
        .sort(doc! {mongo.mapping.path(collection, collection.order_field()): direction, "_id": direction})
        .limit(limit)
        .selection_criteria(primary())
        .session(&mut session)
        .await?;
    let mut rows = Vec::with_capacity(fetched + 1);
    while cursor.advance(&mut session).await? {
        rows.push(row(mongo, collection, cursor.current())?);
    }
    let complete = rows.len() <= fetched;
    rows.truncate(fetched);
    Ok(Rows { ct: snapshot_time(&session)?, rows, complete })
}

/// Folds every document of the five collections.
///
/// # Errors
/// As [`rows`].
pub async fn cells(mongo: &Mongo) -> Result<(ClusterTime, Cells)> {
    let mut session = mongo.client.start_session().snapshot(true).await?;
    let mut cells = Cells::default();
    for collection in Collection::ALL {
        let mut cursor = mongo
            .operator
            .collection::<RawDocumentBuf>(collection.name())
            .find(doc! {})
            .projection(projection(mongo, collection))
            .batch_size(5000)
            .selection_criteria(primary())
            .session(&mut session)
            .await?;
        while cursor.advance(&mut session).await? {
            cells.merge(&contributions(collection, &documents::fields(&mongo.mapping, collection, cursor.current())));
        }
    }
    Ok((snapshot_time(&session)?, cells))
}

/// The rows with these `_id`s that exist now, by a majority read not before the session's time.
///
/// # Errors
/// If MongoDB does not answer.
pub async fn current(
    mongo: &Mongo,
    collection: Collection,
    ids: Vec<Bson>,
    session: &mut ClientSession,
) -> Result<HashMap<DocId, Fields>> {
    let mut cursor = mongo
        .operator
        .collection::<RawDocumentBuf>(collection.name())
        .find(doc! {"_id": {"$in": ids}})
        .projection(projection(mongo, collection))
        .read_concern(ReadConcern::majority())
        .selection_criteria(primary())
        .session(&mut *session)
        .await?;
    let mut rows = HashMap::new();
    while cursor.advance(session).await? {
        let Row { id, fields } = row(mongo, collection, cursor.current())?;
        rows.insert(id, fields);
    }
    Ok(rows)
}

/// The document as a row.
///
/// # Errors
/// If it has no `_id`, as no stored document.
pub fn row(mongo: &Mongo, collection: Collection, document: &bson::RawDocument) -> Result<Row> {
    let id: DocId =
        documents::doc_id(document.get("_id").ok().flatten().ok_or_else(|| Error::custom("a document without _id"))?);
    let fields: Fields = documents::fields(&mongo.mapping, collection, document);
    Ok(Row { id, fields })
}

fn projection(mongo: &Mongo, collection: Collection) -> Document {
    mongo.mapping.paths(&[collection]).into_iter().map(|path| (path, Bson::Int32(1))).collect()
}

fn primary() -> SelectionCriteria {
    SelectionCriteria::ReadPreference(ReadPreference::Primary)
}

fn snapshot_time(session: &ClientSession) -> Result<ClusterTime> {
    let time = session.snapshot_time().ok_or_else(|| Error::custom("MongoDB told no snapshot time"))?;
    Ok(ClusterTime::new(time.time, time.increment))
}
