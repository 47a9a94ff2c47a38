//! The browser's socket: connects, follows what pages subscribe to, reports how fresh the screen is, and reconnects
//! by itself.
//!
//! One task owns all state; callbacks of the browser only send it [`WireEvent`]s.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "places in its own lists, and its own clock: what documents say is not reckoned with here"
)]

mod browser;
mod event;
mod socket;
mod task;

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use leptos::prelude::*;

pub use self::browser::hovers_nothing;

use self::task::Task;
use super::LiveState;
use crate::{
    domain::protocol::position::ClusterTime,
    web::live::wire::event::{WireEvent, WireEvents},
};

/// Sends events to the task.
#[derive(Clone, Copy)]
pub struct Wire(StoredValue<(WireEvents, Option<UnboundedReceiver<WireEvent>>)>);

impl Wire {
    pub fn new() -> Self {
        let (sender, receiver) = unbounded();
        Self(StoredValue::new((WireEvents(sender), Some(receiver))))
    }

    /// Starts the task once the page is hydrated.
    pub fn connect(self, live: LiveState, zone: &str, ct: ClusterTime) {
        let zone = zone.to_owned();
        Effect::new(move |_: Option<()>| {
            if let Some((events, Some(receiver))) = self.0.try_update_value(|(e, r)| (e.clone(), r.take())) {
                browser::watch(&events);
                leptos::task::spawn_local(Task::new(live, &zone, ct, events).run(receiver));
            }
        });
    }

    pub fn retry(self) {
        self.send(WireEvent::Retry);
    }

    pub fn lists_changed(self) {
        self.send(WireEvent::Lists);
    }

    fn send(self, event: WireEvent) {
        // The value is gone once the page is disposed.
        _ = self.0.try_with_value(|(events, _)| events.send(event));
    }
}
