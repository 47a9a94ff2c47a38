//! Boards are computed once for all sockets, and sent as differences from the values before.
//!
//! Boards of a period take long to make. They are made [one at a time](super::Hub::make_board), off the runtime's
//! threads. Meanwhile the last values stay on screen, and pings say how old they are.
//!
//! An Overview takes a moment, in a network of many EVSEs a longer one, and each zone has its own. One for each account is
//! [renewed](super::Hub::renew_overviews) before each round of the sockets. Others that an account looks at, and each that
//! was not made yet, are made in its turn like boards of a period. All boards of figures are made off the runtime's
//! threads, of a [`BoardView`], without the hub's lock.
//!
//! Long, because how a board is made, kept, sent and given up is decided together.

use std::{
    collections::{HashMap, HashSet},
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Bytes;
use jiff::tz::TimeZone;
use serde_json::Value;
use tokio::sync::Notify;

use super::{Form, state::HubState, zones};
use crate::domain::{
    analytics,
    board::{Board, CHANGED, Filter},
    cells::Cells,
    fields::Fields,
    figures::figures,
    ids::DocId,
    latest,
    money::Currency,
    protocol::{
        change::{Change, Op},
        frame::{Delta, Frame},
        log::changed_fields,
        position::{ClusterTime, Position},
        topic::Topic,
    },
    time::UtcMs,
};

/// Maximum number of boards kept, more than any installation looks at.
const BOARDS_MAX: usize = 256;
/// Maximum number of values that all kept boards hold together. The largest, a piece of a period, takes about 2 KB.
const VALUES_MAX: usize = 20_000;

/// All values of a board at one moment, by name.
pub struct BoardSnapshot {
    pub fields: Fields,
    pub head: Position,
    pub ct: ClusterTime,
    topic: Topic,
    /// The values before. The difference from them is encoded when the first socket needs it.
    before: std::sync::Weak<BoardSnapshot>,
    compact: OnceLock<Bytes>,
    json: OnceLock<Bytes>,
}

impl BoardSnapshot {
    /// The frame with all values. `at` is a later position at which they are still true. A consumer may have been
    /// shown that moment by another instance, and takes nothing from an earlier one.
    pub fn whole(&self, at: Option<(Position, ClusterTime)>, form: Form) -> Bytes {
        let (head, ct) = at.unwrap_or_default();
        form.encode(&self.delta(self.head.max(head), self.ct.max(ct), Op::Put(self.fields.clone())))
    }

    /// The frame that leads from `before` to here.
    pub fn frame(&self, before: &Arc<Self>, form: Form) -> Bytes {
        let patch = || {
            let changed = changed_fields(&before.fields, &self.fields);
            let set = changed.iter().filter_map(|name| Some((name.clone(), self.fields.get(name)?.clone()))).collect();
            let unset = changed.into_iter().filter(|name| !self.fields.contains_key(name)).collect();
            form.encode(&self.delta(self.head, self.ct, Op::Patch(set, unset)))
        };
        if !std::ptr::eq(self.before.as_ptr(), Arc::as_ptr(before)) {
            return patch();
        }
        let cell = match form {
            Form::Compact => &self.compact,
            Form::Json => &self.json,
        };
        cell.get_or_init(patch).clone()
    }

    fn delta(&self, head: Position, ct: ClusterTime, op: Op) -> Frame {
        let changes = vec![Change { id: DocId(self.topic.event().to_owned()), op }];
        Frame::Delta(Delta { topic: self.topic.clone(), from: head, to: head, ct, changes, more: false })
    }
}

/// The boards that someone looks at.
pub struct Cache {
    silent_after_s: i64,
    /// The network's currency, whose amounts stand first.
    currency: Currency,
    boards: Mutex<HashMap<Board, BoardEntry>>,
    /// Notified when a board of figures is out of date that no round renews.
    behind: Notify,
    system: Mutex<System>,
    /// What a test does as the next board of figures is made.
    #[cfg(test)]
    pub meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// The pipeline's health as it is shown. It is updated once a second, and sent only while someone looks.
#[derive(Default)]
struct System {
    version: u64,
    fields: Fields,
    looked_at: bool,
}

/// The version of what a board shows, and the minute that it is made for.
type Moment = (u64, i64);

/// What boards of figures are made of, as it was at one moment. The cells are shared: a change that comes while a
/// board is made leaves these as they are.
pub struct BoardView {
    taken: Instant,
    moment: Moment,
    head: Position,
    ct: ClusterTime,
    now: UtcMs,
    cells: Cells,
    inexact_since: Option<ClusterTime>,
    latest: Value,
}

impl BoardView {
    fn of(moment: Moment, state: &HubState) -> Option<Self> {
        let latest = state.feed.newest(Filter::All).take(latest::SHOWN).map(|(_, event)| event.clone()).collect();
        Some(Self {
            taken: Instant::now(),
            moment,
            head: state.head()?,
            ct: state.ct,
            now: state.now()?,
            cells: state.cells.cells()?.clone(),
            inexact_since: state.cells.inexact_since(),
            latest,
        })
    }
}

struct BoardEntry {
    asked: Instant,
    /// Whether it was asked for since it was last renewed.
    wanted: bool,
    /// The values made last, and the moment that they were made for.
    made: Option<(Moment, Arc<BoardSnapshot>)>,
    /// Since when those values are out of date.
    behind: Option<Instant>,
}

impl Cache {
    pub fn new(silent_after: Duration, currency: Currency) -> Self {
        Self {
            currency,
            silent_after_s: i64::try_from(silent_after.as_secs()).unwrap_or(i64::MAX),
            boards: Mutex::default(),
            behind: Notify::new(),
            system: Mutex::default(),
            #[cfg(test)]
            meanwhile: Mutex::default(),
        }
    }

    /// Shows the pipeline's health. Returns whether someone has looked since the last call.
    pub fn show_system(&self, fields: Fields) -> bool {
        let mut system = self.system();
        system.version += 1;
        system.fields = fields;
        std::mem::take(&mut system.looked_at)
    }

    pub const fn silent_after_s(&self) -> i64 {
        self.silent_after_s
    }

    /// A board as of `state`, or as of shortly before if it is of figures, which are made elsewhere. `None` until the log
    /// was read, and until a board of figures was made.
    pub fn get(&self, board: &Board, state: &HubState) -> Option<Arc<BoardSnapshot>> {
        let (head, now) = (state.head()?, self.moment(board, state)?);
        let mut boards = self.lock();
        let entry = asked(&mut boards, board);
        let was_wanted = std::mem::replace(&mut entry.wanted, true);
        let made = entry.made.as_ref().filter(|(_, snapshot)| snapshot.head.epoch == head.epoch);
        if let Some((_, snapshot)) = made.filter(|(moment, _)| *moment == now) {
            return Some(snapshot.clone());
        }
        let (fields, ct) = match board {
            Board::Overview(_) | Board::Analytics(_) => {
                let made = made.map(|(_, snapshot)| snapshot.clone());
                // A change is followed by a round, which sees to a wanted Overview. A new minute is not.
                let is_changed = entry.made.as_ref().is_some_and(|((version, _), _)| *version != now.0);
                let has_round = matches!(board, Board::Overview(_)) && was_wanted && is_changed;
                entry.behind.get_or_insert_with(Instant::now);
                if !has_round {
                    self.behind.notify_one();
                }
                return made;
            }
            Board::Activity(filter) => (activity(*filter, state), state.ct),
            Board::Reported => ([(CHANGED.to_owned(), state.reported()?.0.to_string().into())].into(), state.ct),
            Board::System => {
                let fields = Some(self.system().fields.clone()).filter(|fields| !fields.is_empty())?;
                // This board shows no document, so its time is now.
                (fields, ClusterTime::new(u32::try_from(state.now()?.seconds()).unwrap_or(0), 0))
            }
        };
        Some(entry.store(board, now, fields, (head, ct)))
    }

    /// For how long the board has been out of date.
    pub fn behind(&self, board: &Board) -> Option<Duration> {
        self.lock().get(board)?.behind.map(|since| since.elapsed())
    }

    /// The values of a board if they were made for now.
    pub fn current(&self, board: &Board, state: &HubState) -> Option<Arc<BoardSnapshot>> {
        let (head, now) = (state.head()?, self.moment(board, state)?);
        let boards = self.lock();
        let (moment, snapshot) = boards.get(board)?.made.as_ref()?;
        (*moment == now && snapshot.head.epoch == head.epoch).then(|| snapshot.clone())
    }

    /// The moment that a board would be made for now.
    fn moment(&self, board: &Board, state: &HubState) -> Option<Moment> {
        let minute = state.now()?.seconds().div_euclid(60);
        Some(match board {
            Board::Overview(_) => (state.version, minute),
            Board::Activity(_) | Board::Reported => (state.version, 0),
            Board::Analytics(_) => (state.series_version, minute),
            Board::System => {
                let mut system = self.system();
                system.looked_at = true;
                (system.version, 0)
            }
        })
    }

    /// Waits until a board of figures is out of date that no round renews.
    pub async fn some_are_behind(&self) {
        self.behind.notified().await;
    }

    /// What a board of figures is made of; `None` if it cannot be made.
    pub fn view(&self, board: &Board, state: &HubState) -> Option<BoardView> {
        BoardView::of(self.moment(board, state)?, state)
    }

    /// The Overviews of `prompt` that were asked for since they were last renewed and are out of date, and what they are
    /// made of. Others that were asked for are from now on behind, and so are those that were never made.
    pub fn overviews_to_renew(&self, prompt: &HashSet<Board>, state: &HubState) -> Option<(BoardView, Vec<Board>)> {
        let mut boards = self.lock();
        let (board, _) = boards.iter().find(|(board, entry)| entry.wanted && matches!(board, Board::Overview(_)))?;
        // All of them are of the same moment.
        let view = self.view(board, state)?;
        let now = Some((view.moment, view.head.epoch));
        let mut due = Vec::new();
        for (board, entry) in boards.iter_mut().filter(|(board, _)| matches!(board, Board::Overview(_))) {
            let made = entry.made.as_ref().map(|(moment, snapshot)| (*moment, snapshot.head.epoch));
            if made == now || !std::mem::take(&mut entry.wanted) {
                continue;
            }
            if made.is_some() && prompt.contains(board) {
                due.push(board.clone());
            } else {
                entry.behind.get_or_insert_with(Instant::now);
                self.behind.notify_one();
            }
        }
        (!due.is_empty()).then_some((view, due))
    }

    /// Makes a board of figures. Returns `None` if that is not possible. If it was made of something later meanwhile,
    /// that is left in place. `now` is called when the values are there, and tells whether they are out of date already.
    pub fn make<S: Deref<Target = HubState>>(
        &self,
        board: &Board,
        view: &BoardView,
        now: impl FnOnce() -> S,
    ) -> Option<Arc<BoardSnapshot>> {
        // This runs outside all locks, because all other boards are still asked for.
        let fields = self.figures(board, view);
        let state = now();
        let is_current = self.moment(board, &state) == Some(view.moment);
        let mut boards = self.lock();
        let entry = asked(&mut boards, board);
        entry.behind = (!is_current).then_some(view.taken);
        Some(entry.store(board, view.moment, fields?, (view.head, view.ct)))
    }

    /// Leaves the board as it is until something changes.
    pub fn give_up(&self, board: &Board) {
        if let Some(entry) = self.lock().get_mut(board) {
            entry.behind = None;
        }
    }

    fn figures(&self, board: &Board, view: &BoardView) -> Option<Fields> {
        #[cfg(test)]
        {
            let meanwhile = self.meanwhile.lock().unwrap().take();
            meanwhile.into_iter().for_each(|meanwhile| meanwhile());
        }
        match board {
            Board::Overview(zone) => self.overview(zone, view),
            Board::Analytics(query) => Some(analytics::fields(&view.cells, &zones::plan(query, view.now)?, view.now)),
            Board::Activity(_) | Board::System | Board::Reported => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Board, BoardEntry>> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn system(&self) -> MutexGuard<'_, System> {
        self.system.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn overview(&self, zone: &str, view: &BoardView) -> Option<Fields> {
        let tz = TimeZone::get(zone).ok()?;
        let figures = figures(&view.cells, &zones::viewpoint(&tz, view.now, self.silent_after_s)?);
        let figures = figures.lead_with(&self.currency);
        let Ok(Value::Object(values)) = serde_json::to_value(figures) else { return None };
        let mut fields: Fields = values.into_iter().collect();
        fields.insert("latest".to_owned(), view.latest.clone());
        if let Some(at) = view.inexact_since {
            fields.insert("counted_at".to_owned(), serde_json::to_value(at.instant()).ok()?);
        }
        Some(fields)
    }
}

/// The entry of a board that is asked for now. While all boards hold too many values, the largest is forgotten, because
/// an account that asks for large ones must cost nobody a small one. While there are too many, it is the one that was
/// asked for least recently.
fn asked<'a>(boards: &'a mut HashMap<Board, BoardEntry>, board: &Board) -> &'a mut BoardEntry {
    while !boards.contains_key(board) {
        let forgotten = if boards.values().map(BoardEntry::values).sum::<usize>() > VALUES_MAX {
            boards.iter().max_by_key(|(_, entry)| entry.values())
        } else if boards.len() >= BOARDS_MAX {
            boards.iter().min_by_key(|(_, entry)| entry.asked)
        } else {
            break;
        };
        let forgotten = forgotten.map(|(board, _)| board.clone());
        forgotten.and_then(|board| boards.remove(&board));
    }
    let now = Instant::now();
    let entry =
        boards.entry(board.clone()).or_insert(BoardEntry { asked: now, wanted: false, made: None, behind: None });
    entry.asked = now;
    entry
}

/// Whether a board takes long to make, because it shows the course of a period.
pub const fn takes_long(board: &Board) -> bool {
    matches!(board, Board::Analytics(_))
}

impl BoardEntry {
    fn values(&self) -> usize {
        self.made.as_ref().map_or(0, |(_, snapshot)| snapshot.fields.len())
    }

    /// Takes new values, unless there are later ones. Equal values leave the old snapshot in place.
    fn store(
        &mut self,
        board: &Board,
        moment: Moment,
        fields: Fields,
        (head, ct): (Position, ClusterTime),
    ) -> Arc<BoardSnapshot> {
        if let Some((_, later)) = self.made.as_ref().filter(|(made, _)| *made > moment) {
            return later.clone();
        }
        let known = self.made.as_ref().map(|(_, snapshot)| snapshot);
        let snapshot = match known {
            Some(known) if known.fields == fields && known.head.epoch == head.epoch => known.clone(),
            _ => Arc::new(BoardSnapshot {
                fields,
                head,
                topic: Topic::Board(board.clone()),
                ct,
                before: known.map(Arc::downgrade).unwrap_or_default(),
                compact: OnceLock::new(),
                json: OnceLock::new(),
            }),
        };
        self.made = Some((moment, snapshot.clone()));
        snapshot
    }
}

/// The newest events by position, and the position from which on none is missing.
fn activity(filter: Filter, state: &HubState) -> Fields {
    let mut fields = Fields::new();
    let mut complete_from = state.feed.complete_from();
    for (i, (position, event)) in state.feed.newest(filter).enumerate() {
        if i == latest::PAGE {
            break;
        }
        if i + 1 == latest::PAGE {
            complete_from = position;
        }
        fields.insert(latest::key(position), event.clone());
    }
    fields.insert(latest::COMPLETE_FROM.to_owned(), latest::key(complete_from).into());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_large_boards_go_before_small_ones() {
        let board = |n: usize| Board::Overview(n.to_string());
        let entry = |values: usize| {
            let fields = (0..values).map(|n| (n.to_string(), Value::Null)).collect();
            let snapshot = BoardSnapshot {
                fields,
                head: Position::default(),
                ct: ClusterTime::default(),
                topic: Topic::Board(Board::System),
                before: std::sync::Weak::new(),
                compact: OnceLock::new(),
                json: OnceLock::new(),
            };
            BoardEntry { asked: Instant::now(), made: Some(((0, 0), Arc::new(snapshot))), behind: None, wanted: false }
        };
        let mut boards: HashMap<Board, BoardEntry> = (0..BOARDS_MAX).map(|n| (board(n), entry(1))).collect();
        asked(&mut boards, &board(0));
        asked(&mut boards, &board(BOARDS_MAX));
        assert_eq!(boards.len(), BOARDS_MAX);
        assert!(boards.contains_key(&board(0)), "it was asked for a moment ago");
        boards.insert(board(1), entry(VALUES_MAX));
        asked(&mut boards, &board(BOARDS_MAX + 1));
        assert!(!boards.contains_key(&board(1)));
        assert!(boards.len() >= BOARDS_MAX - 1, "{} of small boards", boards.len());
    }
}
