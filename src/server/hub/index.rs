//! The last state of each document of a topic that changed after the floor. Bounded; no I/O.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::weight;
use crate::domain::{
    fields::Fields,
    ids::DocId,
    protocol::{
        change::{Change, Op},
        position::Seq,
    },
};

/// Documents kept per topic.
const KEYS_MAX: usize = 50_000;
/// Approximate bytes kept per topic.
const BYTES_MAX: usize = 96 << 20;
/// Approximate bytes that a lagging consumer is sent to catch up. This is more than a list of new rows takes.
const CATCH_UP_MAX: usize = 2 << 20;

#[derive(Default)]
pub struct RowIndex {
    by_id: HashMap<DocId, KeptChange>,
    by_seq: BTreeMap<Seq, DocId>,
    bytes: usize,
    /// Changes after this number are all here.
    floor: Seq,
    /// Number of the last change.
    last: Seq,
}

struct KeptChange {
    seq: Seq,
    /// `None`: deleted.
    row: Option<Arc<Fields>>,
    bytes: usize,
}

impl RowIndex {
    /// An index of what comes after `floor`.
    pub fn above(floor: Seq) -> Self {
        Self { floor, last: floor, ..Self::default() }
    }

    pub const fn last(&self) -> Seq {
        self.last
    }

    /// Takes a document's state after change `seq`.
    pub fn put(&mut self, seq: Seq, id: &DocId, row: Option<Fields>) {
        let bytes = id.0.len() * 2 + row.as_ref().map_or(0, weight::row);
        if let Some(old) = self.by_id.insert(id.clone(), KeptChange { seq, row: row.map(Arc::new), bytes }) {
            self.by_seq.remove(&old.seq);
            self.bytes -= old.bytes;
        }
        self.by_seq.insert(seq, id.clone());
        self.bytes += bytes;
        self.last = seq;
        while self.by_id.len() > KEYS_MAX || self.bytes > BYTES_MAX {
            let Some((seq, id)) = self.by_seq.pop_first() else { break };
            if let Some(old) = self.by_id.remove(&id) {
                self.bytes -= old.bytes;
            }
            self.floor = seq;
        }
    }

    /// Each document that changed after `cursor`. `None` below the floor, and if new rows cost less.
    pub fn since(&self, cursor: Seq) -> Option<ChangedRows> {
        if cursor < self.floor {
            return None;
        }
        let mut bytes = 0;
        let mut rows = Vec::new();
        for (id, kept) in self.by_seq.range(cursor.next()..).filter_map(|(_, id)| self.by_id.get_key_value(id)) {
            bytes += kept.bytes;
            if bytes > CATCH_UP_MAX && !rows.is_empty() {
                return None;
            }
            rows.push((id.clone(), kept.row.clone()));
        }
        Some(ChangedRows(rows))
    }
}

/// Documents as they are now; one without a row was deleted. Rows are shared, so that the index is locked only briefly.
pub struct ChangedRows(Vec<(DocId, Option<Arc<Fields>>)>);

impl ChangedRows {
    /// One change for each document. Copies the rows.
    pub fn changes(self) -> Vec<Change> {
        let op = |row: Option<Arc<Fields>>| row.map_or(Op::Delete, |row| Op::Put(Arc::unwrap_or_clone(row)));
        self.0.into_iter().map(|(id, row)| Change { id, op: op(row) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(index: &RowIndex, cursor: u64) -> Option<Vec<String>> {
        index.since(Seq(cursor)).map(|rows| rows.0.into_iter().map(|(id, _)| id.0).collect())
    }

    #[test]
    fn one_entry_per_document_since_a_cursor() {
        let mut index = RowIndex::above(Seq(10));
        let row = Fields::new();
        for (seq, id) in [(11, "a"), (12, "b"), (13, "a"), (15, "c")] {
            index.put(Seq(seq), &DocId(id.into()), (id != "c").then(|| row.clone()));
        }
        assert_eq!(ids(&index, 9), None);
        assert_eq!(ids(&index, 10).unwrap(), ["b", "a", "c"]);
        assert_eq!(ids(&index, 12).unwrap(), ["a", "c"]);
        assert!(matches!(index.since(Seq(13)).unwrap().changes()[0].op, Op::Delete));
    }

    #[test]
    fn memory_is_bounded_and_the_floor_tells_it() {
        let mut index = RowIndex::above(Seq(0));
        let total = KEYS_MAX as u64 + 10;
        for seq in 1..=total {
            index.put(Seq(seq), &DocId(seq.to_string()), None);
        }
        assert_eq!(index.floor, Seq(10));
        assert_eq!(ids(&index, 9), None);
        assert_eq!(ids(&index, 10).unwrap().len(), KEYS_MAX);
    }

    #[test]
    fn who_lags_is_sent_no_more_than_new_rows_cost() {
        let mut index = RowIndex::above(Seq(0));
        let row = Fields::from([("name".to_owned(), "x".repeat(1 << 10).into())]);
        for seq in 1..=4000 {
            index.put(Seq(seq), &DocId(seq.to_string()), Some(row.clone()));
        }
        assert_eq!(ids(&index, 0), None);
        let caught_up = (0..4000).find_map(|cursor| ids(&index, cursor)).unwrap().len();
        assert!((1000..=2048).contains(&caught_up), "{caught_up}");
        let huge = Fields::from([("name".to_owned(), "x".repeat(CATCH_UP_MAX).into())]);
        index.put(Seq(4001), &DocId("huge".into()), Some(huge));
        assert_eq!(ids(&index, 4000).unwrap(), ["huge"], "one row is never too much: new rows would hold it, too");
    }
}
