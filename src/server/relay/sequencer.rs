//! Gives each event its number and cuts the numbered events into entries. No I/O.
//!
//! A position inside a transaction is not a consistent state. An event outside of any transaction closes its position
//! at once. An event inside one is closed when a later cluster time, or an empty answer of the stream, is seen.

use std::{collections::VecDeque, sync::Arc};

use serde_json::Value;

use crate::{
    domain::{
        cells,
        collections::Collection,
        ids::DocId,
        protocol::{
            log::{Effect, Entry, Read, Record, RowChange, changed_fields},
            position::{Position, Seq},
        },
    },
    server::{
        mongo::watch::{Event, Images, Kind},
        redis::log::Tail,
    },
};

/// Maximum number of records in an entry.
const RECORDS_MAX: usize = 256;
/// Approximate maximum bytes of rows in an entry. A single larger row stands alone.
const BYTES_MAX: usize = 64 << 10;
/// Events of an open transaction that are held back. The log gets a larger transaction in parts.
const HELD_MAX: usize = 512;

pub struct Sequencer {
    tail: Tail,
    closed: Seq,
    pending: VecDeque<Pending>,
    /// How many of `pending` are closed.
    ready: usize,
}

/// An event as a record, with what the record does not hold.
struct Pending {
    token: String,
    txn: bool,
    record: Arc<Record>,
    /// Approximate bytes of the record in the log.
    size: usize,
}

/// An entry to append, and of how many events it is made.
pub struct Next {
    pub entry: Entry,
    pub token: String,
    events: usize,
}

impl Sequencer {
    /// Goes on after the log's last entry.
    pub fn after(tail: Tail, closed: Seq) -> Self {
        Self { tail, closed, pending: VecDeque::new(), ready: 0 }
    }

    pub const fn tail(&self) -> &Tail {
        &self.tail
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes the stream's next event; [`Kind::Invalidate`] is no event of the log.
    pub fn push(&mut self, event: Event) {
        if self.pending.back().is_some_and(|last| last.record.ct < event.ct) {
            self.ready = self.pending.len();
        }
        let Event { token, ct, at, txn, kind } = event;
        if let Some((collection, effect)) = effect(kind) {
            let record = Arc::new(Record { collection, ct, at, effect });
            self.pending.push_back(Pending { token, txn, size: size(&record), record });
        }
        if !txn {
            self.ready = self.pending.len();
        }
    }

    /// Notes that the stream had nothing more, so whatever is pending is whole.
    pub fn idle(&mut self) {
        self.ready = self.pending.len();
    }

    /// The next entry, if there is enough for one.
    pub fn next(&self) -> Option<Next> {
        let may = if self.ready == 0 && self.pending.len() >= HELD_MAX { self.pending.len() } else { self.ready };
        let mut bytes = 0;
        let mut events = 0_usize;
        for pending in self.pending.iter().take(may.min(RECORDS_MAX)) {
            bytes += pending.size;
            if events > 0 && bytes > BYTES_MAX {
                break;
            }
            events += 1;
        }
        let last = self.pending.get(events.checked_sub(1)?)?;
        let first = self.tail.position.seq.next();
        let number = |count: usize| Seq(self.tail.position.seq.0 + count as u64);
        let closed = (1..=events).rev().find(|count| self.is_closed(*count)).map_or(self.closed, number);
        let entry = Entry {
            epoch: self.tail.position.epoch,
            first,
            last: number(events),
            ct: last.record.ct,
            closed,
            gap: false,
            restored: false,
            records: self.pending.iter().take(events).map(|pending| pending.record.clone()).collect(),
        };
        Some(Next { entry, token: last.token.clone(), events })
    }

    /// Whether no transaction is cut after so many pending events.
    fn is_closed(&self, count: usize) -> bool {
        let last = &self.pending[count - 1];
        count <= self.ready && (count == self.ready || !last.txn || self.pending[count].record.ct > last.record.ct)
    }

    /// Notes that the entry stands in the log.
    pub fn appended(&mut self, next: &Next) {
        self.tail = Tail { position: next.entry.position(), token: next.token.clone() };
        self.closed = next.entry.closed;
        self.pending.drain(..next.events);
        self.ready = self.ready.saturating_sub(next.events);
    }

    /// Skips the pending events up to `tail`, with which the log ends. Another relay, or an append whose reply was
    /// lost, wrote it from the same events. Returns false if `tail` is not among what is pending. The stream must be
    /// opened anew then.
    pub fn skip_to(&mut self, tail: &Tail) -> bool {
        let Position { epoch, seq } = self.tail.position;
        let Some(ahead) = tail.position.seq.0.checked_sub(seq.0) else { return false };
        let Some(events) = usize::try_from(ahead).ok().filter(|n| (1..=self.pending.len()).contains(n)) else {
            return false;
        };
        if tail.position.epoch != epoch || self.pending[events - 1].token != tail.token {
            return false;
        }
        if let Some(count) = (1..=events).rev().find(|count| self.is_closed(*count)) {
            self.closed = Seq(seq.0 + count as u64);
        }
        self.tail = tail.clone();
        self.pending.drain(..events);
        self.ready = self.ready.saturating_sub(events);
        true
    }
}

/// What an event did to which collection; `None` for what is no event of the log.
fn effect(kind: Kind) -> Option<(Collection, Effect)> {
    match kind {
        Kind::Row { collection, id, images, read, .. } => {
            Some((collection, Effect::Row(row(collection, id, images, read))))
        }
        Kind::Reset { collection, also, reason } => {
            Some((collection, Effect::Reset { reason: reason.to_owned(), also }))
        }
        Kind::Invalidate => None,
    }
}

fn row(collection: Collection, id: DocId, images: Images, read: Option<Read>) -> RowChange {
    let unknown = images == Images::Missing;
    let told = !matches!(images, Images::Missing | Images::Deleted { before: None });
    let (before, after) = match images {
        Images::Inserted(after) => (None, Some(after)),
        Images::Updated { before, after } => (Some(before), Some(after)),
        Images::Deleted { before } => (before, None),
        Images::Missing => (None, None),
    };
    let cells = told.then(|| cells::delta(collection, before.as_ref(), after.as_ref()));
    let changed = before.as_ref().zip(after.as_ref()).map(|(before, after)| changed_fields(before, after));
    let mut before = before.unwrap_or_default();
    if let Some(changed) = &changed {
        before.retain(|name, _| changed.contains(name));
    }
    RowChange { id, after, changed, before, cells, unknown, read }
}

fn size(record: &Record) -> usize {
    const ABOUT: usize = 64;
    match &record.effect {
        Effect::Row(row) => {
            let read = row.read.iter().filter_map(Read::row);
            ABOUT + row.after.iter().chain([&row.before]).chain(read).flatten().map(of_field).sum::<usize>()
        }
        Effect::Reset { .. } => ABOUT,
    }
}

/// Approximate bytes of a named value as JSON, without writing it.
fn of_field((name, value): (&String, &Value)) -> usize {
    name.len() + 4 + of(value)
}

fn of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(all) => all.iter().map(|value| of(value) + 1).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(of_field).sum::<usize>() + 2,
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        fields::Fields,
        protocol::position::{ClusterTime, Epoch},
        time::UtcMs,
    };
    use proptest::prelude::*;

    fn event(n: usize, ct: u64, txn: bool) -> Event {
        Event {
            token: format!("t{n}"),
            ct: ClusterTime(ct),
            at: UtcMs(0),
            txn,
            kind: Kind::Row {
                collection: Collection::Stations,
                id: DocId(n.to_string()),
                key: None,
                images: Images::Inserted(Fields::new()),
                read: None,
            },
        }
    }

    fn start() -> Sequencer {
        Sequencer::after(Tail { position: Position::new(Epoch(1), Seq(0)), token: String::new() }, Seq(0))
    }

    #[test]
    fn a_transaction_is_held_until_it_is_whole() {
        let mut s = start();
        s.push(event(1, 1, true));
        s.push(event(2, 1, true));
        assert!(s.next().is_none());
        s.push(event(3, 2, true));
        let next = s.next().unwrap();
        assert_eq!((next.entry.last, next.entry.closed), (Seq(2), Seq(2)));
        s.appended(&next);
        assert!(s.next().is_none());
        s.idle();
        assert_eq!(s.next().unwrap().entry.closed, Seq(3));
    }

    #[test]
    fn a_large_transaction_goes_in_parts_that_are_not_closed() {
        let mut s = start();
        (0..HELD_MAX + 100).for_each(|n| s.push(event(n, 1, true)));
        let mut closed = Vec::new();
        while let Some(next) = s.next() {
            closed.push(next.entry.closed.0);
            s.appended(&next);
            s.idle();
        }
        assert_eq!(closed, [0, 0, (HELD_MAX + 100) as u64]);
    }

    #[test]
    fn an_entry_written_by_another_relay_is_skipped() {
        let mut s = start();
        (1..=5).for_each(|n| s.push(event(n, n as u64, false)));
        let at = |seq, token: &str| Tail { position: Position::new(Epoch(1), Seq(seq)), token: token.into() };
        assert!(!s.skip_to(&at(3, "other")), "another history");
        assert!(!s.skip_to(&at(9, "t9")), "not read yet");
        assert!(s.skip_to(&at(3, "t3")));
        assert_eq!(s.next().unwrap().entry.first, Seq(4));
    }

    proptest! {
        #[test]
        fn numbers_are_dense_and_closed_positions_cut_no_transaction(
            lengths in prop::collection::vec((1..400_usize, any::<bool>()), 1..12), drain_every in 1..50_usize,
        ) {
            let mut events = Vec::new();
            for (ct, (length, txn)) in lengths.iter().enumerate() {
                let length = if *txn { *length } else { 1 };
                for _ in 0..length {
                    let n = events.len();
                    events.push(event(n, ct as u64 + 1, *txn));
                }
            }
            let whole: Vec<bool> = (0..events.len()).map(|i| events.get(i + 1).is_none_or(|next| next.ct > events[i].ct)).collect();
            let mut s = start();
            let mut entries = Vec::new();
            for (i, e) in events.into_iter().enumerate() {
                s.push(e);
                if i % drain_every == 0 {
                    while let Some(next) = s.next() { s.appended(&next); entries.push(next.entry); }
                }
            }
            s.idle();
            while let Some(next) = s.next() { s.appended(&next); entries.push(next.entry); }
            let mut last = 0;
            for entry in &entries {
                prop_assert_eq!(entry.first.0, last + 1);
                last = entry.last.0;
                prop_assert_eq!(entry.records.len() as u64, entry.last.0 - entry.first.0 + 1);
                let closed = usize::try_from(entry.closed.0).unwrap();
                prop_assert!(closed == 0 || whole[closed - 1]);
            }
            prop_assert_eq!(usize::try_from(last).unwrap(), whole.len());
            prop_assert_eq!(entries.last().unwrap().closed.0, last);
        }
    }
}
