//! The browser's socket: connects, follows what pages subscribe to, says how fresh the screen is, and comes back by itself.
//!
//! One task owns everything; callbacks of the browser only hand it [`Event`]s.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "places in its own lists, and its own clock: what documents say is not reckoned with here"
)]

mod browser;
mod socket;
mod task;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use leptos::prelude::*;

pub use self::browser::hovers_nothing;

use self::task::Task;
use super::{ListStore, Live};
use crate::{
    api::{Answer, AppError},
    model::position::{ClusterTime, Position},
};

/// What the task is told.
enum Event {
    Opened,
    Received(String),
    Closed(u16),
    /// An animation frame is due.
    Paint,
    /// A second has passed.
    Tick,
    /// Lists came or went.
    Lists,
    /// The browser has lost the network. Its sockets do not tell for a long time.
    Offline,
    /// It is time to try again, or someone asked for it.
    Retry,
    Visibility(bool),
    /// New rows are to be asked for, not older than the position.
    Fetch(ListStore, Option<Position>),
    Fetched(ListStore, Result<Answer, AppError>),
}

#[derive(Clone)]
struct Events(UnboundedSender<Event>);

impl Events {
    fn send(&self, event: Event) {
        // The task ends only with the page.
        drop(self.0.unbounded_send(event));
    }
}

/// The way to the task.
#[derive(Clone, Copy)]
pub struct Wire(StoredValue<(Events, Option<UnboundedReceiver<Event>>)>);

impl Wire {
    pub fn new() -> Self {
        let (sender, receiver) = unbounded();
        Self(StoredValue::new((Events(sender), Some(receiver))))
    }

    /// Starts the task once the page is hydrated.
    pub fn connect(self, live: Live, zone: &str, ct: ClusterTime) {
        let zone = zone.to_owned();
        Effect::new(move |_: Option<()>| {
            if let Some((events, Some(receiver))) = self.0.try_update_value(|(e, r)| (e.clone(), r.take())) {
                browser::watch(&events);
                leptos::task::spawn_local(Task::new(live, &zone, ct, events).run(receiver));
            }
        });
    }

    pub fn retry(self) {
        self.send(Event::Retry);
    }

    pub fn lists_changed(self) {
        self.send(Event::Lists);
    }

    fn send(self, event: Event) {
        // Gone with the page.
        _ = self.0.try_with_value(|(events, _)| events.send(event));
    }
}
