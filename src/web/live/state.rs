//! The signals of a page: how fresh it is, its figures, and the lists and boards that are open.

use leptos::prelude::*;
use serde_json::Value;

use super::{figures::FigureStore, list::ListStore, sheet::BoardStore};
use crate::{
    domain::{collections::Collection, time::UtcMs, value::read},
    web::api::PageContext,
};

/// Whether what is on screen is what is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Not connected yet.
    Connecting,
    /// Everything up to `lag_ms` ago is on screen.
    Live { lag_ms: u32 },
    /// Connected, and on the way to the head.
    CatchingUp,
    /// Connected, but the server itself has heard nothing since, or nothing yet.
    Stale { since: Option<UtcMs> },
    /// Connected, but MongoDB tells nobody what changes in a collection.
    Unfollowed(Collection),
    /// The server is of another version: nothing can be followed until the page is loaded anew.
    Outdated,
    /// Not connected; the next try is in so many seconds.
    Offline { since: UtcMs, retry_in_s: u32 },
}

/// What is on screen, which pages read and the task of the socket keeps.
#[derive(Clone, Copy)]
pub struct LiveState {
    pub(super) connection: RwSignal<ConnectionState>,
    pub(super) settled: RwSignal<ConnectionState>,
    pub(super) unreached: RwSignal<bool>,
    pub(super) restored: RwSignal<bool>,
    /// Names. Kept as figures are, because each kind of signal is more to download.
    pub(super) unfollowed: RwSignal<Value>,
    pub(super) now: RwSignal<UtcMs>,
    pub(super) figures: FigureStore,
    pub(super) lists: StoredValue<Vec<ListStore>>,
    pub(super) sheets: StoredValue<Vec<BoardStore>>,
    pub(super) news: StoredValue<bool>,
}

pub fn names(topics: &[Collection]) -> Value {
    topics.iter().map(|topic| topic.name()).collect()
}

impl LiveState {
    pub fn new(desk: &PageContext) -> Self {
        Self {
            connection: RwSignal::new(ConnectionState::Connecting),
            settled: RwSignal::new(ConnectionState::Connecting),
            unreached: RwSignal::new(false),
            restored: RwSignal::new(false),
            unfollowed: RwSignal::new(names(&desk.unfollowed)),
            now: RwSignal::new(desk.now),
            figures: FigureStore::new(&desk.figures),
            lists: StoredValue::new(Vec::new()),
            sheets: StoredValue::new(Vec::new()),
            news: StoredValue::new(false),
        }
    }

    pub const fn connection(&self) -> RwSignal<ConnectionState> {
        self.connection
    }

    /// The kind of state that lasted when the one before it was left for good; the first connection is no change.
    pub const fn settled(&self) -> RwSignal<ConnectionState> {
        self.settled
    }

    /// Whether the page that was asked for could not be loaded, because the server does not answer.
    pub const fn unreached(&self) -> RwSignal<bool> {
        self.unreached
    }

    /// Whether the database was set back to an earlier state while the page was open.
    pub const fn restored(&self) -> RwSignal<bool> {
        self.restored
    }

    /// The collections that cannot be followed, in the order of [`Collection::ALL`].
    pub fn unfollowed(&self) -> Vec<Collection> {
        self.unfollowed.with(read).unwrap_or_default()
    }

    /// MongoDB's operation time; goes on every second, in the browser only.
    pub const fn now(&self) -> RwSignal<UtcMs> {
        self.now
    }

    /// The figures, which follow `overview`.
    pub const fn figures(&self) -> FigureStore {
        self.figures
    }

    /// Whether what figures and boards took last has happened while they were followed, so that it was no catching up.
    pub fn is_news(&self) -> bool {
        self.news.try_get_value() == Some(true)
    }
}
