//! The browser's side of the road: one socket for all pages, stores that follow topics, signals that change only where
//! something changed. On the server the same stores hold what is rendered.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod figures;
mod list;
mod sheet;
#[cfg(feature = "hydrate")]
mod wire;
#[cfg(not(feature = "hydrate"))]
#[path = "no_wire.rs"]
mod wire;

use leptos::prelude::*;
use serde_json::Value;

pub use figures::FigureStore;
pub use list::{ListStore, RowState, Shown};
pub use sheet::Sheet;

use crate::{
    api::Desk,
    model::{fields::Fields, ids::Collection, position::ClusterTime, snapshot::Snapshot, time::UtcMs, value::read},
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

/// What all pages of a signed-in admin share.
#[derive(Clone, Copy)]
pub struct Live {
    connection: RwSignal<ConnectionState>,
    settled: RwSignal<ConnectionState>,
    unreached: RwSignal<bool>,
    restored: RwSignal<bool>,
    /// Names. Kept as figures are, because each kind of signal is more to download.
    unfollowed: RwSignal<Value>,
    now: RwSignal<UtcMs>,
    figures: FigureStore,
    lists: StoredValue<Vec<ListStore>>,
    sheets: StoredValue<Vec<Sheet>>,
    news: StoredValue<bool>,
    wire: wire::Wire,
}

fn names(topics: &[Collection]) -> Value {
    topics.iter().map(|topic| topic.name()).collect()
}

impl Live {
    /// Makes it, puts it into the context, and opens the socket in the browser.
    pub fn provide(desk: &Desk) -> Self {
        let live = Self {
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
            wire: wire::Wire::new(),
        };
        provide_context(live);
        live.wire.connect(live, &desk.zone.name, desk.ct);
        live
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

    /// Tries to connect at once.
    pub fn retry_now(&self) {
        self.wire.retry();
    }

    /// A list that follows its topic until the owner is disposed.
    pub fn list(&self, snapshot: Snapshot) -> ListStore {
        let store = ListStore::new(snapshot);
        if wire::hovers_nothing() {
            store.keep_still();
        }
        let (lists, wire) = (self.lists, self.wire);
        lists.update_value(|all| all.push(store));
        wire.lists_changed();
        on_cleanup(move || {
            // Gone with all lists when the whole page is.
            if lists.try_update_value(|all| all.retain(|other| !other.is(store))).is_some() {
                wire.lists_changed();
            }
        });
        store
    }

    /// A board that is followed until the owner is disposed, from values of a cluster time: none takes their place that are of
    /// an earlier one. `upto`: it is a feed, whose past is known up to there.
    pub fn sheet(&self, topic: String, fields: Fields, ct: ClusterTime, upto: Option<String>) -> Sheet {
        let sheet = Sheet::new(topic, fields, ct, upto);
        let (sheets, wire) = (self.sheets, self.wire);
        sheets.update_value(|all| all.push(sheet));
        wire.lists_changed();
        on_cleanup(move || {
            if sheets.try_update_value(|all| all.retain(|other| !other.is(sheet))).is_some() {
                wire.lists_changed();
            }
        });
        sheet
    }
}
