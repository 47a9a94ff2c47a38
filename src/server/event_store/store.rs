//! Reading and writing events.

use std::{cmp::Ordering, time::Duration};

use bson::{Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::{
    Collection, Database, IndexModel,
    error::{Error, ErrorKind, Result},
    options::{IndexOptions, InsertManyOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};

use super::document;
use crate::server::mongo::{READ_WITHIN, error_code};
use crate::{
    domain::{
        board::Filter,
        latest::{FeedEntry, PAGE},
        protocol::{
            log::Entry,
            position::{ClusterTime, Position, Seq},
        },
        time::UtcMs,
    },
    server::redis::log::Log,
};

const DUPLICATE_KEY: i32 = 11_000;
const INDEX_OPTIONS_CONFLICT: i32 = 85;
/// How long MongoDB may take to say which event is the newest. Without a limit it would wait for a majority for ever.
const NEWEST_WITHIN: Duration = Duration::from_secs(5);

/// The `events` collection.
#[derive(Clone, Debug)]
pub struct Events(pub(super) Collection<Document>);

/// Events for people, newest first.
pub struct StoredEvents {
    pub events: Vec<(Position, FeedEntry)>,
    /// Whether there are older ones.
    pub more: bool,
}

impl Events {
    pub fn of(own: &Database) -> Self {
        Self(own.collection("events"))
    }

    /// The indexes. The last lets MongoDB remove events older than `keep`.
    pub fn indexes(keep: Duration) -> [IndexModel; 6] {
        let index = |keys| IndexModel::builder().keys(keys).build();
        let with = |keys, options| IndexModel::builder().keys(keys).options(options).build();
        let partial = |filter| IndexOptions::builder().partial_filter_expression(filter).build();
        [
            index(doc! {"collection": 1, "id": 1, "_id": -1}),
            with(doc! {"news.collection": 1, "_id": -1}, partial(doc! {"news": {"$exists": true}})),
            with(doc! {"problem": 1, "_id": -1}, partial(doc! {"problem": true})),
            with(doc! {"op": 1, "_id": -1}, partial(doc! {"op": document::GAP})),
            index(doc! {"version": 1}),
            with(doc! {"at": 1}, IndexOptions::builder().expire_after(keep).build()),
        ]
    }

    /// Makes the indexes. A changed `keep` applies to existing events, too.
    ///
    /// # Errors
    /// If MongoDB does not answer, or refuses.
    pub async fn prepare(&self, keep: Duration) -> Result<()> {
        let [found @ .., ends] = Self::indexes(keep);
        self.0.create_indexes(found).await?;
        match self.0.create_index(ends).await {
            Err(error) if error_code(&error) == Some(INDEX_OPTIONS_CONFLICT) => {
                let seconds = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
                let index = doc! {"keyPattern": {"at": 1}, "expireAfterSeconds": seconds};
                self.0
                    .client()
                    .database(&self.0.namespace().db)
                    .run_command(doc! {"collMod": self.0.name(), "index": index})
                    .await?;
                Ok(())
            }
            other => other.map(drop),
        }
    }

    /// The position up to which all changes are written, and the cluster time of the last; `None` while there are
    /// none. It may be a little earlier than a former answer, because a primary that was just elected does not know yet
    /// all that a majority has.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn written(&self) -> Result<Option<(Position, Option<ClusterTime>)>> {
        self.newest(doc! {}, ReadConcern::majority()).await
    }

    /// The newest event that is not after `noted`, an event that was written: `noted` itself, unless it was removed
    /// for its age or the database was set back. As [`written`](Self::written), it may be a little earlier.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn upto(&self, noted: Position) -> Result<Option<Position>> {
        self.newest_upto(noted, ReadConcern::majority()).await
    }

    /// As [`upto`](Self::upto), but never earlier than a former answer, because a majority confirms that it is the
    /// primary's. Reading after a cluster time would need the time at which the event was written, and an event holds
    /// only that of its change.
    ///
    /// # Errors
    /// If MongoDB does not answer, or a majority does not.
    pub async fn surely_upto(&self, noted: Position) -> Result<Option<Position>> {
        self.newest_upto(noted, ReadConcern::linearizable()).await
    }

    async fn newest_upto(&self, noted: Position, concern: ReadConcern) -> Result<Option<Position>> {
        let newest = self.newest(doc! {"_id": {"$lte": document::id(noted)}}, concern).await?;
        Ok(newest.map(|(position, _)| position))
    }

    async fn newest(&self, of: Document, concern: ReadConcern) -> Result<Option<(Position, Option<ClusterTime>)>> {
        let last = self.0.find_one(of).sort(doc! {"_id": -1}).projection(doc! {"ct": 1}).read_concern(concern);
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        let last = last.selection_criteria(primary).max_time(NEWEST_WITHIN).await?;
        Ok(last.and_then(|event| Some((document::position(&event)?, document::ct(&event)))))
    }

    /// The position up to which all changes are written, for a caller that asks what was before `place`. If `place`
    /// begins an epoch, that is the beginning of the epoch, unless changes of earlier epochs, or a gap, are yet to be
    /// written. There is no gap before the first event. Also returns the cluster time of the last event, or zero if
    /// it has none.
    ///
    /// # Errors
    /// If MongoDB or Redis does not answer.
    pub async fn written_before(&self, place: Option<Position>, log: &Log) -> anyhow::Result<(Position, ClusterTime)> {
        let (written, ct) = self.written().await?.unzip();
        let ct = ct.flatten().unwrap_or_default();
        let begins = place.filter(|place| place.seq <= Seq(1) && written.is_none_or(|last| last.epoch < place.epoch));
        if let Some(Position { epoch, .. }) = begins {
            let tells_gap = |entry: &Entry| entry.gap && written.is_some();
            let is_to_be_written = |entry: &Entry| match entry.epoch.cmp(&epoch) {
                Ordering::Less => tells_gap(entry) || !entry.records.is_empty(),
                Ordering::Equal => tells_gap(entry),
                Ordering::Greater => false,
            };
            if !log.after(written).await?.entries.iter().any(is_to_be_written) {
                return Ok((Position::new(epoch, Seq(0)), ct));
            }
        }
        Ok((written.unwrap_or_default(), ct))
    }

    /// Writes events; those that are there already stay as they are.
    ///
    /// # Errors
    /// If MongoDB does not answer, or refuses.
    pub async fn insert(&self, events: Vec<Document>) -> Result<()> {
        let events: Vec<RawDocumentBuf> =
            events.into_iter().map(document::fitting).collect::<bson::error::Result<_>>().map_err(Error::custom)?;
        let options = InsertManyOptions::builder().ordered(false).write_concern(WriteConcern::majority()).build();
        match self.0.clone_with_type::<RawDocumentBuf>().insert_many(events).with_options(options).await {
            Err(error) if only_duplicates(&error) => Ok(()),
            other => other.map(drop),
        }
    }

    /// The newest events before a position that are news, at most [`PAGE`], and the gaps among them.
    ///
    /// # Errors
    /// If MongoDB does not answer, or takes too long.
    pub async fn page(&self, filter: Filter, before: Option<Position>) -> Result<StoredEvents> {
        let mut query = match filter {
            Filter::All => doc! {"news": {"$exists": true}},
            Filter::Of(collection) => doc! {"news.collection": collection.name()},
            Filter::Problems => doc! {"problem": true},
        };
        if filter != Filter::Problems {
            query.insert("news", doc! {"$exists": true});
        }
        if let Some(before) = before {
            query.insert("_id", doc! {"$lt": document::id(before)});
        }
        let limit = i64::try_from(PAGE.saturating_add(1)).unwrap_or(i64::MAX);
        let cursor = self
            .0
            .find(query)
            .sort(doc! {"_id": -1})
            .limit(limit)
            .projection(doc! {"news": 1})
            .max_time(READ_WITHIN)
            .await?;
        let found: Vec<Document> = cursor.try_collect().await?;
        let more = found.len() > PAGE;
        let mut events: Vec<(Position, FeedEntry)> = found
            .iter()
            .take(PAGE)
            .filter_map(|event| Some((document::position(event)?, FeedEntry::Event(document::activity(event)?))))
            .collect();
        let oldest = events.last().filter(|_| more).map(|(position, _)| *position);
        events.extend(self.gaps(oldest, before).await?);
        events.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
        Ok(StoredEvents { events, more })
    }

    /// The newest gaps between two positions, at most [`PAGE`].
    async fn gaps(&self, after: Option<Position>, before: Option<Position>) -> Result<Vec<(Position, FeedEntry)>> {
        let bound = |op: &str, position: Option<Position>| Some((op.to_owned(), document::id(position?)));
        let between: Document = bound("$gt", after).into_iter().chain(bound("$lt", before)).collect();
        let mut query = doc! {"op": document::GAP};
        if !between.is_empty() {
            query.insert("_id", between);
        }
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let found: Vec<Document> = self
            .0
            .find(query)
            .sort(doc! {"_id": -1})
            .limit(limit)
            .projection(doc! {"at": 1})
            .max_time(READ_WITHIN)
            .await?
            .try_collect()
            .await?;
        let line = |gap: &Document| {
            let at = UtcMs(gap.get_datetime("at").ok()?.timestamp_millis());
            Some((document::position(gap)?, FeedEntry::Gap { gap: at }))
        };
        Ok(found.iter().filter_map(line).collect())
    }
}

fn only_duplicates(error: &Error) -> bool {
    let ErrorKind::InsertMany(failed) = &*error.kind else { return false };
    failed.write_concern_error.is_none()
        && failed.write_errors.as_ref().is_some_and(|errors| errors.iter().all(|e| e.code == DUPLICATE_KEY))
}
