//! What one connection looks at, and how far it was led. No I/O.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;

use super::looked_at::Look;
use crate::{
    hub::{Filled, Form, Hub, Shared, Since},
    model::{
        frame::{Delta, Frame, Reset},
        ids::{Collection, Topic},
        position::Position,
    },
    telemetry::metrics::metrics,
};

/// Topics of one connection.
pub const TOPICS_MAX: usize = 64;
/// Pages that must fetch new rows spread over so long.
const SPREAD_MS: u32 = 500;

#[derive(Default)]
pub struct Following {
    cursors: Vec<(Collection, Position)>,
    boards: Vec<(Look, Option<Arc<Filled>>)>,
    pub hidden: bool,
}

/// Frames that are due.
pub enum Due {
    Shared(Arc<Shared>, Form),
    Own(Bytes),
}

impl Due {
    pub fn iter(&self) -> std::slice::Iter<'_, Bytes> {
        match self {
            Self::Shared(shared, form) => shared.encoded(*form).iter(),
            Self::Own(frame) => std::slice::from_ref(frame).iter(),
        }
    }
}

impl Following {
    pub const fn is_full(&self) -> bool {
        self.cursors.len() + self.boards.len() >= TOPICS_MAX
    }

    /// Follows a collection from a position on.
    pub fn follow(&mut self, collection: Collection, from: Position) {
        self.cursors.retain(|(of, _)| *of != collection);
        self.cursors.push((collection, from));
    }

    /// Follows a board, all of whose values are due.
    pub fn look_at(&mut self, look: Look) {
        self.boards.retain(|(of, _)| of.board() != look.board());
        self.boards.push((look, None));
    }

    /// For how long one of the boards is not of now.
    pub fn is_behind(&self, hub: &Hub) -> Duration {
        let behind = |(look, _): &(Look, _)| {
            // Asking is what shows that it is.
            drop(hub.board(look.board()));
            hub.board_is_behind(look.board())
        };
        self.boards.iter().map(behind).max().unwrap_or_default()
    }

    pub fn leave(&mut self, topic: &Topic) {
        match topic {
            Topic::Collection(collection) => self.cursors.retain(|(of, _)| of != collection),
            Topic::Board(board) => self.boards.retain(|(of, _)| of.board() != board),
        }
    }

    /// What leads one of the topics to the head; `None` where all are there.
    pub fn next(&mut self, hub: &Hub, form: Form) -> Option<Due> {
        if self.hidden {
            return None;
        }
        for i in 0..self.cursors.len() {
            let (collection, cursor) = self.cursors[i];
            match hub.since(collection, cursor) {
                Since::Current => {}
                Since::Frames(shared) => {
                    self.cursors[i].1 = shared.to;
                    return Some(Due::Shared(shared, form));
                }
                Since::Reset { min_position, reason } => {
                    metrics().resync(collection, reason);
                    self.cursors.swap_remove(i);
                    let topic = Topic::Collection(collection);
                    let reset = Reset { topic, min_position, reason: reason.to_owned(), retry_ms: SPREAD_MS };
                    return Some(Due::Own(form.encode(&Frame::Reset(reset))));
                }
            }
        }
        for (look, shown) in &mut self.boards {
            let Some(filled) = hub.board(look.board()) else { continue };
            if shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, &filled)) {
                continue;
            }
            let frame = filled.frame(shown.as_ref(), form);
            *shown = Some(filled);
            return Some(Due::Own(frame));
        }
        None
    }

    /// Moves the cursors of quiet topics, so that they do not fall behind what the log still holds.
    pub fn progress(&mut self, hub: &Hub, form: Form) -> Vec<Bytes> {
        let Some((head, ct)) = hub.head_at().filter(|_| !self.hidden) else { return Vec::new() };
        let quiet = |(collection, cursor): &&mut (Collection, Position)| {
            cursor.epoch == head.epoch && *cursor < head && matches!(hub.since(*collection, *cursor), Since::Current)
        };
        let mut frames = Vec::new();
        for (collection, cursor) in self.cursors.iter_mut().filter(quiet) {
            let topic = Topic::Collection(*collection);
            let delta = Delta { topic, from: *cursor, to: head, ct, changes: Vec::new(), more: false };
            frames.push(form.encode(&Frame::Delta(delta)));
            *cursor = head;
        }
        frames
    }
}
