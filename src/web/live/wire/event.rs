//! The events that the task handles.

use futures_channel::mpsc::UnboundedSender;

use crate::{
    domain::protocol::position::Position,
    web::{
        api::{AppError, PageData},
        live::ListStore,
    },
};

/// An event that the task handles.
pub enum WireEvent {
    Opened,
    Received(String),
    Closed(u16),
    /// An animation frame is due.
    Paint,
    /// A second has passed.
    Tick,
    /// Lists or boards came or went.
    Lists,
    /// The browser has lost the network. Its sockets notice that only much later.
    Offline,
    /// It is time to reconnect, or someone asked for it.
    Retry,
    Visibility(bool),
    /// Request new rows that are not older than the position.
    Fetch(ListStore, Option<Position>),
    Fetched(ListStore, Result<PageData, AppError>),
}

#[derive(Clone)]
pub struct WireEvents(pub(super) UnboundedSender<WireEvent>);

impl WireEvents {
    pub fn send(&self, event: WireEvent) {
        // Fails only once the task has ended, which it does with the page.
        drop(self.0.unbounded_send(event));
    }
}
