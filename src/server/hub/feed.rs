//! The newest events, for those who look at the feed.

use std::collections::VecDeque;

use serde_json::Value;

use crate::domain::{
    board::Filter,
    latest::{ActivityEvent, is_problem},
    protocol::position::Position,
};

/// Events kept; older ones come from MongoDB.
const EVENTS_MAX: usize = 2000;

/// The events since a position in the log, newest first.
#[derive(Default)]
pub struct Feed {
    events: VecDeque<(Position, ActivityEvent, Value)>,
    complete_from: Position,
}

impl Feed {
    /// Begins where the log begins.
    pub const fn from(complete_from: Position) -> Self {
        Self { events: VecDeque::new(), complete_from }
    }

    pub fn push(&mut self, position: Position, event: ActivityEvent) {
        // This cannot fail, because the values came out of JSON.
        let Ok(value) = serde_json::to_value(&event) else { return };
        self.events.push_front((position, event, value));
        if self.events.len() > EVENTS_MAX
            && let Some((dropped, ..)) = self.events.pop_back()
        {
            self.complete_from = Position::new(dropped.epoch, dropped.seq.next());
        }
    }

    /// The position from which on all events are here.
    pub const fn complete_from(&self) -> Position {
        self.complete_from
    }

    pub fn newest(&self, filter: Filter) -> impl Iterator<Item = (Position, &Value)> {
        let shown = move |event: &ActivityEvent| match filter {
            Filter::All => true,
            Filter::Of(collection) => event.collection == collection,
            Filter::Problems => is_problem(event),
        };
        self.events.iter().filter(move |(_, event, _)| shown(event)).map(|(position, _, value)| (*position, value))
    }
}
