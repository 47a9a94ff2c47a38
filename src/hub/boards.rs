//! Boards: computed once for all sockets, sent as what differs from before.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use jiff::tz::TimeZone;

use super::{Form, state::State, zones};
use crate::model::{
    analytics,
    board::{Board, CHANGED, Filter},
    change::{Change, Op},
    fields::Fields,
    figures::figures,
    frame::{Delta, Frame},
    ids::{DocId, Topic},
    latest,
    log::changed_fields,
    money::Currency,
    position::{ClusterTime, Position},
};

/// Boards kept; more than any installation looks at.
const BOARDS_MAX: usize = 256;

/// All values of a board at one moment, by name.
pub struct Filled {
    pub fields: Fields,
    pub head: Position,
    topic: Topic,
    ct: ClusterTime,
    /// What differs from the values before, encoded when the first socket needs it.
    before: std::sync::Weak<Filled>,
    compact: OnceLock<Bytes>,
    json: OnceLock<Bytes>,
}

impl Filled {
    /// The frame that leads from `before` to here; without one, all values.
    pub fn frame(&self, before: Option<&Arc<Self>>, form: Form) -> Bytes {
        let Some(before) = before else {
            return form.encode(&self.delta(Op::Put(self.fields.clone())));
        };
        let patch = || {
            let changed = changed_fields(&before.fields, &self.fields);
            let set = changed.iter().filter_map(|name| Some((name.clone(), self.fields.get(name)?.clone()))).collect();
            let unset = changed.into_iter().filter(|name| !self.fields.contains_key(name)).collect();
            form.encode(&self.delta(Op::Patch(set, unset)))
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

    fn delta(&self, op: Op) -> Frame {
        let changes = vec![Change { id: DocId(self.topic.event().to_owned()), op }];
        Frame::Delta(Delta {
            topic: self.topic.clone(),
            from: self.head,
            to: self.head,
            ct: self.ct,
            changes,
            more: false,
        })
    }
}

/// The boards that someone looks at.
pub struct Cache {
    silent_after_s: i64,
    /// The network's, whose amounts stand first.
    currency: Currency,
    boards: Mutex<HashMap<Board, Entry>>,
    system: Mutex<System>,
}

/// What is shown of the road's health: told once a second, sent only while someone looks.
#[derive(Default)]
struct System {
    version: u64,
    fields: Fields,
    looked_at: bool,
}

struct Entry {
    /// The version of what it shows, and the minute, that it was made for.
    made_for: (u64, i64),
    filled: Arc<Filled>,
}

impl Cache {
    pub fn new(silent_after: Duration, currency: Currency) -> Self {
        Self {
            currency,
            silent_after_s: i64::try_from(silent_after.as_secs()).unwrap_or(i64::MAX),
            boards: Mutex::default(),
            system: Mutex::default(),
        }
    }

    /// Shows the road's health; whether someone has looked since the last time.
    pub fn show_system(&self, fields: Fields) -> bool {
        let mut system = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        system.version += 1;
        system.fields = fields;
        std::mem::take(&mut system.looked_at)
    }

    pub const fn silent_after_s(&self) -> i64 {
        self.silent_after_s
    }

    /// A board as of `state`. `None` for an unknown zone, and until the log was read and the cells are counted.
    pub fn get(&self, board: &Board, state: &State) -> Option<Arc<Filled>> {
        let head = state.head()?;
        let minute = state.now()?.seconds().div_euclid(60);
        let made_for = match board {
            Board::Overview(_) => (state.version, minute),
            Board::Activity(_) | Board::Reported => (state.version, 0),
            Board::Analytics(_) => (state.course, minute),
            Board::System => {
                let mut system = self.system.lock().unwrap_or_else(PoisonError::into_inner);
                system.looked_at = true;
                (system.version, 0)
            }
        };
        let mut boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
        let known = boards.get(board);
        if let Some(entry) = known.filter(|entry| entry.made_for == made_for) {
            return Some(entry.filled.clone());
        }
        let fields = match board {
            Board::Overview(zone) => self.overview(zone, state)?,
            Board::Activity(filter) => activity(*filter, state),
            Board::Analytics(query) => {
                let now = state.now()?;
                analytics::fields(state.cells.cells()?, &zones::plan(query, now)?, now)
            }
            Board::System => {
                let system = self.system.lock().unwrap_or_else(PoisonError::into_inner);
                Some(system.fields.clone()).filter(|fields| !fields.is_empty())?
            }
            Board::Reported => [(CHANGED.to_owned(), state.reported()?.0.to_string().into())].into(),
        };
        let filled = match known {
            Some(entry) if entry.filled.fields == fields && entry.filled.head.epoch == head.epoch => {
                entry.filled.clone()
            }
            _ => Arc::new(Filled {
                fields,
                head,
                topic: Topic::Board(board.clone()),
                ct: state.ct,
                before: known.map(|entry| Arc::downgrade(&entry.filled)).unwrap_or_default(),
                compact: OnceLock::new(),
                json: OnceLock::new(),
            }),
        };
        if boards.len() >= BOARDS_MAX && !boards.contains_key(board) {
            boards.clear();
        }
        boards.insert(board.clone(), Entry { made_for, filled: filled.clone() });
        Some(filled)
    }

    fn overview(&self, zone: &str, state: &State) -> Option<Fields> {
        let tz = TimeZone::get(zone).ok()?;
        let figures = figures(state.cells.cells()?, &zones::viewpoint(&tz, state.now()?, self.silent_after_s)?);
        let figures = figures.lead_with(&self.currency);
        let Ok(serde_json::Value::Object(values)) = serde_json::to_value(figures) else { return None };
        let mut fields: Fields = values.into_iter().collect();
        let latest = state.feed.newest(Filter::All).take(latest::SHOWN).map(|(_, news)| news.clone()).collect();
        fields.insert("latest".to_owned(), latest);
        if let Some(at) = state.cells.inexact_since() {
            fields.insert("counted_at".to_owned(), serde_json::to_value(at.instant()).ok()?);
        }
        Some(fields)
    }
}

/// The newest events by place, and from which on there are no others.
fn activity(filter: Filter, state: &State) -> Fields {
    let mut fields = Fields::new();
    let mut complete_from = state.feed.complete_from();
    for (i, (position, news)) in state.feed.newest(filter).enumerate() {
        if i == latest::PAGE {
            break;
        }
        if i + 1 == latest::PAGE {
            complete_from = position;
        }
        fields.insert(latest::key(position), news.clone());
    }
    fields.insert(latest::COMPLETE_FROM.to_owned(), latest::key(complete_from).into());
    fields
}
