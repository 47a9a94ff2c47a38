//! Reads on the primary: a list's rows, and all documents folded into cells, each at one cluster time; and single rows.

use std::time::{Duration, Instant};

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use mongodb::{
    ClientSession,
    error::{Error, Result},
    options::{ReadConcern, ReadPreference, SelectionCriteria},
};

use super::{
    Mongo, READ_WITHIN,
    documents::{self, ListLimit},
    selection::query,
};
use crate::domain::{
    cells::{Cells, contributions},
    collections::{Collection, Order},
    fields::Fields,
    protocol::{position::ClusterTime, snapshot::Row},
    selection::{EvalContext, Selection},
};

/// The first rows of a list as they were at `ct`. What does not fit within [`ListLimit`] is cut.
pub struct Rows {
    pub ct: ClusterTime,
    pub rows: Vec<Row>,
    /// Whether no more match.
    pub complete: bool,
    /// How many match; `None` if the selection is everything.
    pub total: Option<usize>,
    /// Rows that match only at other times, if the selection follows the clock and all such rows are here. `None` if
    /// something was cut, because a cut row cannot be judged again.
    pub others: Option<Vec<Row>>,
}

/// Reads the first rows of `collection`'s list that match.
///
/// # Errors
/// If MongoDB does not answer, or cannot read at one time just now (246, 239). Try again then.
pub async fn rows(mongo: &Mongo, collection: Collection, selection: &Selection, at: &EvalContext) -> Result<Rows> {
    let query = query(&mongo.mapping, collection, selection, at);
    // This holds for all queries of the list together.
    #[expect(clippy::arithmetic_side_effects, reason = "its own clock")]
    let until = Instant::now() + READ_WITHIN;
    // MongoDB gives no read time for a collection that does not exist.
    let before = mongo.operation_time().await?;
    let mut session = mongo.client.start_session().snapshot(true).await?;
    let direction = match collection.order() {
        Order::Ascending(_) => 1,
        Order::Newest(_) => -1,
    };
    let fetched = collection.fetched();
    let (mut rows, mut others, mut exhausted) = (Vec::new(), Vec::new(), false);
    // Some documents that the query finds may not match, and then more are read. A limit spares MongoDB from sorting
    // all of them.
    let mut limit = fetched.saturating_add(1);
    let mut whole = true;
    while !exhausted && rows.len() <= fetched {
        rows.clear();
        others.clear();
        whole = true;
        let mut room = ListLimit::default();
        let mut cursor = mongo
            .operator
            .collection::<RawDocumentBuf>(collection.name())
            .find(query.all.clone())
            .projection(projection(mongo, collection))
            .sort(doc! {mongo.mapping.path(collection, collection.order().field()): direction, "_id": direction})
            .limit(i64::try_from(limit).map_err(Error::custom)?)
            .max_time(left(until))
            .selection_criteria(primary())
            .session(&mut session)
            .await?;
        let mut read = 0_usize;
        while rows.len() <= fetched && cursor.advance(&mut session).await? {
            read = read.saturating_add(1);
            let mut row = row(mongo, collection, cursor.current())?;
            // Rows are judged before they are cut.
            let list = if selection.matches(collection, &row.fields, at) {
                &mut rows
            } else if others.len() <= fetched && selection.may_match(collection, &row.fields, at) {
                &mut others
            } else {
                continue;
            };
            whole &= room.take(&mut row.fields);
            list.push(row);
        }
        exhausted = read < limit && rows.len() <= fetched;
        limit = limit.saturating_mul(4);
    }
    let total = match selection {
        everything if everything.is_everything() => None,
        _ if exhausted => Some(rows.len()),
        some => Some(count(mongo, &mut session, collection, some, at, until).await?),
    };
    let others =
        (selection.follows_clock() && whole && exhausted && rows.len().saturating_add(others.len()) <= fetched)
            .then_some(others);
    rows.truncate(fetched);
    Ok(Rows { ct: snapshot_time(&session).unwrap_or(before), rows, complete: exhausted, total, others })
}

/// What is left until then. At least a millisecond, because MongoDB takes zero for no limit.
fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

/// How many documents match at the session's time.
async fn count(
    mongo: &Mongo,
    session: &mut ClientSession,
    collection: Collection,
    selection: &Selection,
    at: &EvalContext,
    until: Instant,
) -> Result<usize> {
    let query = query(&mongo.mapping, collection, selection, at);
    let mut total = 0_usize;
    if let Some(sure) = query.sure {
        let of = mongo.operator.collection::<Document>(collection.name());
        let counted = of.count_documents(sure).max_time(left(until)).selection_criteria(primary());
        let counted = counted.session(&mut *session).await?;
        total = usize::try_from(counted).map_err(Error::custom)?;
    }
    if let Some(odd) = query.odd {
        let mut cursor = mongo
            .operator
            .collection::<RawDocumentBuf>(collection.name())
            .find(odd)
            .projection(projection(mongo, collection))
            .batch_size(5000)
            .max_time(left(until))
            .selection_criteria(primary())
            .session(&mut *session)
            .await?;
        while cursor.advance(&mut *session).await? {
            let fields = documents::fields(&mongo.mapping, collection, cursor.current());
            total = total.saturating_add(usize::from(selection.matches(collection, &fields, at)));
        }
    }
    Ok(total)
}

/// Folds every document of all collections, and shows each to `see`. No request waits for that, and it takes as long as
/// there are documents, so it has no time limit.
///
/// # Errors
/// As [`rows`].
pub async fn cells(
    mongo: &Mongo,
    mut see: impl FnMut(Collection, &RawDocument, &Fields),
) -> Result<(ClusterTime, Cells)> {
    // MongoDB gives no read time if there is no collection at all.
    let before = mongo.operation_time().await?;
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
            let fields = documents::fields(&mongo.mapping, collection, cursor.current());
            cells.merge(&contributions(collection, &fields));
            see(collection, cursor.current(), &fields);
        }
    }
    Ok((snapshot_time(&session).unwrap_or(before), cells))
}

/// Gives `take` the rows with these `_id`s that exist now, by a majority read not before the session's time, until it
/// returns false. Returns whether it took all. No request waits for them, but the change stream does, which cannot go
/// on without them. So there is no time limit.
///
/// # Errors
/// If MongoDB does not answer, or fails at a document.
pub async fn current(
    mongo: &Mongo,
    collection: Collection,
    ids: Vec<Bson>,
    session: &mut ClientSession,
    mut take: impl FnMut(Row) -> bool,
) -> Result<bool> {
    let mut cursor = mongo
        .operator
        .collection::<RawDocumentBuf>(collection.name())
        .find(doc! {"_id": {"$in": ids}})
        .projection(projection(mongo, collection))
        .read_concern(ReadConcern::majority())
        .selection_criteria(primary())
        .session(&mut *session)
        .await?;
    while cursor.advance(session).await? {
        if !take(row(mongo, collection, cursor.current())?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The document as a row.
///
/// # Errors
/// If it has no `_id`, which every stored document has.
pub fn row(mongo: &Mongo, collection: Collection, document: &RawDocument) -> Result<Row> {
    let id = documents::id(document).ok_or_else(|| Error::custom("a document without _id"))?.text;
    let fields: Fields = documents::fields(&mongo.mapping, collection, document);
    Ok(Row { id, fields })
}

/// The fields that are read of a collection's documents.
pub fn projection(mongo: &Mongo, collection: Collection) -> Document {
    mongo.mapping.paths(&[collection]).into_iter().map(|path| (path, Bson::Int32(1))).collect()
}

pub(super) fn primary() -> SelectionCriteria {
    SelectionCriteria::ReadPreference(ReadPreference::Primary)
}

/// The time at which the session reads; `None` until it has read from a collection that exists.
pub(super) fn snapshot_time(session: &ClientSession) -> Option<ClusterTime> {
    session.snapshot_time().map(|time| ClusterTime::new(time.time, time.increment))
}
