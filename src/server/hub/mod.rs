//! The hub of each instance: follows the log, keeps the last state of each recently changed document, and answers
//! every consumer's one question: what changed since my position? There are no queues per consumer.
//!
//! Long, because it is all that other parts may do with the hub: each method takes the one lock and leaves it again.

#![cfg_attr(
    not(test),
    expect(
        clippy::arithmetic_side_effects,
        reason = "its own counts, sizes and positions; what documents say is added up in `domain::cells`"
    )
)]

mod boards;
#[cfg(all(test, feature = "guards"))]
mod controls;
mod counting;
mod engine;
mod feed;
pub mod frames;
#[cfg(test)]
mod histories;
mod index;
mod lateness;
mod state;
mod tail;
pub mod weight;
pub mod zones;

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

use tokio::sync::watch;

pub use boards::BoardSnapshot;
pub use counting::Verdict;
pub use frames::{Form, Shared, wire};
pub use state::Since;
pub use tail::follow;

use crate::{
    domain::{
        board::Board,
        cells::{Cell, Cells},
        collections::Collection,
        fields::Fields,
        money::Currency,
        protocol::{
            frame::{Delta, STALE_MS},
            position::{ClusterTime, Position},
        },
        system::SLOW_MS,
        time::UtcMs,
    },
    server::{
        engine::Engine,
        pace::{FairShare, Turn},
        redis::log::Sent,
        telemetry::metrics::{metrics, since},
    },
};
use boards::BoardView;
use engine::HubEngine;
use lateness::Lateness;
use state::{CatchUp, HubState};

/// Whether the head has reached a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Reached,
    /// The head is still before it: another instance was ahead, or its epoch is not known here yet.
    NotYet,
    /// The position belongs to an epoch that has ended.
    Gone,
}

impl Reach {
    fn of(position: Position, head: Option<Position>) -> Self {
        match head {
            Some(head) if position.epoch < head.epoch => Self::Gone,
            Some(head) if position <= head => Self::Reached,
            _ => Self::NotYet,
        }
    }
}

/// How long [`Hub::reach`] waits for a position.
const PATIENCE: Duration = Duration::from_secs(2);

/// How fresh this instance is.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// Time from MongoDB's commit to this instance, as last measured.
    pub lag: Duration,
    /// Time since the relay was last heard; `None` if never.
    pub checked: Option<Duration>,
}

/// A handle to the hub; clones share it.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

/// See [`Hub::round`].
pub struct Round(Hub);

impl Drop for Round {
    fn drop(&mut self) {
        self.0.write().serving = false;
        self.0.advance();
    }
}

struct Inner {
    born: Instant,
    state: RwLock<HubState>,
    /// The collections that cannot be followed, in the order of [`Collection::ALL`], and since when this is known.
    unfollowed: watch::Sender<(Vec<Collection>, Instant)>,
    boards: boards::Cache,
    engine: HubEngine,
    /// The turn at making boards that take long.
    making: FairShare,
    /// Incremented by everything that may change what consumers see.
    version: watch::Sender<u64>,
}

impl Hub {
    /// A hub whose engine takes at most so many bytes.
    pub fn new(silent_after: Duration, currency: Currency, engine_bytes: usize) -> Self {
        Self(Arc::new(Inner {
            born: Instant::now(),
            state: RwLock::new(HubState::default()),
            unfollowed: watch::Sender::new((Vec::new(), Instant::now())),
            boards: boards::Cache::new(silent_after, currency),
            engine: HubEngine::new(engine_bytes),
            making: FairShare::default(),
            version: watch::Sender::new(0),
        }))
    }

    /// Wakes when something changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.version.subscribe()
    }

    /// The last closed position; `None` until the log was read.
    pub fn head(&self) -> Option<Position> {
        self.read().head()
    }

    /// Waits a short while for the head to reach a position, and returns whether it did.
    pub async fn reach(&self, position: Position) -> Reach {
        let mut changes = self.changes();
        let reached = async {
            loop {
                changes.mark_unchanged();
                let reach = Reach::of(position, self.head());
                if reach != Reach::NotYet || changes.changed().await.is_err() {
                    return reach;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap_or(Reach::NotYet)
    }

    /// The frames that lead a consumer of `collection` from `cursor` to the head.
    pub fn since(&self, collection: Collection, cursor: Position) -> Since {
        state::since(|| self.read(), collection, cursor)
    }

    /// All changes of `collection` after `cursor` as one delta, for bringing a snapshot up to the head.
    /// `None` when the hub does not reach back so far.
    pub fn delta_since(&self, collection: Collection, cursor: Position) -> Option<Delta> {
        let catch_up = self.read().catch_up(collection, cursor);
        catch_up.map(CatchUp::delta)
    }

    /// Whether the database was set back to an earlier state since a position.
    pub fn is_restored_since(&self, position: Position) -> bool {
        self.read().is_restored_since(position)
    }

    /// A board's values. `None` until the log was read, and while a collection that the board reads cannot be followed.
    /// Those of a board of figures may be of before, and there are none until somebody [makes](Self::make_board) it.
    pub fn board(&self, board: &Board) -> Option<Arc<BoardSnapshot>> {
        self.is_followed(board).then(|| self.0.boards.get(board, &self.read()))?
    }

    /// The values of a board of figures, if they are those of now.
    pub fn current_board(&self, board: &Board) -> Option<Arc<BoardSnapshot>> {
        self.0.boards.current(board, &self.read()).filter(|_| self.is_followed(board))
    }

    /// A board's values as of this call or later.
    pub async fn board_of_now(&self, board: &Board) -> Arc<BoardSnapshot> {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            let made = match board {
                Board::Overview(_) | Board::Analytics(_) => self.make_board(board).await,
                Board::Activity(_) | Board::Reported | Board::System => self.board(board),
            };
            if let Some(snapshot) = made {
                return snapshot;
            }
            // The sender lives as long as this hub.
            drop(changes.changed().await);
        }
    }

    /// For how long a board has been out of date; zero if it is current.
    pub fn board_is_behind(&self, board: &Board) -> Duration {
        self.0.boards.behind(board).unwrap_or_default()
    }

    /// Waits until a board of figures is out of date that no round renews.
    pub async fn some_boards_are_behind(&self) {
        self.0.boards.some_are_behind().await;
    }

    /// Makes a board that is behind, and wakes who waits for it.
    pub async fn make_up(&self, board: &Board) {
        if self.make_board(board).await.is_some() {
            self.wake();
        }
    }

    /// Makes a board of figures, unless it is current. `None` for an unknown zone, until the log was read and the figures
    /// are counted, and while a collection that the board reads cannot be followed. It is made off the runtime's threads,
    /// to its end even if nobody waits. Boards that take long are made one at a time, with as much rest as work. The head
    /// moves on meanwhile, and the board keeps what it is made of.
    pub async fn make_board(&self, board: &Board) -> Option<Arc<BoardSnapshot>> {
        let turn = if boards::takes_long(board) { Some(self.0.making.turn().await) } else { None };
        let current = self.current_board(board);
        if current.is_some() || !self.is_followed(board) {
            self.0.boards.give_up(board);
            return current;
        }
        let view = self.0.boards.view(board, &self.read());
        let Some(view) = view else {
            self.0.boards.give_up(board);
            return None;
        };
        self.make(board, view, turn).await
    }

    /// Makes those of the Overviews in `prompt` that somebody looks at, if they are out of date. They are made off the
    /// runtime's threads, because there may be one for each account.
    pub async fn renew_overviews(&self, prompt: &HashSet<Board>) {
        let due = self.0.boards.overviews_to_renew(prompt, &self.read());
        let Some((view, due)) = due else { return };
        let hub = self.clone();
        let renewed = tokio::task::spawn_blocking(move || {
            for board in due {
                hub.0.boards.make(&board, &view, || hub.read());
            }
        });
        if let Err(error) = renewed.await {
            tracing::error!(%error, "the Overviews cannot be renewed");
        }
    }

    /// Makes a board of figures off the runtime's threads, to its end even if nobody waits. The turn lasts as long.
    async fn make(&self, board: &Board, view: BoardView, turn: Option<Turn>) -> Option<Arc<BoardSnapshot>> {
        let (hub, asked) = (self.clone(), board.clone());
        let made = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            hub.0.boards.make(&asked, &view, || hub.read())
        });
        made.await.unwrap_or_else(|error| {
            tracing::error!(%error, %board, "a board cannot be made");
            self.0.boards.give_up(board);
            None
        })
    }

    fn is_followed(&self, board: &Board) -> bool {
        !self.unfollowed().into_iter().any(|collection| board.reads(collection))
    }

    /// The last change that can matter to a report, with its cluster time. A report that was read at that time or
    /// later is still true. `None` until the log was read.
    pub fn reported(&self) -> Option<(Position, ClusterTime)> {
        self.read().reported()
    }

    pub fn freshness(&self) -> Freshness {
        let state = self.read();
        let checked = state.checked.map(|at| at.elapsed());
        let (unfollowed, at) = &*self.0.unfollowed.borrow();
        // A consumer that knows nothing of unfollowed topics must not take everything for live.
        let stale = || at.elapsed() + Duration::from_millis(u64::from(STALE_MS) + 1);
        Freshness { lag: state.lag, checked: if unfollowed.is_empty() { checked } else { Some(stale()) } }
    }

    /// Time since this hub last heard that the change stream moves on; since its creation if it never heard.
    pub fn stands_for(&self) -> Duration {
        self.read().moved.unwrap_or(self.0.born).elapsed()
    }

    /// The collections that cannot be followed, in the order of [`Collection::ALL`].
    pub fn unfollowed(&self) -> Vec<Collection> {
        self.0.unfollowed.borrow().0.clone()
    }

    /// Wakes when the list of collections that cannot be followed changes.
    pub fn unfollowed_changes(&self) -> watch::Receiver<(Vec<Collection>, Instant)> {
        self.0.unfollowed.subscribe()
    }

    /// Notes which collections cannot be followed.
    pub fn set_unfollowed(&self, unfollowed: Vec<Collection>) {
        let changed = |known: &mut (Vec<Collection>, Instant)| {
            let changed = known.0 != unfollowed;
            if changed {
                *known = (unfollowed, Instant::now());
            }
            changed
        };
        if self.0.unfollowed.send_if_modified(changed) {
            self.wake();
        }
    }

    /// MongoDB's operation time as far as it is known; `None` until it was first heard.
    pub fn now(&self) -> Option<UtcMs> {
        self.read().now()
    }

    /// Seconds without a heartbeat after which a station counts as silent.
    pub fn silent_after_s(&self) -> i64 {
        self.0.boards.silent_after_s()
    }

    /// The head with its cluster time. They are read together, because the head may move between two calls.
    pub fn head_at(&self) -> Option<(Position, ClusterTime)> {
        let state = self.read();
        Some((state.head()?, state.ct))
    }

    /// A hub whose log holds `count` new clients, each at its own number, all of them up to the head.
    ///
    /// # Panics
    /// If the hub does not take them.
    #[cfg(test)]
    pub fn of_new_clients(count: u64) -> Self {
        let hub = Self::new(Duration::ZERO, Currency("GBP".to_owned()), 0);
        hub.write().begin(&state::tests::entry(1, 0, 0));
        assert_eq!(hub.write().take(state::tests::entry(1, count, count)), state::Intake::Taken);
        hub.write().advance();
        hub
    }

    /// Takes the new clients with the numbers from `first` to `last`.
    ///
    /// # Panics
    /// If the hub does not take them.
    #[cfg(test)]
    pub fn take_new_clients(&self, first: u64, last: u64) {
        assert_eq!(self.write().take(state::tests::entry(first, last, last)), state::Intake::Taken);
        self.advance();
    }

    /// Begins an epoch, as after the database was set back.
    #[cfg(test)]
    pub fn set_back(&self) {
        use crate::domain::protocol::{log::Entry, position::Epoch};
        self.write().begin(&Entry { restored: true, ..Entry::opening(Epoch(2), ClusterTime(0), true) });
    }

    /// Reads the engine if it holds all documents as they are at the head. Returns the head, the cluster time of what
    /// was read, and the result. It blocks while another reads, so call it off the runtime's threads.
    pub fn with_engine<T>(&self, read: impl FnOnce(&Engine) -> T) -> Option<(Position, ClusterTime, T)> {
        self.0.engine.exact(|| self.head_at(), read)
    }

    /// Whether the engine holds all documents, so that a report reads none.
    pub fn holds_documents(&self) -> bool {
        self.0.engine.is_loaded()
    }

    fn engine(&self) -> &HubEngine {
        &self.0.engine
    }

    fn read(&self) -> RwLockReadGuard<'_, HubState> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HubState> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the head still while the [`Round`] lives, so that all consumers in it are led to the same position.
    pub fn round(&self) -> Round {
        self.write().serving = true;
        Round(self.clone())
    }

    /// Moves the head to what was taken, unless a round goes on. Only then does the hub count as fresher, because
    /// changes that are taken but not shown make no screen fresher.
    fn advance(&self) {
        let mut state = self.write();
        if state.advance() {
            state.lag = since(state.at);
            state.checked = Some(Instant::now());
            state.moved = state.checked;
            drop(state);
            self.wake();
        }
    }

    fn wake(&self) {
        self.0.version.send_modify(|version| *version += 1);
    }

    /// Shows the pipeline's health on [`Board::System`], and wakes consumers if somebody looks at it.
    pub fn show_system(&self, fields: Fields) {
        if self.0.boards.show_system(fields) {
            self.wake();
        }
    }

    /// A cell of the figures; `None` until they are counted.
    pub fn cell(&self, cell: &Cell) -> Option<i64> {
        self.read().cells.cells().map(|cells| cells.get(cell))
    }

    /// Reads the cells if every change up to the head is in them. Returns the head, their cluster time, the result.
    /// The head may move meanwhile.
    pub fn exact<T>(&self, read: impl FnOnce(&Cells) -> T) -> Option<(Position, ClusterTime, T)> {
        let (head, ct, cells) = {
            let state = self.read();
            let (cells, counted_at) = state.cells.exact()?;
            (state.head()?, state.ct.max(counted_at), cells.clone())
        };
        Some((head, ct, read(&cells)))
    }

    /// Begins to audit the figures' cells; returns false while they are not exact.
    pub fn begin_audit(&self) -> bool {
        let mut state = self.write();
        let ct = state.ct;
        state.cells.begin_audit(ct)
    }

    /// Whether the audit can end, because every change up to `ct` is in or because the audit was broken off.
    pub fn may_end_audit(&self, ct: ClusterTime) -> bool {
        let state = self.read();
        state.cells.may_decide(ct, state.ct)
    }

    /// Compares the cells as they were at `ct` with a count of all documents at that time. If they differ the count
    /// replaces them.
    pub fn end_audit(&self, ct: ClusterTime, truth: &Cells) -> Verdict {
        let mut state = self.write();
        let verdict = state.cells.end_audit(ct, truth);
        if matches!(verdict, Verdict::Different(_)) {
            state.version += 1;
            state.series_version += 1;
            drop(state);
            self.wake();
        }
        verdict
    }

    /// Takes the relay's message that nothing happened after `position` until `at`. The relay last heard of MongoDB
    /// at `sent`. A message's delay on its way counts as age, because a delayed message says nothing about now.
    fn checked(&self, position: Position, at: UtcMs, sent: Option<Sent>) {
        let mut state = self.write();
        let now = Instant::now();
        let late = sent.map_or(Duration::ZERO, |Sent { relay, us }| {
            Lateness::of(&mut state.lateness, relay, us, Sent::now(now).us, now)
        });
        if state.tail() == Some(position) {
            state.is_whole();
        }
        if state.head() == Some(position) {
            state.checked = state.checked.max(now.checked_sub(late));
            state.moved = state.moved.max(state.checked);
            let slow = Duration::from_millis(u64::from(SLOW_MS));
            if late <= slow {
                // The delayed changes have arrived.
                metrics().caught_up();
                state.lag = if state.lag > slow { Duration::ZERO } else { state.lag };
            } else {
                state.lag = state.lag.min(late);
            }
            state.cells.idle(at);
        }
        state.heard(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::protocol::position::{Epoch, Seq};
    use std::{
        sync::mpsc,
        thread::{self, ThreadId},
    };

    #[test]
    fn a_position_is_reached_to_come_or_of_an_epoch_that_ended() {
        let at = |epoch, seq| Position::new(Epoch(epoch), Seq(seq));
        let reach = |position| Reach::of(position, Some(at(7, 3)));
        assert_eq!([reach(at(7, 0)), reach(at(7, 3))], [Reach::Reached; 2]);
        assert_eq!([reach(at(7, 4)), reach(at(8, 0)), Reach::of(at(1, 1), None)], [Reach::NotYet; 3]);
        assert_eq!(reach(at(6, 9)), Reach::Gone);
    }

    /// A hub of one new client, with its figures counted.
    fn counted() -> Hub {
        let hub = Hub::of_new_clients(1);
        let documents = vec![(Cell::Documents(Collection::Clients), 1)];
        hub.write().counted(ClusterTime(1), documents.into());
        hub
    }

    /// Moves the hub's head as the next board is made, and reports whether it could.
    fn moves_meanwhile(hub: &Hub) -> mpsc::Receiver<bool> {
        let (sender, moved) = mpsc::channel();
        let this = hub.clone();
        *hub.0.boards.meanwhile.lock().unwrap() = Some(Box::new(move || {
            let is_free = this.0.state.try_write().is_ok();
            if is_free {
                this.take_new_clients(2, 2);
            }
            sender.send(is_free).unwrap();
        }));
        moved
    }

    #[tokio::test]
    async fn the_head_moves_while_a_board_is_made() {
        let week = Board::Analytics("last=7d&by=day&against=before&zone=UTC".parse().unwrap());
        for board in [week, Board::Overview("UTC".to_owned())] {
            let hub = counted();
            let before = hub.head().unwrap();
            let moved = moves_meanwhile(&hub);
            let made = hub.board_of_now(&board).await;
            assert_eq!(moved.try_recv(), Ok(true), "{board}");
            assert!(made.head == before && hub.head().unwrap() > before, "{board}");
        }
        let hub = counted();
        let moved = moves_meanwhile(&hub);
        let documents = hub.exact(|cells| {
            let meanwhile = hub.0.boards.meanwhile.lock().unwrap().take().unwrap();
            meanwhile();
            cells.get(&Cell::Documents(Collection::Clients))
        });
        assert_eq!((moved.try_recv(), documents.map(|(.., count)| count)), (Ok(true), Some(1)));
    }

    #[tokio::test]
    async fn an_older_board_replaces_no_later_one() {
        let (hub, board) = (counted(), Board::Overview("UTC".to_owned()));
        let this = hub.clone();
        let asked = board.clone();
        *hub.0.boards.meanwhile.lock().unwrap() = Some(Box::new(move || {
            this.take_new_clients(2, 2);
            let view = this.0.boards.view(&asked, &this.read()).unwrap();
            this.0.boards.make(&asked, &view, || this.read()).unwrap();
        }));
        let made = hub.board_of_now(&board).await;
        assert_eq!(made.head, hub.head().unwrap());
    }

    #[tokio::test]
    async fn a_board_whose_course_moves_on_while_it_is_made_is_behind_until_it_is_made_again() {
        let (hub, week) = (counted(), Board::Analytics("last=7d&by=day&against=before&zone=UTC".parse().unwrap()));
        let this = hub.clone();
        *hub.0.boards.meanwhile.lock().unwrap() = Some(Box::new(move || this.write().series_version += 1));
        hub.board_of_now(&week).await;
        assert!(hub.board_is_behind(&week) > Duration::ZERO);
        hub.board_of_now(&week).await;
        assert_eq!(hub.board_is_behind(&week), Duration::ZERO);
    }

    /// The thread on which the next board is made.
    fn made_on(hub: &Hub) -> mpsc::Receiver<ThreadId> {
        let (sender, on) = mpsc::channel();
        let made = move || sender.send(thread::current().id()).unwrap();
        *hub.0.boards.meanwhile.lock().unwrap() = Some(Box::new(made));
        on
    }

    #[tokio::test]
    async fn the_first_page_of_a_zone_has_its_overview_made_off_the_runtimes_threads() {
        let hub = counted();
        for zone in ["Europe/London", "Asia/Kathmandu"] {
            let on = made_on(&hub);
            hub.board_of_now(&Board::Overview(zone.to_owned())).await;
            assert!(on.try_recv().is_ok_and(|thread| thread != thread::current().id()), "{zone}");
        }
    }

    #[tokio::test]
    async fn prompt_overviews_that_are_looked_at_are_renewed_off_the_runtimes_threads() {
        let (hub, board) = (counted(), Board::Overview("UTC".to_owned()));
        let (here, prompt) = (thread::current().id(), HashSet::from([board.clone()]));
        hub.make_up(&board).await;
        assert_eq!(hub.board(&board).unwrap().head, hub.head().unwrap());
        hub.take_new_clients(2, 2);
        let on = made_on(&hub);
        hub.renew_overviews(&prompt).await;
        assert!(on.try_recv().is_ok_and(|thread| thread != here));
        let on = made_on(&hub);
        hub.renew_overviews(&prompt).await;
        assert_eq!(hub.board(&board).unwrap().head, hub.head().unwrap());
        assert!(on.try_recv().is_err(), "it is as of now");
        hub.take_new_clients(3, 3);
        hub.renew_overviews(&prompt).await;
        hub.take_new_clients(4, 4);
        let on = made_on(&hub);
        hub.renew_overviews(&prompt).await;
        assert!(on.try_recv().is_err(), "nobody has looked since");
    }

    #[tokio::test]
    async fn rounds_leave_other_overviews_and_new_ones_to_the_turns_of_accounts() {
        let (hub, [prompt, other]) =
            (counted(), ["UTC", "Asia/Kathmandu"].map(|zone| Board::Overview(zone.to_owned())));
        let all = HashSet::from([prompt.clone()]);
        assert!(hub.board(&prompt).is_none(), "asking makes none");
        let on = made_on(&hub);
        hub.renew_overviews(&all).await;
        assert!(on.try_recv().is_err(), "it was never made");
        for board in [&prompt, &other] {
            assert!(hub.board(board).is_none());
            hub.some_boards_are_behind().await;
            hub.make_up(board).await;
            assert_eq!(hub.board_is_behind(board), Duration::ZERO);
            hub.board(board).unwrap();
        }
        hub.take_new_clients(2, 2);
        let behind = |board| !hub.board_is_behind(board).is_zero();
        hub.renew_overviews(&all).await;
        assert!(!behind(&prompt) && behind(&other));
        hub.some_boards_are_behind().await;
        assert!(hub.board(&other).unwrap().head < hub.head().unwrap(), "its last values stay");
    }
}
