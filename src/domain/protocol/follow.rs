//! A topic's place in the protocol, as a page keeps it: when it is subscribed to, which deltas count, and which are still
//! to be shown. What a list makes of a delta is the [`window`](super::window)'s.

use std::mem::take;

use super::{
    frame::Delta,
    position::{ClusterTime, Position},
};
use crate::guards::{self, Guard};

/// Deltas that wait to be painted. Where no frames are painted more must not pile up.
const PENDING_MAX: usize = 64;

/// Whether deltas count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// To be subscribed when there is a connection.
    #[default]
    Waiting,
    /// Deltas are ignored until this subscription is confirmed.
    Asked(u32),
    Live,
    /// New rows are on their way.
    Fetching,
}

/// A topic's place in the protocol. From its subscription until the answer, and while rows are fetched because of a
/// reset, its deltas are of a place that is left: they are ignored, also those received before and not yet painted.
#[derive(Clone, Debug, Default)]
pub struct Follow {
    state: State,
    /// What leads up to there is catching up: the server was there when it began to follow.
    head: Position,
    /// The last may be a part whose rest is under way.
    pending: Vec<Delta>,
    /// Of a board: cluster time of what is shown, and where its last delta led to.
    shown: ClusterTime,
    led: Option<Position>,
}

impl Follow {
    /// Of a board whose values of a cluster time are shown.
    pub fn of_board(shown: ClusterTime) -> Self {
        Self { shown, ..Self::default() }
    }

    pub fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    pub fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// Whether new rows are on their way.
    pub fn is_fetching(&self) -> bool {
        self.state == State::Fetching
    }

    /// It must be subscribed to anew: its rows were replaced, or something is missing.
    pub fn wait(&mut self) {
        self.turn(State::Waiting);
    }

    /// A subscription was sent.
    pub fn ask(&mut self, rid: u32) {
        self.turn(State::Asked(rid));
    }

    /// A subscription was answered by a server that is at `head`.
    pub fn confirm(&mut self, rid: u32, head: Position) {
        if self.state == State::Asked(rid) {
            self.turn(State::Live);
            self.head = head;
        }
    }

    /// Whether it has happened since the topic is followed. What began before and ends after is catching up only if it
    /// came with the answer; `settled`: that was some time ago.
    pub fn is_news(&self, delta: &Delta, settled: bool) -> bool {
        delta.to > self.head && (settled || delta.from >= self.head)
    }

    /// New rows are needed; false if they are on their way.
    pub fn fetch(&mut self) -> bool {
        let new = !self.is_fetching();
        self.turn(State::Fetching);
        new
    }

    /// The connection is gone.
    pub fn hang_up(&mut self) {
        if !self.is_fetching() {
            self.wait();
        }
    }

    /// Keeps a delta until it is painted, if it counts; whether it is time to show what is kept, painted or not.
    pub fn receive(&mut self, delta: &Delta) -> bool {
        if self.is_live() || !guards::on(Guard::SubscribeBarrier) {
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

    /// What is to be shown, in order: whole deltas, because a part alone belongs to no position. Were one shown and the
    /// connection lost, an instance that is behind would lead its rows back.
    pub fn take(&mut self) -> Vec<Delta> {
        let cut = self.pending.pop_if(|delta| delta.more);
        let whole = take(&mut self.pending);
        self.pending.extend(cut);
        whole
    }

    /// As [`Self::take`], of a board: it has no snapshot, so what is of an earlier time than what is shown is left out, and the
    /// board is to be asked for anew.
    pub fn take_board(&mut self) -> Vec<Delta> {
        let deltas = self.take();
        for delta in &deltas {
            if delta.ct < self.shown && guards::on(Guard::TimeGoesOn) {
                self.wait();
                return Vec::new();
            }
            (self.shown, self.led) = (delta.ct, Some(delta.to));
        }
        deltas
    }

    /// Where a board's last delta led to.
    pub const fn led(&self) -> Option<Position> {
        self.led
    }

    /// The database was set back: values may be of an earlier time than those shown.
    pub fn forget_time(&mut self) {
        self.shown = ClusterTime::default();
    }

    fn turn(&mut self, to: State) {
        self.state = to;
        if guards::on(Guard::SubscribeBarrier) {
            self.pending.clear();
        }
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
