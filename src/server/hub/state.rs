//! What the hub knows, and how an entry of the log changes it. No I/O.
//!
//! Long, because it holds everything that one lock protects. A quarter of it is tests.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use super::{
    counting::Counting,
    feed::Feed,
    frames::Shared,
    index::{ChangedRows, RowIndex},
    lateness::Lateness,
    weight,
};
use crate::{
    domain::{
        cells::Cells,
        collections::Collection,
        latest,
        protocol::{
            change::{Change, fold},
            frame::{Delta, RESTORED},
            log::{Effect, Entry, Record},
            position::{ClusterTime, Epoch, Position, Seq},
            topic::Topic,
        },
        report,
        time::UtcMs,
    },
    guards::guarded,
};

/// What a consumer at a position is sent.
pub enum Since {
    /// Nothing new.
    Current,
    /// Frames that lead to a later position.
    Frames(Arc<Shared>),
    /// The consumer must fetch the rows anew, at `min_position` or later.
    Reset { min_position: Position, reason: &'static str },
}

/// What a consumer lacks that others do not lack, too. Its frames are not made yet.
pub struct CatchUp {
    collection: Collection,
    from: Position,
    to: Position,
    ct: ClusterTime,
    rows: ChangedRows,
}

impl CatchUp {
    /// All that is lacking. Copies the rows.
    pub fn delta(self) -> Delta {
        let Self { collection, from, to, ct, rows } = self;
        Delta { topic: Topic::Collection(collection), from, to, ct, changes: rows.changes(), more: false }
    }

    fn frames(self) -> Arc<Shared> {
        let Delta { topic, from, to, ct, changes, .. } = self.delta();
        Arc::new(Shared::new(&topic, from, to, ct, changes))
    }
}

/// What a consumer of `collection` at `cursor` is sent. The state is locked twice for a moment, because two megabytes
/// of rows may have to be copied in between.
pub fn since<S: Deref<Target = HubState>>(state: impl Fn() -> S, collection: Collection, cursor: Position) -> Since {
    let found = state().since(collection, cursor);
    found.unwrap_or_else(|catch_up| {
        let fold = catch_up.frames();
        state().keep(collection, cursor, &fold);
        Since::Frames(fold)
    })
}

/// What [`HubState::take`] did with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// The entry continues the log and was taken.
    Taken,
    /// The entry was known already.
    Old,
    /// Entries before it are missing, or it belongs to another epoch.
    Gap,
}

#[derive(Default)]
pub struct HubState {
    /// `None` until the log was read.
    epoch: Option<Epoch>,
    /// The last number taken. `closed` is the last one up to which no transaction is cut.
    taken: Seq,
    closed: Seq,
    /// Where consumers are led to, at or before `closed`.
    head: Seq,
    /// Cluster time of `head`.
    pub ct: ClusterTime,
    /// The latest cluster time that consumers were led to, in any epoch.
    shown: ClusterTime,
    /// The last epoch that began because the database was set back.
    restored: Option<Epoch>,
    waiting: WaitingRecords,
    /// Whether a round goes on, during which the head must stand still.
    pub serving: bool,
    topics: HashMap<Collection, TopicState>,
    folds: Mutex<Folds>,
    pub cells: Counting,
    pub feed: Feed,
    /// When the last change up to `head` happened.
    pub at: UtcMs,
    pub lag: Duration,
    pub checked: Option<Instant>,
    /// As `checked`, but kept when an epoch begins.
    pub moved: Option<Instant>,
    /// Lateness of the relay's messages that nothing happened.
    pub lateness: Option<Lateness>,
    clock: Option<(UtcMs, Instant)>,
    /// Counts changes of what the boards show.
    pub version: u64,
    /// Counts changes of the figures' time series. Changes that touch no time series leave it as it is.
    pub series_version: u64,
    /// The last change that can matter to a report, as far as the log reaches back.
    reported: (Seq, ClusterTime),
}

/// Records that were taken but lie after the head.
#[derive(Default)]
struct WaitingRecords {
    /// Each with its approximate bytes.
    records: VecDeque<(Record, usize)>,
    bytes: usize,
    /// What the records do not hold, because there was no room for it. It comes before them.
    forgotten: Option<Forgotten>,
}

/// Approximate bytes of records that may wait. More wait only if one transaction is larger.
const WAITING_MAX: usize = 64 << 20;

/// Records that were taken and forgotten, of which only this is known.
struct Forgotten {
    last: Seq,
    ct: ClusterTime,
    at: UtcMs,
    collections: HashSet<Collection>,
    /// Whether a collection was replaced.
    replaced: bool,
}

impl WaitingRecords {
    /// Takes a record that waits for the head. Forgets all that wait if there is no room for it.
    fn push(&mut self, seq: Seq, record: Record) {
        let bytes = weight::record(&record);
        self.bytes += bytes;
        self.records.push_back((record, bytes));
        if self.bytes > WAITING_MAX {
            self.forget(seq);
        }
    }

    fn forget(&mut self, last: Seq) {
        self.bytes = 0;
        for (Record { collection, ct, at, effect }, _) in self.records.drain(..) {
            let nothing = || Forgotten { last, ct, at, collections: HashSet::new(), replaced: false };
            let known = self.forgotten.get_or_insert_with(nothing);
            (known.last, known.ct, known.at) = (last, ct, at);
            known.collections.insert(collection);
            if let Effect::Reset { also, .. } = effect {
                known.collections.extend(also);
                known.replaced = true;
            }
        }
    }

    /// The oldest `count` records.
    fn drain(&mut self, count: usize) -> Vec<Record> {
        let drained = self.records.drain(..count.min(self.records.len()));
        let bytes = &mut self.bytes;
        drained.map(|(record, size)| (*bytes -= size, record).1).collect()
    }
}

struct TopicState {
    index: RowIndex,
    /// Number of the last reset, and its reason.
    reset: Seq,
    reason: &'static str,
    newest: Option<Newest>,
}

/// The newest changes, for consumers at `from` or later. They grow until the first consumer is sent them; what comes
/// after that begins anew.
struct Newest {
    from: Seq,
    changes: Vec<Change>,
    /// Approximate bytes of the changes.
    bytes: usize,
    shared: OnceLock<Arc<Shared>>,
}

/// Number of changes at which [`Newest`] begins anew. A consumer before that gets its changes from the index, one per
/// document.
const NEWEST_MAX: usize = 1024;
/// Approximate bytes of changes at which [`Newest`] begins anew. If a single transaction has more, all consumers get
/// its changes from the index.
const NEWEST_BYTES_MAX: usize = 8 << 20;

impl TopicState {
    /// Adds the changes that follow `from`. They join the previous ones if nobody was sent those yet.
    fn lead_on(&mut self, from: Seq, changes: Vec<Change>) {
        let bytes = changes.iter().map(weight::change).sum::<usize>();
        match &mut self.newest {
            Some(newest)
                if newest.shared.get().is_none()
                    && newest.changes.len() < NEWEST_MAX
                    && newest.bytes + bytes <= NEWEST_BYTES_MAX =>
            {
                newest.changes.extend(changes);
                newest.bytes += bytes;
            }
            newest => {
                *newest = (bytes <= NEWEST_BYTES_MAX).then(|| Newest { from, changes, bytes, shared: OnceLock::new() });
            }
        }
    }

    fn above(floor: Seq, reason: &'static str) -> Self {
        Self { index: RowIndex::above(floor), reset: floor, reason, newest: None }
    }
}

const REPLACED: &str = "collection replaced";
const TOO_FAR_BEHIND: &str = "too far behind";

/// Cached folds by the cursor that they begin at. Those of a collection are kept until its next change.
#[derive(Default)]
struct Folds {
    kept: HashMap<Collection, HashMap<Seq, Arc<Shared>>>,
    bytes: usize,
}

/// Approximate bytes of all folds that are kept, encoded in both forms. The largest fold takes less than half of it,
/// unless it is of one huge row.
const FOLDS_MAX: usize = 16 << 20;

impl Folds {
    fn get(&self, collection: Collection, from: Seq) -> Option<Arc<Shared>> {
        self.kept.get(&collection)?.get(&from).cloned()
    }

    /// Keeps a fold. If there is no room for it all others go, because many ask at once for what is new.
    fn keep(&mut self, collection: Collection, from: Seq, fold: Arc<Shared>) {
        if fold.bytes > FOLDS_MAX {
            return;
        }
        if self.bytes + fold.bytes > FOLDS_MAX {
            *self = Self::default();
        }
        self.bytes += fold.bytes;
        if let Some(before) = self.kept.entry(collection).or_default().insert(from, fold) {
            self.bytes -= before.bytes;
        }
    }

    fn forget(&mut self, collection: Collection) {
        let forgotten = self.kept.remove(&collection).unwrap_or_default();
        self.bytes -= forgotten.values().map(|fold| fold.bytes).sum::<usize>();
    }
}

impl HubState {
    /// Begins at the oldest entry that the log still has.
    pub fn begin(&mut self, oldest: &Entry) {
        let floor = Seq(oldest.first.0.saturating_sub(1));
        let topics = Collection::ALL.into_iter().map(|c| (c, TopicState::above(floor, REPLACED))).collect();
        *self = Self {
            epoch: Some(oldest.epoch),
            taken: floor,
            closed: floor,
            head: floor,
            serving: self.serving,
            ct: oldest.ct,
            shown: if oldest.restored { oldest.ct } else { self.shown.max(self.ct) },
            restored: if oldest.restored { Some(oldest.epoch) } else { self.restored },
            topics,
            cells: Counting::since(oldest.ct),
            feed: Feed::from(Position::new(oldest.epoch, floor.next())),
            lag: self.lag,
            moved: self.moved,
            clock: self.clock,
            lateness: self.lateness,
            version: self.version + 1,
            series_version: self.series_version + 1,
            reported: (floor, oldest.ct),
            ..Self::default()
        };
    }

    /// Where consumers are led to. `None` until the log was read, and while the log is at an earlier time than
    /// consumers were led to in another epoch, as after a Redis was set back. Time never goes back on a page.
    pub fn head(&self) -> Option<Position> {
        let goes_on = guarded!(TimeGoesOn: self.ct >= self.shown, else true);
        Some(Position::new(self.epoch.filter(|_| goes_on)?, self.head))
    }

    /// Notes that everything MongoDB has was taken. Then the head is no earlier than what was shown.
    pub fn is_whole(&mut self) {
        if self.head == self.taken {
            self.ct = self.ct.max(self.shown);
        }
    }

    /// Whether the database was set back since a position.
    pub fn is_restored_since(&self, position: Position) -> bool {
        self.restored.is_some_and(|epoch| position.epoch < epoch)
    }

    /// See [`super::Hub::reported`].
    pub fn reported(&self) -> Option<(Position, ClusterTime)> {
        let (seq, ct) = self.reported;
        Some((Position::new(self.head()?.epoch, seq), ct))
    }

    /// The last number taken, closed or not.
    pub fn tail(&self) -> Option<Position> {
        Some(Position::new(self.epoch?, self.taken))
    }

    /// Whether a log that ends at `head` has entries that are not known here. A log of another epoch has some, even
    /// of an older one. A log that is only shorter has none, because it will get the same numbers again.
    pub fn lacks(&self, head: Position) -> bool {
        let lacks = |tail: Position| self.is_of_other_epoch(head) || tail.seq < head.seq && tail.epoch == head.epoch;
        guarded!(LastIdCheck: self.tail().is_none_or(lacks), else false)
    }

    /// The position after which to read a log that ends at `head`; `None` means from its oldest entry.
    pub fn reads_after(&self, head: Position) -> Option<Position> {
        self.tail().filter(|_| !self.is_of_other_epoch(head))
    }

    fn is_of_other_epoch(&self, head: Position) -> bool {
        guarded!(EpochEquals: self.epoch.is_some_and(|epoch| epoch != head.epoch), else false)
    }

    pub fn now(&self) -> Option<UtcMs> {
        let (at, since) = self.clock?;
        Some(UtcMs(at.0 + i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)))
    }

    /// Notes that MongoDB's operation time was `at` or later a moment ago. The clock never goes back.
    pub fn heard(&mut self, at: UtcMs) {
        if self.now().is_none_or(|now| at > now) {
            self.clock = Some((at, Instant::now()));
        }
    }

    /// Takes an entry if it continues what is known.
    pub fn take(&mut self, entry: Entry) -> Intake {
        if self.epoch != Some(entry.epoch) {
            return Intake::Gap;
        }
        if entry.last <= self.taken {
            return Intake::Old;
        }
        let Some(known) = (self.taken.0 + 1).checked_sub(entry.first.0) else { return Intake::Gap };
        let new = entry.records.into_iter().skip(usize::try_from(known).unwrap_or(usize::MAX));
        for (seq, record) in (self.taken.next().0..).map(Seq).zip(new) {
            self.waiting.push(seq, Arc::unwrap_or_clone(record));
        }
        self.taken = entry.last;
        self.closed = self.closed.max(guarded!(ClosedPositions: entry.closed, else entry.last));
        Intake::Taken
    }

    /// Moves the head to `closed`; returns whether it moved.
    pub fn advance(&mut self) -> bool {
        let is_cut = |forgotten: &Forgotten| self.closed < forgotten.last;
        if self.serving || self.closed <= self.head || self.waiting.forgotten.as_ref().is_some_and(is_cut) {
            return false;
        }
        let (mut from, to) = (self.head, self.closed);
        if let Some(forgotten) = self.waiting.forgotten.take() {
            from = forgotten.last;
            self.pass_over(forgotten);
        }
        let records = self.waiting.drain(usize::try_from(to.0 - from.0).unwrap_or(usize::MAX));
        self.head = to;
        let mut changed: HashMap<Collection, Vec<Change>> = HashMap::new();
        let mut before: HashMap<Collection, Seq> = HashMap::new();
        for (seq, record) in (from.next().0..).map(Seq).zip(records) {
            (self.ct, self.at) = (record.ct, record.at);
            self.heard(record.at);
            if report::matters(&record) {
                self.reported = (seq, record.ct);
            }
            let activity = latest::activity(&record);
            match record.effect {
                Effect::Row(row) => {
                    let Some(topic) = self.topics.get_mut(&record.collection) else { continue };
                    before.entry(record.collection).or_insert_with(|| topic.index.last());
                    changed.entry(record.collection).or_default().push(row.change());
                    self.cells.change(record.ct, row.cells.as_ref());
                    self.series_version +=
                        u64::from(row.cells.iter().flat_map(Cells::iter).any(|(cell, _)| cell.is_time_series()));
                    let id = row.id.clone();
                    topic.index.put(seq, &id, row.into_row());
                    if let Some(activity) = activity {
                        self.feed.push(Position::new(self.epoch.unwrap_or_default(), seq), activity);
                    }
                }
                Effect::Reset { also, .. } => {
                    guarded!(ResetRecord: {}, else continue);
                    for collection in [Some(record.collection), also].into_iter().flatten() {
                        self.begin_topic(collection, seq, REPLACED);
                        changed.remove(&collection);
                    }
                    self.cells = Counting::since(record.ct);
                    self.series_version += 1;
                }
            }
        }
        for (collection, changes) in changed {
            let from = before.get(&collection).copied().unwrap_or(from);
            self.folds().forget(collection);
            if let Some(topic) = self.topics.get_mut(&collection) {
                topic.lead_on(from, changes);
            }
        }
        self.version += 1;
        true
    }

    /// Goes on after records that are not known any more. Consumers fetch the rows of their collections anew, the
    /// figures are counted anew, and the feed begins here.
    fn pass_over(&mut self, Forgotten { last, ct, at, collections, replaced }: Forgotten) {
        for collection in collections {
            self.begin_topic(collection, last, TOO_FAR_BEHIND);
        }
        if replaced {
            self.cells = Counting::since(ct);
        } else {
            self.cells.change(ct, None);
        }
        self.feed = Feed::from(self.position(last.next()));
        (self.ct, self.at, self.reported) = (ct, at, (last, ct));
        self.heard(at);
        self.series_version += 1;
    }

    fn begin_topic(&mut self, collection: Collection, floor: Seq, reason: &'static str) {
        self.topics.insert(collection, TopicState::above(floor, reason));
        self.folds().forget(collection);
    }

    fn folds(&mut self) -> &mut Folds {
        self.folds.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn position(&self, seq: Seq) -> Position {
        Position::new(self.epoch.unwrap_or_default(), seq)
    }

    /// What [`since`] finds; an error if its frames must be made first.
    fn since(&self, collection: Collection, cursor: Position) -> Result<Since, CatchUp> {
        let (Some(head), Some(topic)) = (self.head(), self.topics.get(&collection)) else { return Ok(Since::Current) };
        let reset = |reason| Ok(Since::Reset { min_position: self.position(topic.reset), reason });
        if cursor.epoch != head.epoch {
            return reset(if self.is_restored_since(cursor) { RESTORED } else { "epoch" });
        }
        // A consumer that comes from another instance may be ahead of this one for a moment.
        if cursor.seq >= topic.index.last() && cursor.seq >= topic.reset {
            return Ok(Since::Current);
        }
        if cursor.seq < topic.reset {
            return reset(topic.reason);
        }
        if let Some(newest) = topic.newest.as_ref().filter(|newest| cursor.seq >= newest.from) {
            let (of, from) = (Topic::Collection(collection), self.position(newest.from));
            let shared = || Arc::new(Shared::new(&of, from, head, self.ct, fold(newest.changes.clone())));
            return Ok(Since::Frames(newest.shared.get_or_init(shared).clone()));
        }
        if let Some(fold) = self.lock_folds().get(collection, cursor.seq) {
            return Ok(Since::Frames(fold));
        }
        let Some(rows) = topic.index.since(cursor.seq) else { return reset(TOO_FAR_BEHIND) };
        Err(CatchUp { collection, from: cursor, to: head, ct: self.ct, rows })
    }

    /// Keeps a fold for others at the same cursor, unless there was a change meanwhile.
    fn keep(&self, collection: Collection, cursor: Position, fold: &Arc<Shared>) {
        let is_whole = |topic: &TopicState| topic.index.last() <= fold.to.seq && topic.reset <= fold.to.seq;
        if self.epoch == Some(fold.to.epoch) && self.topics.get(&collection).is_some_and(is_whole) {
            self.lock_folds().keep(collection, cursor.seq, fold.clone());
        }
    }

    fn lock_folds(&self) -> MutexGuard<'_, Folds> {
        self.folds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`super::Hub::delta_since`].
    pub fn catch_up(&self, collection: Collection, cursor: Position) -> Option<CatchUp> {
        let (head, topic) = (self.head()?, self.topics.get(&collection)?);
        if cursor.epoch != head.epoch || cursor.seq < topic.reset || cursor.seq > head.seq {
            return None;
        }
        Some(CatchUp { collection, from: cursor, to: head, ct: self.ct, rows: topic.index.since(cursor.seq)? })
    }

    /// Takes a count of all documents at `ct`, and adds what happened later.
    pub fn counted(&mut self, ct: ClusterTime, cells: Cells) {
        if self.cells.counted(ct, cells) {
            self.version += 1;
            self.series_version += 1;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::{fields::Fields, ids::DocId, protocol::log::RowChange};

    pub fn entry(first: u64, last: u64, closed: u64) -> Entry {
        let record = |n: u64| Record {
            collection: Collection::Clients,
            ct: ClusterTime(n),
            at: UtcMs(0),
            effect: Effect::Row(RowChange {
                id: DocId(n.to_string()),
                after: Some(Fields::new()),
                changed: None,
                before: Fields::new(),
                cells: Some(Cells::default()),
                unknown: false,
                read: None,
            }),
        };
        Entry {
            epoch: Epoch(1),
            first: Seq(first),
            last: Seq(last),
            ct: ClusterTime(last),
            closed: Seq(closed),
            gap: false,
            restored: false,
            records: (first..=last).map(record).map(Arc::new).collect(),
        }
    }

    fn state() -> HubState {
        let mut state = HubState::default();
        state.begin(&entry(1, 0, 0));
        state
    }

    #[test]
    fn entries_lead_on_or_are_told_apart() {
        let mut s = state();
        assert_eq!(s.take(entry(1, 3, 3)), Intake::Taken);
        assert_eq!(s.take(entry(2, 3, 3)), Intake::Old);
        assert_eq!(s.take(entry(2, 5, 5)), Intake::Taken, "the known prefix is dropped");
        assert_eq!(s.take(entry(7, 8, 8)), Intake::Gap);
        assert!(s.advance());
        let lacking = s.catch_up(Collection::Clients, Position::new(Epoch(1), Seq(0))).unwrap();
        assert_eq!(lacking.delta().changes.len(), 5);
    }

    #[test]
    fn half_a_transaction_is_never_shown() {
        let mut s = state();
        s.take(entry(1, 3, 0));
        assert!(!s.advance());
        assert_eq!(s.head().unwrap().seq, Seq(0));
        assert!(matches!(since(|| &s, Collection::Clients, s.head().unwrap()), Since::Current));
        s.take(entry(4, 4, 4));
        assert!(s.advance());
        assert_eq!(s.head().unwrap().seq, Seq(4));
    }

    #[test]
    fn consumers_at_the_head_share_one_frame_and_others_a_fold() {
        let mut s = state();
        s.take(entry(1, 2, 2));
        s.advance();
        assert!(matches!(since(|| &s, Collection::Clients, Position::new(Epoch(1), Seq(0))), Since::Frames(_)));
        s.take(entry(3, 4, 4));
        s.advance();
        let after = |seq| since(|| &s, Collection::Clients, Position::new(Epoch(1), Seq(seq)));
        let (Since::Frames(last), Since::Frames(same)) = (after(2), after(2)) else { panic!() };
        assert!(Arc::ptr_eq(&last, &same));
        let (Since::Frames(fold), Since::Frames(same)) = (after(1), after(1)) else { panic!() };
        assert!(Arc::ptr_eq(&fold, &same) && !Arc::ptr_eq(&last, &fold));
        assert!(matches!(after(4), Since::Current));
        let other = since(|| &s, Collection::Clients, Position::new(Epoch(2), Seq(1)));
        assert!(matches!(other, Since::Reset { reason: "epoch", .. }));
    }

    #[test]
    fn a_log_of_an_earlier_time_is_not_shown_until_it_has_caught_up_unless_the_database_was_set_back() {
        let opening = |epoch, ct| Entry::opening(Epoch(epoch), ClusterTime(ct), false);
        let mut s = state();
        s.take(entry(1, 9, 9));
        s.advance();
        let led = s.head().unwrap();
        let since = |s: &HubState| match since(|| s, Collection::Clients, led) {
            Since::Reset { reason, .. } => Some(reason),
            _ => None,
        };
        s.begin(&opening(0, 4));
        assert_eq!((s.head(), since(&s)), (None, None), "an older epoch");
        s.begin(&opening(2, 7));
        s.take(Entry { epoch: Epoch(2), ..entry(1, 8, 8) });
        s.advance();
        assert_eq!((s.head(), since(&s)), (None, None), "on its way");
        s.take(Entry { epoch: Epoch(2), ..entry(9, 9, 9) });
        s.advance();
        assert_eq!(since(&s), Some("epoch"));
        s.begin(&opening(3, 8));
        assert_eq!(s.head(), None);
        s.is_whole();
        assert!(s.head().is_some() && s.ct == ClusterTime(9), "nothing happened since");
        s.begin(&Entry { restored: true, ..opening(4, 2) });
        assert!(s.head().is_some() && since(&s) == Some(RESTORED));
        s.begin(&opening(5, 3));
        assert_eq!(since(&s), Some(RESTORED), "who was away then is told, too");
    }

    #[test]
    fn in_a_round_all_are_led_to_one_place_and_what_came_meanwhile_is_one_frame() {
        let mut s = state();
        s.take(entry(1, 2, 2));
        s.advance();
        s.serving = true;
        for n in 3..6 {
            s.take(entry(n, n, n));
            assert!(!s.advance());
        }
        let to = |s: &HubState, seq| match since(|| s, Collection::Clients, Position::new(Epoch(1), Seq(seq))) {
            Since::Frames(shared) => shared.to.seq.0,
            _ => 0,
        };
        assert_eq!((to(&s, 0), to(&s, 1)), (2, 2));
        s.serving = false;
        assert!(s.advance());
        assert_eq!(to(&s, 2), 5);
    }

    #[test]
    fn changes_that_nobody_was_sent_yet_become_one_frame() {
        let mut s = state();
        for n in 1..=3 {
            s.take(entry(n, n, n));
            s.advance();
        }
        let Since::Frames(all) = since(|| &s, Collection::Clients, Position::new(Epoch(1), Seq(0))) else { panic!() };
        let Since::Frames(same) = since(|| &s, Collection::Clients, Position::new(Epoch(1), Seq(2))) else { panic!() };
        assert!(Arc::ptr_eq(&all, &same) && all.to.seq == Seq(3));
    }

    /// As [`entry`], with rows of so many bytes.
    fn heavy(first: u64, last: u64, closed: u64, bytes: usize) -> Entry {
        let mut entry = entry(first, last, closed);
        for record in &mut entry.records {
            if let Effect::Row(RowChange { after: Some(row), .. }) = &mut Arc::make_mut(record).effect {
                row.insert("name".to_owned(), "x".repeat(bytes).into());
            }
        }
        entry
    }

    fn at(seq: u64) -> Position {
        Position::new(Epoch(1), Seq(seq))
    }

    #[test]
    fn a_thousand_different_positions_cost_bounded_memory() {
        const ALL: u64 = 1000;
        let mut s = state();
        s.take(heavy(1, ALL, ALL, 100));
        s.advance();
        s.take(entry(ALL + 1, ALL + 1, ALL + 1));
        s.advance();
        let sent = |s: &HubState, seq| match since(|| s, Collection::Clients, at(seq)) {
            Since::Frames(fold) => fold,
            _ => panic!("no frames"),
        };
        // The first consumer takes the newest changes, so that the next change does not join them.
        sent(&s, ALL);
        s.take(entry(ALL + 2, ALL + 2, ALL + 2));
        s.advance();
        let kept = |s: &HubState| {
            let folds = s.folds.lock().unwrap();
            let bytes = folds.kept.values().flat_map(HashMap::values).map(|fold| fold.bytes).sum::<usize>();
            assert_eq!(bytes, folds.bytes);
            bytes
        };
        let mut all = 0;
        for seq in 0..ALL {
            let fold = sent(&s, seq);
            all += fold.bytes;
            assert_eq!(fold.to.seq, Seq(ALL + 2));
            assert!(kept(&s) <= FOLDS_MAX);
            assert!(Arc::ptr_eq(&fold, &sent(&s, seq)), "what was asked for last is shared");
        }
        assert!(all > 8 * FOLDS_MAX, "{all}");
        s.take(entry(ALL + 3, ALL + 3, ALL + 3));
        s.advance();
        assert_eq!(kept(&s), 0);
    }

    #[test]
    fn what_one_frame_would_not_hold_comes_from_the_index() {
        let mut s = state();
        let newest = |s: &HubState| s.topics[&Collection::Clients].newest.as_ref().map(|newest| newest.bytes);
        for seq in 1..=20 {
            s.take(heavy(seq, seq, seq, 1 << 20));
            s.advance();
            assert!(newest(&s).is_some_and(|bytes| bytes <= NEWEST_BYTES_MAX), "{seq}");
        }
        s.take(heavy(21, 40, 40, 1 << 20));
        s.advance();
        assert_eq!(newest(&s), None);
        assert!(matches!(since(|| &s, Collection::Clients, at(39)), Since::Frames(_)));
        assert!(matches!(since(|| &s, Collection::Clients, at(20)), Since::Reset { reason: TOO_FAR_BEHIND, .. }));
    }

    #[test]
    fn a_transaction_without_bounds_is_not_kept_and_its_rows_are_fetched_anew() {
        let mut s = state();
        s.counted(ClusterTime(0), Cells::default());
        let (mut last, mut kept) = (0, 0);
        while s.waiting.forgotten.is_none() && last < 100 {
            kept = s.waiting.bytes;
            last += 1;
            s.take(heavy(last, last, 0, 1 << 20));
            assert!(!s.advance() && s.waiting.bytes <= WAITING_MAX, "{last}");
        }
        assert!(kept > WAITING_MAX / 2 && s.waiting.bytes == 0, "{kept}");
        s.take(entry(last + 1, last + 1, 0));
        assert!(!s.advance());
        s.take(entry(last + 2, last + 2, last + 2));
        assert!(s.advance());
        assert_eq!((s.head(), s.ct, s.waiting.bytes), (Some(at(last + 2)), ClusterTime(last + 2), 0));
        let clients_since = |seq| since(|| &s, Collection::Clients, at(seq));
        let Since::Reset { min_position, reason: TOO_FAR_BEHIND } = clients_since(0) else { panic!("no reset") };
        assert_eq!(min_position, at(last));
        assert!(matches!(clients_since(last), Since::Frames(_)), "what came later is known");
        assert!(matches!(clients_since(last + 2), Since::Current));
        assert!(matches!(since(|| &s, Collection::Stations, at(0)), Since::Current), "nothing of it was forgotten");
        assert!(s.catch_up(Collection::Clients, at(0)).is_none());
        assert!(s.cells.exact().is_none() && s.cells.cells().is_some(), "to be counted anew");
        assert_eq!(s.feed.complete_from(), at(last + 1));
    }

    #[test]
    fn a_collection_that_was_replaced_in_what_was_forgotten_is_counted_anew() {
        let mut s = state();
        s.counted(ClusterTime(0), Cells::default());
        let mut first = entry(1, 1, 0);
        Arc::make_mut(&mut first.records[0]).effect =
            Effect::Reset { reason: "renamed".to_owned(), also: Some(Collection::Stations) };
        s.take(first);
        s.take(heavy(2, 80, 80, 1 << 20));
        assert!(s.waiting.forgotten.is_some() && s.advance());
        assert!(s.cells.cells().is_none());
        assert!(matches!(since(|| &s, Collection::Stations, at(0)), Since::Reset { .. }));
    }
}
