//! A change stream that fails at one event, and when to go on behind it. No I/O.

use crate::{
    domain::protocol::position::Position,
    guards::{self, Guard},
    server::mongo::watch,
};

/// How often the stream may fail at an event before it goes on behind it.
const STANDS: u32 = 3;

/// Where the stream failed at an event, and how often.
#[derive(Default)]
pub struct Standing {
    at: Option<Position>,
    times: u32,
}

impl Standing {
    /// Such a failure takes what is before the event in its answer along. So events are asked for one by one where it came.
    pub fn batch(&self, at: Position) -> u32 {
        if self.at == Some(at) { 1 } else { watch::BATCH }
    }

    /// It failed; whether so often that it must go on behind the event.
    pub fn failed(&mut self, at: Position) -> bool {
        self.times = if self.at.replace(at) == Some(at) { self.times + 1 } else { 1 };
        self.times >= STANDS && guards::on(Guard::StandingStream)
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
