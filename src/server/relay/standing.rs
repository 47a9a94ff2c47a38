//! A change stream that fails at one event, and when to go on behind it. No I/O.

use crate::{domain::protocol::position::Position, guards::guarded, server::mongo::watch};

/// How often the stream may fail at an event before it goes on behind that event.
const STANDS: u32 = 3;

/// Where the stream failed at an event, and how often.
#[derive(Default)]
pub struct Standing {
    at: Option<Position>,
    times: u32,
}

impl Standing {
    /// How many events to ask for at once. A failure takes along what precedes the event in the same answer, so
    /// events are asked for one by one where the stream failed.
    pub fn batch(&self, at: Position) -> u32 {
        if self.at == Some(at) { 1 } else { watch::BATCH }
    }

    /// Notes a failure. Returns whether the stream has failed so often that it must go on behind the event.
    pub fn failed(&mut self, at: Position) -> bool {
        self.times = if self.at.replace(at) == Some(at) { self.times + 1 } else { 1 };
        guarded!(StandingStream: self.times >= STANDS, else false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::protocol::position::{Epoch, Seq};

    #[test]
    fn only_failures_at_one_place_add_up() {
        let at = |seq| Position::new(Epoch(1), Seq(seq));
        let mut standing = Standing::default();
        assert_eq!(standing.batch(at(1)), watch::BATCH);
        assert_eq!([1, 1, 2, 2].map(|seq| standing.failed(at(seq))), [false; 4]);
        assert_eq!((standing.batch(at(2)), standing.batch(at(1))), (1, watch::BATCH));
        assert!(standing.failed(at(2)));
    }
}
