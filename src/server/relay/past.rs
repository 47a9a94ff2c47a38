//! Detects that the database was set back to an earlier state, which its change stream may not report. No I/O.

use crate::{domain::protocol::position::Position, guards::guarded};

/// The newest event that was seen in MongoDB. Events are written by a majority and are removed by age alone, so an
/// older event in its place is of another past.
#[derive(Default)]
pub struct Past(Option<Position>);

impl Past {
    /// Looks at the newest event. Returns whether MongoDB had a newer one before. `noted` is the one that Redis has,
    /// from any relay. Only `noted` is set back when pages are told.
    pub fn is_another(&mut self, newest: Option<Position>, noted: Option<Position>) -> bool {
        let before = noted.or(self.0);
        let another = guarded!(KnownPast: newest.is_some() && newest < before, else false);
        if !another {
            self.0 = newest.or(before);
        }
        another
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::protocol::position::{Epoch, Seq};

    #[expect(clippy::unnecessary_wraps, reason = "as what is looked at")]
    fn at(seq: u64) -> Option<Position> {
        Some(Position::new(Epoch(1), Seq(seq)))
    }

    #[test]
    fn an_older_newest_event_is_told_until_pages_know() {
        let mut past = Past::default();
        let looks = [(None, None), (at(3), None), (at(7), at(3)), (None, at(7)), (at(5), at(7)), (at(5), at(7))];
        let told = looks.map(|(newest, noted)| past.is_another(newest, noted));
        assert_eq!(told, [false, false, false, false, true, true]);
        assert!(past.is_another(at(5), None), "Redis has lost what it had");
        assert_eq!([at(5), at(6)].map(|newest| past.is_another(newest, at(5))), [false; 2], "an epoch has begun");
    }

    #[test]
    fn a_relay_that_begins_knows_what_was_there_before() {
        assert!(Past::default().is_another(at(5), at(7)));
    }
}
