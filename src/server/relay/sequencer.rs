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
        hub::weight,
        mongo::watch::{Event, EventKind, Images},
        redis::log::Tail,
    },
};

/// Maximum number of records in an entry.
const RECORDS_MAX: usize = 256;
/// Approximate maximum bytes of rows in an entry. A single larger row stands alone.
const BYTES_MAX: usize = 64 << 10;
/// Events of an open transaction that are held back. The log gets a larger transaction in parts, none of which closes a
/// position, so pages do not see them before the last.
const HELD_MAX: usize = 512;
/// Approximate bytes of such events, with their tokens. A token may take as much as the largest rows.
const HELD_BYTES_MAX: usize = 32 << 20;

pub struct Sequencer {
    tail: Tail,
    closed: Seq,
    pending: VecDeque<Pending>,
    /// Approximate bytes that `pending` takes.
    bytes: usize,
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
    /// Approximate bytes of it all in memory.
    bytes: usize,
}

/// An entry to append, and of how many events it is made.
pub struct NextAppend {
    pub entry: Entry,
    pub token: String,
    events: usize,
}

impl Sequencer {
    /// Goes on after the log's last entry.
    pub fn after(tail: Tail, closed: Seq) -> Self {
        Self { tail, closed, pending: VecDeque::new(), bytes: 0, ready: 0 }
    }

    pub const fn tail(&self) -> &Tail {
        &self.tail
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes the stream's next event; [`EventKind::Invalidate`] is no event of the log.
    pub fn push(&mut self, event: Event) {
        if self.pending.back().is_some_and(|last| last.record.ct < event.ct) {
            self.ready = self.pending.len();
        }
        let Event { token, ct, at, txn, kind } = event;
        if let Some((collection, effect)) = effect(kind) {
            let record = Arc::new(Record { collection, ct, at, effect });
            let bytes = weight::record(&record) + token.len();
            self.bytes += bytes;
            self.pending.push_back(Pending { token, txn, size: size(&record), bytes, record });
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
    pub fn next(&self) -> Option<NextAppend> {
        let is_too_much = self.pending.len() >= HELD_MAX || self.bytes >= HELD_BYTES_MAX;
        // An open transaction's last event is kept, because the entry that closes the position holds it.
        let may = if self.ready == 0 && is_too_much { self.pending.len() - 1 } else { self.ready };
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
        Some(NextAppend { entry, token: last.token.clone(), events })
    }

    /// Whether no transaction is cut after so many pending events.
    fn is_closed(&self, count: usize) -> bool {
        let last = &self.pending[count - 1];
        count <= self.ready && (count == self.ready || !last.txn || self.pending[count].record.ct > last.record.ct)
    }

    /// Notes that the entry stands in the log.
    pub fn appended(&mut self, next: &NextAppend) {
        self.tail = Tail { position: next.entry.position(), token: next.token.clone() };
        self.closed = next.entry.closed;
        self.forget(next.events);
    }

    /// Forgets the oldest events, which stand in the log.
    fn forget(&mut self, events: usize) {
        self.bytes -= self.pending.drain(..events).map(|pending| pending.bytes).sum::<usize>();
        self.ready = self.ready.saturating_sub(events);
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
        self.forget(events);
        true
    }
}

/// What an event did to which collection; `None` for what is no event of the log.
fn effect(kind: EventKind) -> Option<(Collection, Effect)> {
    match kind {
        EventKind::Row { collection, id, images, read, .. } => {
            Some((collection, Effect::Row(row(collection, id, images, read))))
        }
        EventKind::Reset { collection, also, reason } => {
            Some((collection, Effect::Reset { reason: reason.to_owned(), also }))
        }
        EventKind::Invalidate => None,
    }
}

fn row(collection: Collection, id: DocId, images: Images, read: Option<Read>) -> RowChange {
    let unknown = images == Images::Missing;
    let has_images = !matches!(images, Images::Missing | Images::Deleted { before: None });
    let (before, after) = match images {
        Images::Inserted(after) => (None, Some(after)),
        Images::Updated { before, after } => (Some(before), Some(after)),
        Images::Deleted { before } => (before, None),
        Images::Missing => (None, None),
    };
    let cells = has_images.then(|| cells::delta(collection, before.as_ref(), after.as_ref()));
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
mod tests;
