//! Whether the database was set back to an earlier state, of which its change stream may tell nothing. No I/O.

use crate::model::position::Position;

/// The newest event that was seen to stand in MongoDB. Events are written by a majority and go by age alone, so one that is
/// older in its place is of another past.
#[derive(Default)]
pub struct Past(Option<Position>);

impl Past {
    /// Looks at the newest event; whether MongoDB had a newer one before.
    pub fn is_another(&mut self, newest: Option<Position>) -> bool {
        let before = self.0;
        self.0 = newest.or(before);
        newest.is_some() && newest < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::position::{Epoch, Seq};

    #[test]
    fn an_older_newest_event_is_told_once() {
        let at = |seq| Some(Position::new(Epoch(1), Seq(seq)));
        let mut past = Past::default();
        let told = [None, at(3), at(3), at(7), None, at(5), at(6)].map(|newest| past.is_another(newest));
        assert_eq!(told, [false, false, false, false, false, true, false]);
    }
}
