//! The browser's side of the road: one socket for all pages, stores that follow topics, signals that change only where
//! something changed. On the server the same stores hold what is rendered.

mod figures;
mod list;
#[cfg(feature = "hydrate")]
mod wire;
#[cfg(not(feature = "hydrate"))]
#[path = "no_wire.rs"]
mod wire;

use leptos::prelude::*;

pub use figures::FigureStore;
pub use list::{ListStore, RowState};

use crate::{
    api::ShellInfo,
    model::{fields::Fields, snapshot::Snapshot, time::UtcMs},
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
    /// Connected, but the server itself has heard nothing since.
    Stale { since: UtcMs },
    /// Not connected; the next try is in so many seconds.
    Offline { since: UtcMs, retry_in_s: u32 },
}

/// What all pages of a signed-in admin share.
#[derive(Clone, Copy)]
pub struct Live {
    info: StoredValue<ShellInfo>,
    connection: RwSignal<ConnectionState>,
    now: RwSignal<UtcMs>,
    /// Raised to try at once.
    retry: RwSignal<u32>,
    lists: RwSignal<Vec<ListStore>>,
    figures: RwSignal<Option<FigureStore>>,
}

impl Live {
    /// Makes it, puts it into the context, and opens the socket in the browser.
    pub fn provide(info: ShellInfo) -> Self {
        let live = Self {
            now: RwSignal::new(info.now),
            info: StoredValue::new(info),
            connection: RwSignal::new(ConnectionState::Connecting),
            retry: RwSignal::new(0),
            lists: RwSignal::new(Vec::new()),
            figures: RwSignal::new(None),
        };
        provide_context(live);
        wire::connect(live);
        live
    }

    pub fn info(&self) -> ShellInfo {
        self.info.get_value()
    }

    pub fn connection(&self) -> Signal<ConnectionState> {
        self.connection.into()
    }

    /// MongoDB's operation time; goes on every second, in the browser only.
    pub fn now(&self) -> Signal<UtcMs> {
        self.now.into()
    }

    /// Tries to connect at once.
    pub fn retry_now(&self) {
        self.retry.update(|n| *n += 1);
    }

    /// A list that follows its topic until the owner is disposed.
    pub fn list(&self, snapshot: Snapshot) -> ListStore {
        let store = ListStore::new(snapshot);
        let lists = self.lists;
        lists.update(|all| all.push(store));
        on_cleanup(move || {
            let _gone = lists.try_update(|all| all.retain(|other| !other.is(store)));
        });
        store
    }

    /// Figures that follow `overview`.
    pub fn figures(&self, initial: Fields) -> FigureStore {
        let store = FigureStore::new(initial);
        self.figures.set(Some(store));
        store
    }
}
