//! Changes that came without images, whose rows are read instead. Images are missing because MongoDB has them
//! switched off and we may not switch them on, because they expired, or because they are too large for an event.
//!
//! Such a row may be of a later time than its change. Until the log is past that time every other change of the
//! collection is read too, so that no row ever goes back.

use std::collections::HashMap;

use anyhow::{Context, Result};
use bson::{Bson, Timestamp};
use mongodb::ClientSession;

use crate::{
    domain::{
        collections::Collection,
        ids::DocId,
        protocol::{log::Read, position::ClusterTime},
    },
    server::mongo::{
        Mongo, snapshot,
        watch::{Event, EventKind, Images},
    },
};

/// Reads rows for events. There is one for each term, because its session's time only moves forward.
pub struct Missing {
    mongo: Mongo,
    session: Option<ClientSession>,
    read_at: HashMap<Collection, ClusterTime>,
}

impl Missing {
    pub fn new(mongo: Mongo) -> Self {
        Self { mongo, session: None, read_at: HashMap::new() }
    }

    /// Reads the rows of a batch that its images do not give. Takes one query per collection, none if all is there.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn complete(&mut self, events: &mut [Event]) -> Result<()> {
        for collection in Collection::ALL {
            let read_at = self.read_at.get(&collection).copied();
            let wanted = |event: &Event| {
                matches!(&event.kind, EventKind::Row { collection: of, images, key: Some(_), .. }
                if *of == collection && (*images == Images::Missing || Some(event.ct) <= read_at))
            };
            if events.iter().any(wanted) {
                self.read(collection, events).await.with_context(|| format!("reading changed {collection}"))?;
            }
        }
        Ok(())
    }

    async fn read(&mut self, collection: Collection, events: &mut [Event]) -> Result<()> {
        let mut rows: Vec<(ClusterTime, &DocId, &Bson, &mut Option<Read>)> = Vec::new();
        for event in events {
            if let EventKind::Row { collection: of, id, key: Some(key), read, .. } = &mut event.kind
                && *of == collection
            {
                rows.push((event.ct, id, key, read));
            }
        }
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(self.mongo.client.start_session().causal_consistency(true).await?),
        };
        if let Some(last) = rows.iter().map(|(ct, ..)| *ct).max() {
            session.advance_operation_time(last.timestamp());
        }
        let keys = rows.iter().map(|(_, _, key, _)| (*key).clone()).collect();
        let found = snapshot::current(&self.mongo, collection, keys, session).await?;
        for (_, id, _, read) in rows {
            *read = Some(found.get(id).cloned().map_or(Read::Gone, Read::Row));
        }
        if let Some(Timestamp { time, increment }) = session.operation_time() {
            self.read_at.insert(collection, ClusterTime::new(time, increment));
        }
        Ok(())
    }
}
