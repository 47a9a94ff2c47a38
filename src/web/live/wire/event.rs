//! What the task is told.

use futures_channel::mpsc::UnboundedSender;

use crate::{
    domain::protocol::position::Position,
    web::{
        api::{AppError, PageData},
        live::ListStore,
    },
};

/// What the task is told.
pub enum Event {
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
    Fetched(ListStore, Result<PageData, AppError>),
}

#[derive(Clone)]
pub struct Events(pub(super) UnboundedSender<Event>);

impl Events {
    pub fn send(&self, event: Event) {
        // The task ends only with the page.
        drop(self.0.unbounded_send(event));
    }
}
