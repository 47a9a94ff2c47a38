//! The data of the histories: a collection with all its states, and the log of its changes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::json;

use crate::domain::{
    collections::Collection,
    fields::Fields,
    ids::DocId,
    protocol::{
        log::{Effect, Entry, Record, RowChange, changed_fields},
        position::{ClusterTime, Epoch, Position, Seq},
        snapshot::{Row, Snapshot},
    },
    time::UtcMs,
};

pub const OF: Collection = Collection::Clients;
pub type Rows = BTreeMap<DocId, Fields>;

/// Every state of a collection, and the change stream's records of it. HubState n is the one after n events.
pub struct Database {
    pub states: Vec<Rows>,
    pub records: Vec<Arc<Record>>,
    /// Whether no transaction is cut after n events.
    pub whole: Vec<bool>,
}

impl Database {
    pub fn end(&self) -> usize {
        self.records.len()
    }

    /// The last state at least so many events ago in which no transaction is cut.
    pub fn whole_before(&self, back: usize) -> usize {
        (0..=self.end().saturating_sub(back)).rev().find(|n| self.whole[*n]).unwrap_or(0)
    }

    pub fn ct(&self, n: usize) -> ClusterTime {
        n.checked_sub(1).map_or(ClusterTime(0), |last| self.records[last].ct)
    }

    /// How many events had happened at a cluster time.
    pub fn at(&self, ct: ClusterTime) -> usize {
        self.records.partition_point(|record| record.ct <= ct)
    }

    pub fn push(&mut self, ct: ClusterTime, effect: Effect, rows: Rows, whole: bool) {
        self.records.push(Arc::new(Record { collection: OF, ct, at: UtcMs(0), effect }));
        self.states.push(rows);
        self.whole.push(whole);
    }

    pub fn write(&mut self, writes: Vec<(u8, u8)>, txn: bool) {
        let mut ct = ClusterTime(self.ct(self.end()).0 + 1);
        let last = writes.len() - 1;
        for (i, (name, what)) in writes.into_iter().enumerate() {
            let id = DocId(name.to_string());
            let mut rows = self.states[self.end()].clone();
            let before = rows.get(&id).cloned();
            let after = become_of(name, what, before.as_ref());
            let changed = before.as_ref().zip(after.as_ref()).map(|(before, after)| changed_fields(before, after));
            match &after {
                Some(row) => drop(rows.insert(id.clone(), row.clone())),
                None => drop(rows.remove(&id)),
            }
            let effect = Effect::Row(RowChange {
                id,
                after,
                changed,
                before: Fields::new(),
                cells: None,
                unknown: false,
                read: None,
            });
            self.push(ct, effect, rows, !txn || i == last);
            if !txn {
                ct.0 += 1;
            }
        }
    }

    pub fn replace(&mut self, with: u8) {
        let ct = ClusterTime(self.ct(self.end()).0 + 1);
        let rows = (0..with % 5).map(|name| (DocId(name.to_string()), new(name, with))).collect();
        self.push(ct, Effect::Reset { reason: "replaced".to_owned(), also: None }, rows, true);
    }

    pub fn snapshot(&self, position: Position, n: usize) -> Snapshot {
        let rows = self.states[n].iter().map(|(id, fields)| Row { id: id.clone(), fields: fields.clone() });
        Snapshot { rows: rows.collect(), ..Snapshot::blank(OF, position, self.ct(n)) }
    }
}

fn new(name: u8, value: u8) -> Fields {
    // Some rows are so large that two do not fit into one frame.
    let name_of = if name < 7 { "x".repeat(14_000) } else { String::new() };
    [
        ("created_at", json!(UtcMs(i64::from(name) * 1000).to_string())),
        ("status", json!(value)),
        ("name", json!(name_of)),
    ]
    .map(|(field, value)| (field.to_owned(), value))
    .into()
}

/// A row after a change: a new one, a field more or less, or none.
fn become_of(name: u8, what: u8, before: Option<&Fields>) -> Option<Fields> {
    let Some(before) = before else { return Some(new(name, what)) };
    let mut row = before.clone();
    match what % 6 {
        0 => return None,
        1 => drop(row.insert("client_id".to_owned(), json!(what))),
        2 => drop(row.remove("client_id")),
        3 => drop(row.insert("email".to_owned(), json!(what))),
        _ => drop(row.insert("status".to_owned(), json!(what))),
    }
    Some(row)
}

/// The log, whose numbers begin after the epoch's first events.
#[derive(Clone)]
pub struct Log {
    pub base: usize,
    pub entries: VecDeque<Entry>,
}

impl Log {
    pub fn opened(epoch: Epoch, base: usize, ct: ClusterTime) -> Self {
        Self { base, entries: [Entry::opening(epoch, ct, false)].into() }
    }

    pub fn last(&self) -> &Entry {
        &self.entries[self.entries.len() - 1]
    }

    pub fn after(&self, from: Option<Position>) -> Vec<Entry> {
        self.entries.iter().filter(|entry| from.is_none_or(|from| entry.position() > from)).cloned().collect()
    }

    pub fn append(&mut self, database: &Database, most: usize) -> Option<Entry> {
        let last = usize::try_from(self.last().last.0).unwrap();
        let to = (last + most).min(database.end() - self.base);
        let closed = (0..=to).rev().find(|n| database.whole[self.base + n]).unwrap();
        let entry = Entry {
            first: Seq(last as u64 + 1),
            last: Seq(to as u64),
            ct: database.ct(self.base + to),
            closed: Seq(closed as u64).max(self.last().closed),
            records: database.records[self.base + last..self.base + to].to_vec(),
            ..self.last().clone()
        };
        (to > last).then(|| self.entries.push_back(entry.clone()))?;
        Some(entry)
    }
}
