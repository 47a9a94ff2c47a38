//! What one connection looks at, and how far it has been led. No I/O.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;

use super::looked_at::LookedAtBoard;
use crate::{
    domain::{
        collections::Collection,
        protocol::{
            frame::{Delta, Frame, RESTORED, Reset},
            position::Position,
            topic::Topic,
        },
    },
    server::{
        hub::{BoardSnapshot, Form, Hub, Shared, Since},
        telemetry::metrics::metrics,
    },
};

/// Most topics of one connection.
pub const TOPICS_MAX: usize = 64;
/// Pages that must fetch new rows spread their requests over this time.
const SPREAD_MS: u32 = 500;

#[derive(Default)]
pub struct Following {
    cursors: Vec<(Collection, Position)>,
    boards: Vec<(LookedAtBoard, Led)>,
    hidden: bool,
}

/// How far a consumer has been led on a board.
enum Led {
    /// This connection has sent nothing of it yet, so all values are due. Holds the position that the client has seen,
    /// if it named one.
    Elsewhere(Option<Position>),
    Here(Arc<BoardSnapshot>),
}

impl Led {
    fn at(&self) -> Option<Position> {
        match self {
            Self::Elsewhere(at) => *at,
            Self::Here(snapshot) => Some(snapshot.head),
        }
    }
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

    /// Follows a board, all of whose values are due. `seen` is the position of what the consumer already shows of it.
    pub fn look_at(&mut self, look: LookedAtBoard, seen: Option<Position>) {
        self.boards.retain(|(of, _)| of.board() != look.board());
        self.boards.push((look, Led::Elsewhere(seen)));
    }

    /// Notes whether anybody sees the page. A hidden one is led nowhere, and keeps no values, because each of many may
    /// have been left at another moment. All values are due when it is seen again.
    pub fn hide(&mut self, hidden: bool) {
        self.hidden = hidden;
        if hidden {
            self.boards.iter_mut().for_each(|(_, led)| *led = Led::Elsewhere(led.at()));
        }
    }

    /// How long the most outdated of the boards has been behind.
    pub fn is_behind(&self, hub: &Hub) -> Duration {
        let behind = |(look, _): &(LookedAtBoard, _)| {
            // The hub notices that a board is behind only when somebody asks for it.
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

    /// The next frames that lead a topic to the head; `None` if all topics are there.
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
        for (look, led) in &mut self.boards {
            // The head is read before the board, because it may move on in between.
            let head = hub.head_at();
            let Some(snapshot) = hub.board(look.board()) else { continue };
            if led.at().is_some_and(|at| hub.is_restored_since(at)) {
                *led = Led::Elsewhere(None);
                let topic = Topic::Board(look.board().clone());
                let reset = Reset { topic, min_position: snapshot.head, reason: RESTORED.to_owned(), retry_ms: 0 };
                return Some(Due::Own(form.encode(&Frame::Reset(reset))));
            }
            let frame = match led {
                Led::Here(shown) if Arc::ptr_eq(shown, &snapshot) => continue,
                Led::Here(shown) => snapshot.frame(shown, form),
                Led::Elsewhere(_) => {
                    let is_current = hub.current_board(look.board()).is_some_and(|now| Arc::ptr_eq(&now, &snapshot));
                    snapshot.whole(head.filter(|_| is_current), form)
                }
            };
            *led = Led::Here(snapshot);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            board::{Board, Filter},
            protocol::position::{Epoch, Seq},
        },
        server::{auth::user::UserId, socket::looked_at::LookedAt},
    };

    #[test]
    fn values_that_are_still_true_are_told_as_of_now() {
        let (hub, all) = (Hub::of_new_clients(1), LookedAt::default());
        let frame_of_values = || {
            let mut following = Following::default();
            let look = all
                .look("a".repeat(24).parse::<UserId>().unwrap(), &Board::Activity(Filter::Of(Collection::Payments)))
                .unwrap();
            following.look_at(look, None);
            let Some(Due::Own(frame)) = following.next(&hub, Form::Json) else { panic!("all values are due") };
            let text: Vec<u8> = frame.iter().copied().skip_while(|byte| *byte != b'{').collect();
            let frame: serde_json::Value = serde_json::from_slice(&text).unwrap();
            (frame["ct"].clone(), frame["to"].clone(), frame["changes"].clone())
        };
        let before = frame_of_values();
        hub.take_new_clients(2, 5);
        let after = frame_of_values();
        assert_eq!(before.2, after.2, "a new client is no payment");
        assert!(before.0.as_str() < after.0.as_str() && after.1 == serde_json::json!(hub.head().unwrap().to_string()));
    }

    #[test]
    fn a_hidden_page_keeps_no_values_and_is_told_all_when_it_is_seen_again() {
        let (hub, all) = (Hub::of_new_clients(1), LookedAt::default());
        let mut following = Following::default();
        let look = all.look("a".repeat(24).parse::<UserId>().unwrap(), &Board::Activity(Filter::All)).unwrap();
        following.look_at(look, None);
        assert!(following.next(&hub, Form::Json).is_some() && following.next(&hub, Form::Json).is_none());
        let shown = |following: &Following| match &following.boards[0].1 {
            Led::Here(shown) => Some(Arc::downgrade(shown)),
            Led::Elsewhere(_) => None,
        };
        let kept = shown(&following).unwrap();
        following.hide(true);
        hub.take_new_clients(2, 2);
        drop(hub.board(&Board::Activity(Filter::All)));
        assert_eq!(kept.strong_count(), 0, "the board has moved on, and nobody keeps what it was");
        assert!(following.next(&hub, Form::Json).is_none());
        following.hide(false);
        assert!(matches!(following.next(&hub, Form::Json), Some(Due::Own(_))));
    }

    #[test]
    fn a_board_is_told_that_the_database_was_set_back_before_its_values() {
        let (hub, all) = (Hub::of_new_clients(1), LookedAt::default());
        let types = |following: &mut Following| -> Vec<String> {
            let due = std::iter::from_fn(|| following.next(&hub, Form::Json));
            let frames: Vec<Bytes> = due.flat_map(|due| due.iter().cloned().collect::<Vec<_>>()).collect();
            // Skips the head of the WebSocket frame.
            let text = |frame: &Bytes| frame.iter().copied().skip_while(|byte| *byte != b'{').collect::<Vec<u8>>();
            let frame = |frame: &Bytes| serde_json::from_slice::<serde_json::Value>(&text(frame)).unwrap();
            frames.iter().map(frame).map(|frame| frame["type"].as_str().unwrap().to_owned()).collect()
        };
        let looks = |seen| {
            let mut following = Following::default();
            following.look_at(all.look("a".repeat(24).parse::<UserId>().unwrap(), &Board::Reported).unwrap(), seen);
            following
        };
        let mut here = looks(None);
        assert_eq!(types(&mut here), ["reports"]);
        let mut elsewhere = looks(Some(Position::new(Epoch(1), Seq(1))));
        hub.set_back();
        for following in [&mut here, &mut elsewhere] {
            assert_eq!(types(following), ["reset", "reports"]);
        }
        assert_eq!(types(&mut looks(Some(Position::new(Epoch(2), Seq(0))))), ["reports"]);
    }
}
