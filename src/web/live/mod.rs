//! The browser's side of live data: one socket for all pages, stores that follow topics, and signals that change only
//! where something changed. On the server the same stores hold what is rendered.

mod board_store;
mod figures;
mod list;
mod state;
#[cfg(feature = "hydrate")]
mod wire;
#[cfg(not(feature = "hydrate"))]
#[path = "no_wire.rs"]
mod wire;

use std::ops::Deref;

use leptos::prelude::*;

pub use board_store::BoardStore;
pub use figures::FigureStore;
pub use list::{ListStore, RowState, ShownList};
pub use state::{ConnectionState, LiveState};
pub use wire::hovers_nothing;

use crate::{
    domain::{
        fields::Fields,
        protocol::{position::ClusterTime, snapshot::Snapshot},
    },
    web::api::PageContext,
};

/// The live state and the socket that all pages of a signed-in admin share.
#[derive(Clone, Copy)]
pub struct Live {
    state: LiveState,
    wire: wire::Wire,
}

impl Deref for Live {
    type Target = LiveState;

    fn deref(&self) -> &LiveState {
        &self.state
    }
}

impl Live {
    /// Creates the live state, provides it as context, and in the browser opens the socket.
    pub fn provide(context: &PageContext) -> Self {
        let live = Self { state: LiveState::new(context), wire: wire::Wire::new() };
        provide_context(live);
        live.wire.connect(live.state, &context.zone.name, context.ct);
        live
    }

    /// Connects at once instead of waiting for the next try.
    pub fn retry_now(&self) {
        self.wire.retry();
    }

    /// Returns a list that follows its topic until the owner is disposed.
    pub fn list(&self, snapshot: Snapshot) -> ListStore {
        let store = ListStore::new(snapshot);
        if hovers_nothing() {
            store.keep_still();
        }
        let (lists, wire) = (self.state.lists, self.wire);
        lists.update_value(|all| all.push(store));
        wire.lists_changed();
        on_cleanup(move || {
            // Fails only when the whole page is disposed. All lists are gone then.
            if lists.try_update_value(|all| all.retain(|other| !other.is(store))).is_some() {
                wire.lists_changed();
            }
        });
        store
    }

    /// Returns a board that follows its topic until the owner is disposed. Its first values are of cluster time `ct`;
    /// values of an earlier time do not replace them. With `upto` the board is a feed that knows all events up to
    /// that key.
    pub fn sheet(&self, topic: String, fields: Fields, ct: ClusterTime, upto: Option<String>) -> BoardStore {
        let sheet = BoardStore::new(topic, fields, ct, upto);
        let (sheets, wire) = (self.state.sheets, self.wire);
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
