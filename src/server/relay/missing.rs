//! Changes that came without images, whose rows are read instead. Images are missing because MongoDB has them
//! switched off and we may not switch them on, because they expired, or because they are too large for an event.
//!
//! Such a row may be of a later time than its change. Until the log is past that time every other change of the
//! collection is read too, so that no row ever goes back.
//!
//! A batch is read for in pieces. So a question and what is found are never larger than may be in memory at once, and
//! a row at which MongoDB fails is known.

use std::collections::HashMap;

use bson::{RawDocumentBuf, Timestamp, doc};
use mongodb::{ClientSession, error::Result};

use crate::{
    domain::{
        collections::Collection,
        fields::Fields,
        ids::DocId,
        protocol::{log::Read, position::ClusterTime, snapshot::Row},
    },
    server::{
        hub::weight,
        mongo::{
            Mongo, snapshot,
            watch::{self, Event, EventKind, Images, StreamFailure},
        },
    },
};

/// Most events that are read for at once.
const EVENTS: usize = watch::BATCH as usize;
/// Bytes of the `_id`s that are asked for at once, because MongoDB takes no question of over 16 MB. It takes each alone,
/// as it fitted into its event.
const KEYS: usize = 8 << 20;
/// Approximate bytes of the rows that are read at once.
const ROWS: usize = 16 << 20;

/// Reads rows for events. There is one for each term, because its session's time only moves forward.
pub struct Missing {
    mongo: Mongo,
    session: Option<ClientSession>,
    read_at: HashMap<Collection, ClusterTime>,
    /// For how many events to read at once. It falls where that is too much, and rises again.
    most: usize,
}

/// The rows that are found for some events.
struct FoundRows<'a> {
    /// How many of the events get each row.
    events: HashMap<&'a DocId, usize>,
    /// Approximate bytes for which there is still room.
    room: &'a mut usize,
    rows: HashMap<DocId, Fields>,
}

impl FoundRows<'_> {
    /// Takes a row, unless there is no room to give it to all its events.
    fn take(&mut self, Row { id, fields }: Row) -> bool {
        let bytes = weight::row(&fields) * self.events.get(&id).copied().unwrap_or(1);
        let left = self.room.checked_sub(bytes);
        if let Some(left) = left {
            *self.room = left;
            self.rows.insert(id, fields);
        }
        left.is_some()
    }
}

impl Missing {
    pub fn new(mongo: Mongo) -> Self {
        Self { mongo, session: None, read_at: HashMap::new(), most: EVENTS }
    }

    /// Reads the rows that a batch's images do not give, for as many of its first events as may be read for at once.
    /// Returns how many are complete: at least one, and all where nothing is missing. Takes one query per collection.
    ///
    /// # Errors
    /// If MongoDB does not answer, or fails at the first event's row.
    pub async fn complete(&mut self, events: &mut [Event]) -> Result<usize> {
        if !events.iter().any(|event| self.wanted(event).is_some()) {
            return Ok(events.len());
        }
        loop {
            let count = piece(events, self.most);
            match self.read(&mut events[..count]).await {
                Ok(true) => {
                    self.most = (self.most * 2).min(EVENTS);
                    return Ok(count);
                }
                Err(error) if count == 1 || !StreamFailure::of(&error).is_of_data() => return Err(error),
                Ok(false) | Err(_) => self.most = count / 2,
            }
        }
    }

    /// Asks an event's collection for no row.
    ///
    /// # Errors
    /// If MongoDB fails at that as well.
    pub async fn try_none(&mut self, event: &Event) -> Result<()> {
        match self.wanted(event) {
            Some(collection) => self.rows(collection, &[], &mut 0).await.map(drop),
            None => Ok(()),
        }
    }

    /// The collection of which rows must be read for an event; `None` if its images are enough.
    fn wanted(&self, event: &Event) -> Option<Collection> {
        let EventKind::Row { collection, images, key: Some(_), .. } = &event.kind else { return None };
        let is_wanted = *images == Images::Missing || Some(event.ct) <= self.read_at.get(collection).copied();
        is_wanted.then_some(*collection)
    }

    /// Reads the rows of all these events. If they do not fit, it returns false and adds no row.
    async fn read(&mut self, events: &mut [Event]) -> Result<bool> {
        // One row is taken however large it is.
        let mut room = if events.len() == 1 { usize::MAX } else { ROWS };
        let mut found = HashMap::new();
        for collection in Collection::ALL {
            if events.iter().any(|event| self.wanted(event) == Some(collection)) {
                let Some(rows) = self.rows(collection, events, &mut room).await? else { return Ok(false) };
                found.insert(collection, rows);
            }
        }
        for event in events {
            if let EventKind::Row { collection, id, key: Some(_), read, .. } = &mut event.kind
                && let Some(rows) = found.get(collection)
            {
                *read = Some(rows.get(id).cloned().map_or(Read::Gone, Read::Row));
            }
        }
        Ok(true)
    }

    /// The rows of these events' documents in a collection; `None` if there is no room for them.
    async fn rows(
        &mut self,
        collection: Collection,
        events: &[Event],
        room: &mut usize,
    ) -> Result<Option<HashMap<DocId, Fields>>> {
        let mut found = FoundRows { events: HashMap::new(), room, rows: HashMap::new() };
        let (mut keys, mut last) = (Vec::new(), None);
        for event in events {
            if let EventKind::Row { collection: of, id, key: Some(key), .. } = &event.kind
                && *of == collection
            {
                keys.push(key.clone());
                last = last.max(Some(event.ct));
                *found.events.entry(id).or_default() += 1;
            }
        }
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(self.mongo.client.start_session().causal_consistency(true).await?),
        };
        if let Some(last) = last {
            session.advance_operation_time(last.timestamp());
        }
        let took_all = snapshot::current(&self.mongo, collection, keys, session, |row| found.take(row)).await?;
        if let Some(Timestamp { time, increment }) = session.operation_time() {
            self.read_at.insert(collection, ClusterTime::new(time, increment));
        }
        Ok(took_all.then_some(found.rows))
    }
}

/// For how many of the first events to read at once: at most so many, and as many as their `_id`s allow.
fn piece(events: &[Event], most: usize) -> usize {
    let mut bytes = 0_usize;
    let fits = |event: &&Event| {
        bytes = bytes.saturating_add(key(event));
        bytes <= KEYS
    };
    events.iter().take(most).take_while(fits).count().max(1)
}

/// Bytes of an event's `_id` in a question. One that cannot be written would be too large for any.
fn key(event: &Event) -> usize {
    let EventKind::Row { key: Some(key), .. } = &event.kind else { return 0 };
    RawDocumentBuf::try_from(&doc! {"_id": key}).map_or(usize::MAX, |key| key.as_bytes().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::UtcMs;
    use bson::Bson;

    fn event(id: &str, key: impl Into<Bson>) -> Event {
        Event {
            token: String::new(),
            ct: ClusterTime(1),
            at: UtcMs(0),
            txn: false,
            kind: EventKind::Row {
                collection: Collection::Clients,
                id: DocId(id.to_owned()),
                key: Some(key.into()),
                images: Images::Missing,
                read: None,
            },
        }
    }

    #[test]
    fn mongodb_is_asked_for_no_more_than_it_takes() {
        let small: Vec<Event> = (0..2 * EVENTS).map(|n| event(&n.to_string(), n.to_string())).collect();
        assert_eq!([EVENTS, 3].map(|most| piece(&small, most)), [EVENTS, 3]);
        let large: Vec<Event> = (0..7).map(|_| event("large", "x".repeat(3 << 20))).collect();
        assert_eq!(piece(&large, EVENTS), KEYS / key(&large[0]));
        let larger = event("larger", "x".repeat(KEYS));
        assert_eq!(piece(&[larger, event("small", 1)], EVENTS), 1, "it passes alone");
    }

    #[test]
    fn rows_are_taken_only_while_there_is_room_for_each_of_their_events() {
        let id = DocId("1".to_owned());
        let row = || Row { id: id.clone(), fields: [("name".to_owned(), "x".repeat(1000).into())].into() };
        let bytes = weight::row(&row().fields);
        let took = |events: usize, mut room: usize| {
            let mut found = FoundRows { events: [(&id, events)].into(), room: &mut room, rows: HashMap::new() };
            (found.take(row()), found.rows.len(), *found.room)
        };
        assert_eq!(took(1, bytes), (true, 1, 0));
        assert_eq!(took(3, 3 * bytes + 1), (true, 1, 1));
        assert_eq!(took(3, 3 * bytes - 1), (false, 0, 3 * bytes - 1));
    }
}
