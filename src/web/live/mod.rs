//! The browser's side of the road: one socket for all pages, stores that follow topics, signals that change only where
//! something changed. On the server the same stores hold what is rendered.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod figures;
mod list;
mod sheet;
mod state;
#[cfg(feature = "hydrate")]
mod wire;
#[cfg(not(feature = "hydrate"))]
#[path = "no_wire.rs"]
mod wire;

use std::ops::Deref;

use leptos::prelude::*;

pub use figures::FigureStore;
pub use list::{ListStore, RowState, Shown};
pub use sheet::BoardStore;
pub use state::{ConnectionState, LiveState};

use crate::{
    domain::{
        fields::Fields,
        protocol::{position::ClusterTime, snapshot::Snapshot},
    },
    web::api::PageContext,
};

/// What all pages of a signed-in admin share.
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
    /// Makes it, puts it into the context, and opens the socket in the browser.
    pub fn provide(desk: &PageContext) -> Self {
        let live = Self { state: LiveState::new(desk), wire: wire::Wire::new() };
        provide_context(live);
        live.wire.connect(live.state, &desk.zone.name, desk.ct);
        live
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
        let (lists, wire) = (self.state.lists, self.wire);
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
