//! The engine's documents: read once, then moved by every change of the log. Reports ask it for what is true at the
//! head.
//!
//! Changes wait until somebody asks. So what a change costs does not hang on the number of documents, and a report
//! holds up no change.

use std::{
    collections::VecDeque,
    hash::RandomState,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    domain::{
        collections::Collection,
        fields::Fields,
        ids::DocId,
        protocol::{
            log::{Effect, Entry, Record, RowChange},
            position::{ClusterTime, Epoch, Position, Seq},
        },
        report::matters,
    },
    server::engine::{Engine, HeldDocument},
};

/// Changes that may wait. Each takes some 500 bytes.
const WAITING_MAX: usize = 100_000;
/// Number of waiting changes that are worth taking in although nobody asks.
const WORTH_TAKING: usize = 1000;

pub struct HubEngine {
    waiting: Mutex<WaitingChanges>,
    loaded: Mutex<Option<Loaded>>,
    /// The most bytes that the engine may take.
    room: usize,
}

#[derive(Default)]
struct WaitingChanges {
    /// `None` until the log was read.
    epoch: Option<Epoch>,
    /// The last number taken.
    taken: Seq,
    /// Documents read before this time are of no use, because a change is missing that came then.
    since: ClusterTime,
    need: Need,
    /// Counts how often what was read became useless.
    losses: u64,
    changes: VecDeque<WaitingChange>,
}

/// What the engine needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Need {
    /// All documents.
    #[default]
    Documents,
    /// The changes of those that it holds.
    Changes,
    /// Nothing, because it has no room for all documents of this epoch.
    Nothing,
}

struct WaitingChange {
    seq: Seq,
    ct: ClusterTime,
    collection: Collection,
    id: DocId,
    /// `None` if the document is gone.
    after: Option<HeldDocument>,
}

struct Loaded {
    engine: Engine,
    /// When the documents were read. This may be ahead of the log, whose changes up to it are in already.
    at: ClusterTime,
    losses: u64,
}

/// Documents that are being read for the engine.
pub struct EngineLoad {
    /// `None` if they are not needed, or do not fit.
    engine: Option<Engine>,
    fits: bool,
    epoch: Option<Epoch>,
    room: usize,
}

impl EngineLoad {
    /// Takes a document.
    pub fn take(&mut self, collection: Collection, id: impl FnOnce() -> Option<DocId>, fields: &Fields) {
        let Some(engine) = &mut self.engine else { return };
        let Some(document) = HeldDocument::read(collection, fields) else { return };
        let Some(id) = id() else { return };
        engine.put(&id, document);
        if engine.bytes() > self.room {
            (self.engine, self.fits) = (None, false);
        }
    }
}

impl HubEngine {
    pub fn new(room: usize) -> Self {
        Self { waiting: Mutex::default(), loaded: Mutex::default(), room }
    }

    /// Begins anew, with the oldest entry that the log still has.
    pub fn begin(&self, oldest: &Entry) {
        let mut waiting = self.waiting();
        let taken = Seq(oldest.first.0.saturating_sub(1));
        *waiting =
            WaitingChanges { epoch: Some(oldest.epoch), taken, losses: waiting.losses, ..WaitingChanges::default() };
        waiting.lose(oldest.ct);
        if self.room == 0 {
            waiting.give_up();
        }
    }

    /// Takes an entry if it continues what is known.
    pub fn take(&self, entry: &Entry) {
        let mut waiting = self.waiting();
        let Some(known) = (waiting.taken.0 + 1).checked_sub(entry.first.0) else { return };
        if waiting.epoch != Some(entry.epoch) || entry.last <= waiting.taken {
            return;
        }
        let new = entry.records.iter().skip(usize::try_from(known).unwrap_or(usize::MAX));
        for (seq, record) in (waiting.taken.next().0..).map(Seq).zip(new) {
            waiting.take(seq, record);
        }
        waiting.taken = entry.last;
    }

    /// Whether documents have to be read.
    pub fn is_wanted(&self) -> bool {
        let waiting = self.waiting();
        waiting.epoch.is_some() && waiting.need == Need::Documents
    }

    /// Whether all documents are held.
    pub fn is_loaded(&self) -> bool {
        self.waiting().need == Need::Changes
    }

    /// Whether so much waits that it should be taken in.
    pub fn is_worth_taking(&self) -> bool {
        self.waiting().changes.len() >= WORTH_TAKING
    }

    /// Begins to read documents. What was read before goes, if it is of no use.
    pub fn begin_load(&self) -> EngineLoad {
        let (epoch, losses) = {
            let waiting = self.waiting();
            (waiting.epoch, waiting.losses)
        };
        self.loaded().take_if(|loaded| loaded.losses != losses);
        // Figures may have to be counted anew while nothing is needed here.
        let engine = self.is_wanted().then(|| Engine::new(RandomState::new()));
        EngineLoad { engine, fits: true, epoch, room: self.room }
    }

    /// Takes all documents as they were at `ct`.
    pub fn loaded_at(&self, ct: ClusterTime, loading: EngineLoad) {
        let EngineLoad { engine, fits, epoch, room } = loading;
        let mut loaded = self.loaded();
        let mut waiting = self.waiting();
        if waiting.epoch != epoch || ct < waiting.since || waiting.need != Need::Documents {
            return;
        }
        if let Some(engine) = engine {
            waiting.need = Need::Changes;
            waiting.changes.retain(|change| change.ct > ct);
            tracing::info!(
                documents = engine.documents(),
                mib = engine.bytes() >> 20,
                "the engine holds all documents"
            );
            *loaded = Some(Loaded { engine, at: ct, losses: waiting.losses });
        } else if !fits {
            waiting.give_up();
            tracing::warn!(mib = room >> 20, "the engine has no room for all documents; MongoDB is asked for reports");
        }
    }

    /// Reads the engine at the head, which is asked for. Returns the head, the cluster time of what was read, and the
    /// result; `None` while not all documents are held. It blocks while another reads.
    pub fn exact<T>(
        &self,
        head: impl FnOnce() -> Option<(Position, ClusterTime)>,
        read: impl FnOnce(&Engine) -> T,
    ) -> Option<(Position, ClusterTime, T)> {
        let mut loaded = self.loaded();
        // Asked for here, because another may have led the engine beyond an earlier one.
        let (head, head_ct) = head()?;
        let (changes, losses) = self.waiting().until(head)?;
        let Loaded { engine, at, .. } = loaded.as_mut().filter(|loaded| loaded.losses == losses)?;
        for WaitingChange { ct, collection, id, after, .. } in changes {
            match after {
                _ if ct <= *at => {}
                Some(document) => engine.put(&id, document),
                None => engine.remove(collection, &id),
            }
        }
        if engine.bytes() > self.room {
            tracing::warn!(mib = self.room >> 20, "the engine has outgrown its room; MongoDB is asked for reports");
            *loaded = None;
            self.waiting().give_up();
            return None;
        }
        Some((head, head_ct.max(*at), read(engine)))
    }

    /// No code that holds a lock can leave what it protects half changed.
    fn waiting(&self) -> MutexGuard<'_, WaitingChanges> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loaded(&self) -> MutexGuard<'_, Option<Loaded>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitingChanges {
    fn take(&mut self, seq: Seq, record: &Record) {
        let Record { collection, ct, effect, .. } = record;
        if self.need == Need::Nothing || !matters(record) {
            return;
        }
        match effect {
            Effect::Row(RowChange { unknown: false, id, after, .. }) if self.changes.len() < WAITING_MAX => {
                let after = match after {
                    Some(row) => HeldDocument::read(*collection, row),
                    None => None,
                };
                self.changes.push_back(WaitingChange { seq, ct: *ct, collection: *collection, id: id.clone(), after });
            }
            Effect::Row(_) | Effect::Reset { .. } => self.lose(*ct),
        }
    }

    /// Notes that what is held lacks what happened at `ct`.
    fn lose(&mut self, ct: ClusterTime) {
        self.changes = VecDeque::new();
        self.since = ct;
        self.need = Need::Documents;
        self.losses += 1;
    }

    fn give_up(&mut self) {
        self.changes = VecDeque::new();
        self.need = Need::Nothing;
    }

    /// Takes out what lies up to the head, if it is of this epoch; also returns how often all was lost.
    fn until(&mut self, head: Position) -> Option<(Vec<WaitingChange>, u64)> {
        if self.epoch != Some(head.epoch) || self.need != Need::Changes {
            return None;
        }
        let count = self.changes.partition_point(|change| change.seq <= head.seq);
        Some((self.changes.drain(..count).collect(), self.losses))
    }
}

#[cfg(test)]
mod tests;
