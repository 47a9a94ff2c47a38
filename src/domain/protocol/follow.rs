//! A page's subscription to a topic: its state, which deltas count, and which are still to be shown. How a list
//! applies a delta is in [`window`](super::window).
//!
//! Long, because nearly half of it is tests.

use std::mem::take;

use super::{
    frame::Delta,
    position::{ClusterTime, Position},
};
use crate::guards::guarded;

/// How many deltas may wait to be painted. Without a limit they would pile up where no frames are painted.
const PENDING_MAX: usize = 64;

/// The state of a subscription, which decides whether deltas count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum FollowState {
    /// To be subscribed as soon as there is a connection.
    #[default]
    Waiting,
    /// Deltas are ignored until this subscription is confirmed.
    Requested(u32),
    Live,
    /// New rows are on their way.
    Fetching,
}

/// A page's subscription to a topic. Between a subscription and its answer, and while rows are fetched after a reset,
/// deltas continue from a position that the page has left. They are ignored, also those received before and not yet
/// painted.
#[derive(Clone, Debug, Default)]
pub struct Follow {
    state: FollowState,
    /// Where the server was when it began to follow. Deltas up to there are catching up, not news.
    head: Position,
    /// Deltas to be shown. The last may be a part whose rest is still to come.
    pending: Vec<Delta>,
    /// For a board: the cluster time of what is shown, the position to which its last delta led, and whether the last
    /// answer to a subscription was a refusal.
    shown: ClusterTime,
    led: Option<Position>,
    refused: bool,
}

impl Follow {
    /// Follows a board that shows values of a cluster time.
    pub fn of_board(shown: ClusterTime) -> Self {
        Self { shown, ..Self::default() }
    }

    pub fn is_waiting(&self) -> bool {
        self.state == FollowState::Waiting
    }

    pub fn is_live(&self) -> bool {
        self.state == FollowState::Live
    }

    /// Whether new rows are on their way.
    pub fn is_fetching(&self) -> bool {
        self.state == FollowState::Fetching
    }

    /// Marks the topic to be subscribed again, because its rows were replaced or something is missing.
    pub fn wait(&mut self) {
        self.turn(FollowState::Waiting);
    }

    /// Notes that a subscription was sent.
    pub fn ask(&mut self, rid: u32) {
        self.turn(FollowState::Requested(rid));
    }

    /// Notes the answer to a subscription, from a server that is at `head`.
    pub fn confirm(&mut self, rid: u32, head: Position) {
        if self.state == FollowState::Requested(rid) {
            self.turn(FollowState::Live);
            self.head = head;
            self.refused = false;
        }
    }

    /// Notes that a board was refused, and is to be subscribed again, because a refusal passes.
    pub fn refuse(&mut self, rid: u32) {
        if self.state == FollowState::Requested(rid) {
            self.wait();
            self.refused = true;
        }
    }

    /// Whether the server refused to follow a board, and has not followed it since.
    pub const fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whether a delta happened since the topic is followed. One that begins before `head` and ends after it is
    /// catching up only if it came with the answer. `settled` means that the answer came some time ago.
    pub fn is_news(&self, delta: &Delta, settled: bool) -> bool {
        delta.to > self.head && (settled || delta.from >= self.head)
    }

    /// Notes that new rows are needed. Returns false if they are already on their way.
    pub fn fetch(&mut self) -> bool {
        let new = !self.is_fetching();
        self.turn(FollowState::Fetching);
        new
    }

    /// Notes that the connection is lost.
    pub fn hang_up(&mut self) {
        if !self.is_fetching() {
            self.wait();
        }
    }

    /// Keeps a delta until it is painted, if it counts. Returns whether so many are kept that they must be applied
    /// now, painted or not.
    pub fn receive(&mut self, delta: &Delta) -> bool {
        if guarded!(SubscribeBarrier: self.is_live(), else true) {
            match self.pending.pop_if(|last| last.more) {
                Some(mut whole) if (whole.from, whole.to) == (delta.from, delta.to) => {
                    whole.changes.extend_from_slice(&delta.changes);
                    whole.more = delta.more;
                    self.pending.push(whole);
                }
                _ => self.pending.push(delta.clone()),
            }
        }
        self.pending.len() >= PENDING_MAX
    }

    /// Takes the deltas to be shown, in order. Only whole ones are returned, because a part alone belongs to no
    /// position. If a part were shown and the connection lost, an instance that is behind would lead its rows back.
    pub fn take(&mut self) -> Vec<Delta> {
        let cut = self.pending.pop_if(|delta| delta.more);
        let whole = take(&mut self.pending);
        self.pending.extend(cut);
        whole
    }

    /// Like [`Self::take`], for a board. A board has no snapshot, so if a delta is of an earlier time than what is
    /// shown, nothing is returned and the board is subscribed again.
    pub fn take_board(&mut self) -> Vec<Delta> {
        let deltas = self.take();
        for delta in &deltas {
            if guarded!(TimeGoesOn: delta.ct < self.shown, else false) {
                self.wait();
                return Vec::new();
            }
            (self.shown, self.led) = (delta.ct, Some(delta.to));
        }
        deltas
    }

    /// The position to which a board's last delta led.
    pub const fn led(&self) -> Option<Position> {
        self.led
    }

    /// Forgets the cluster time shown: after the database was set back, values may be of an earlier time.
    pub fn forget_time(&mut self) {
        self.shown = ClusterTime::default();
    }

    fn turn(&mut self, to: FollowState) {
        self.state = to;
        guarded!(SubscribeBarrier: self.pending.clear(), else {});
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        collections::Collection,
        ids::DocId,
        protocol::{
            change::{Change, Op},
            position::{Epoch, Seq},
            topic::Topic,
        },
    };

    fn delta() -> Delta {
        let at = Position::default();
        let topic = Topic::Collection(Collection::Clients);
        Delta { topic, from: at, to: at, ct: ClusterTime(0), changes: Vec::new(), more: false }
    }

    fn live() -> Follow {
        let mut follow = Follow::default();
        follow.ask(1);
        follow.confirm(1, Position::default());
        follow
    }

    #[test]
    fn what_leads_to_the_place_where_the_server_was_is_no_news() {
        let at = |seq| Position::new(Epoch(1), Seq(seq));
        let mut follow = Follow::default();
        follow.ask(1);
        follow.confirm(1, at(7));
        let news = |from, to, settled| follow.is_news(&Delta { from: at(from), to: at(to), ..delta() }, settled);
        assert_eq!([news(3, 7, false), news(3, 9, false), news(7, 8, false)], [false, false, true]);
        assert_eq!([news(3, 7, true), news(3, 9, true), news(7, 8, true)], [false, true, true]);
    }

    #[test]
    fn deltas_count_only_between_an_answer_and_the_next_question() {
        let mut follow = Follow::default();
        follow.receive(&delta());
        follow.ask(1);
        follow.receive(&delta());
        follow.confirm(2, Position::default());
        assert!(!follow.is_live() && follow.take().is_empty(), "that was another's answer");
        follow.confirm(1, Position::default());
        follow.receive(&delta());
        follow.receive(&delta());
        assert_eq!(follow.take().len(), 2);
        for leave in [Follow::wait as fn(&mut Follow), Follow::hang_up, |follow| _ = follow.fetch()] {
            let mut follow = live();
            follow.receive(&delta());
            leave(&mut follow);
            follow.ask(2);
            follow.confirm(2, Position::default());
            assert!(follow.take().is_empty(), "received before it was left");
        }
    }

    #[test]
    fn what_was_refused_is_so_until_it_is_followed() {
        let mut follow = Follow::of_board(ClusterTime(0));
        follow.ask(1);
        follow.refuse(2);
        assert!(!follow.is_refused() && !follow.is_waiting(), "that was another's answer");
        follow.refuse(1);
        assert!(follow.is_refused() && follow.is_waiting());
        follow.ask(3);
        assert!(follow.is_refused(), "there is no answer yet");
        follow.confirm(3, Position::default());
        assert!(follow.is_live() && !follow.is_refused());
    }

    #[test]
    fn what_was_cut_is_shown_whole() {
        let mut follow = live();
        let part = |name: &str, more| {
            let changes = vec![Change { id: DocId(name.to_owned()), op: Op::Delete }];
            Delta { changes, more, ..delta() }
        };
        follow.receive(&part("a", false));
        follow.receive(&part("b", true));
        let names = |deltas: Vec<Delta>| -> Vec<String> {
            let names =
                |delta: Delta| delta.changes.into_iter().map(|change| change.id.0).collect::<Vec<_>>().join("+");
            deltas.into_iter().map(names).collect()
        };
        assert_eq!(names(follow.take()), ["a"]);
        follow.receive(&part("c", true));
        follow.receive(&part("d", false));
        follow.receive(&part("e", false));
        assert_eq!(names(follow.take()), ["b+c+d", "e"]);
    }

    #[test]
    fn where_nothing_is_painted_what_waits_is_bounded() {
        let mut follow = live();
        let shown_after = (1..1000).find(|_| follow.receive(&delta()));
        assert_eq!(shown_after, Some(PENDING_MAX));
    }

    #[test]
    fn rows_on_their_way_outlive_a_connection_and_are_asked_for_once() {
        let mut follow = live();
        assert!(follow.fetch() && !follow.fetch());
        follow.hang_up();
        assert!(!follow.is_waiting() && !follow.fetch());
        follow.wait();
        assert!(follow.is_waiting());
    }

    #[test]
    fn no_board_goes_back_in_time_unless_the_database_was() {
        let at = |ct| Delta { ct: ClusterTime(ct), ..delta() };
        let mut follow = Follow::of_board(ClusterTime(5));
        let mut takes = |ct, forget: bool| {
            if forget {
                follow.forget_time();
            }
            if follow.is_waiting() {
                follow.ask(1);
                follow.confirm(1, Position::default());
            }
            follow.receive(&at(ct));
            (follow.take_board().len(), follow.is_waiting())
        };
        assert_eq!(takes(4, false), (0, true), "left out, and asked for anew");
        assert_eq!([takes(5, false), takes(9, false)], [(1, false); 2]);
        assert_eq!(takes(8, false), (0, true));
        assert_eq!(takes(3, true), (1, false));
    }
}
