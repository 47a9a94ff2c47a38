//! The signals of a page: how fresh it is, its figures, and its open lists and boards.

use leptos::prelude::*;
use serde_json::Value;

use super::{board_store::BoardStore, figures::FigureStore, list::ListStore};
use crate::{
    domain::{collections::Collection, time::UtcMs, value::read},
    web::api::PageContext,
};

/// Whether the screen shows the current state of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Not connected yet.
    Connecting,
    /// Everything up to `lag_ms` ago is on screen.
    Live { lag_ms: u32 },
    /// Connected, but still catching up with the head of the log.
    CatchingUp,
    /// Connected, but the server has heard nothing from the database since `since`, or nothing yet.
    Stale { since: Option<UtcMs> },
    /// Connected, but MongoDB does not report the changes of a collection.
    Unfollowed(Collection),
    /// Connected, but the server does not lead on a board of this page, because the account looks at too many.
    Refused,
    /// The server is of another version. The page can follow nothing until it is reloaded.
    Outdated,
    /// Not connected. The next try is in `retry_in_s` seconds.
    Offline { since: UtcMs, retry_in_s: u32 },
}

/// The state behind the screen. Pages read it; the socket's task writes it.
#[derive(Clone, Copy)]
pub struct LiveState {
    pub(super) connection: RwSignal<ConnectionState>,
    pub(super) settled: RwSignal<ConnectionState>,
    pub(super) unreached: RwSignal<String>,
    pub(super) restored: RwSignal<bool>,
    /// Names of collections, as JSON like the figures, because each type of signal adds to the download.
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
    pub fn new(context: &PageContext) -> Self {
        Self {
            connection: RwSignal::new(ConnectionState::Connecting),
            settled: RwSignal::new(ConnectionState::Connecting),
            unreached: RwSignal::new(String::new()),
            restored: RwSignal::new(false),
            unfollowed: RwSignal::new(names(&context.unfollowed)),
            now: RwSignal::new(context.now),
            figures: FigureStore::new(&context.figures),
            lists: StoredValue::new(Vec::new()),
            sheets: StoredValue::new(Vec::new()),
            news: StoredValue::new(false),
        }
    }

    pub const fn connection(&self) -> RwSignal<ConnectionState> {
        self.connection
    }

    /// The last state that lasted long enough to be announced. The first connection does not count as a change.
    pub const fn settled(&self) -> RwSignal<ConnectionState> {
        self.settled
    }

    /// Why the next page could not be loaded, in words. Empty if nothing stands in its way.
    pub const fn unreached(&self) -> RwSignal<String> {
        self.unreached
    }

    /// Whether the database was restored to an earlier state while the page was open.
    pub const fn restored(&self) -> RwSignal<bool> {
        self.restored
    }

    /// The collections that cannot be followed, in the order of [`Collection::ALL`].
    pub fn unfollowed(&self) -> Vec<Collection> {
        self.unfollowed.with(read).unwrap_or_default()
    }

    /// MongoDB's operation time. Advances every second, in the browser only.
    pub const fn now(&self) -> RwSignal<UtcMs> {
        self.now
    }

    /// The figures. They follow the topic `overview`.
    pub const fn figures(&self) -> FigureStore {
        self.figures
    }

    /// Returns whether the last values of figures and boards are news: they happened while the topic was followed and
    /// were not caught up.
    pub fn is_news(&self) -> bool {
        self.news.try_get_value() == Some(true)
    }
}
