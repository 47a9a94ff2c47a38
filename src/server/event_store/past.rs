//! Detects that the database was set back to an earlier state, which its change stream may not report.

use mongodb::error::Result;

use super::store::Events;
use crate::{domain::protocol::position::Position, guards::guarded};

impl Events {
    /// Whether the database was set back since the event `noted` was written. Nothing is known without one.
    ///
    /// # Errors
    /// If MongoDB does not answer, or a majority does not.
    pub async fn are_of_another_past(&self, noted: Option<Position>) -> Result<bool> {
        let Some(noted) = noted else { return Ok(false) };
        // A primary that was just elected, and one that was replaced without knowing it, may answer with an earlier
        // state for a moment. So an earlier state is believed only when a majority confirms it.
        Ok(is_of_another_past(noted, self.upto(noted).await?)
            && is_of_another_past(noted, self.surely_upto(noted).await?))
    }
}

/// Whether `newest`, the newest event that is not after `noted`, shows that the database was set back. Events are
/// written by a majority and are removed by age alone, so that older events without `noted` are of another past. Events
/// after `noted` tell nothing, because they may have been written since.
fn is_of_another_past(noted: Position, newest: Option<Position>) -> bool {
    guarded!(KnownPast: newest.is_some_and(|newest| newest < noted), else false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::protocol::position::{Epoch, Seq};

    #[test]
    fn older_events_without_the_one_that_was_noted_are_of_another_past() {
        let at = |seq| Position::new(Epoch(1), Seq(seq));
        let found = [None, Some(at(7)), Some(at(6))];
        assert_eq!(found.map(|newest| is_of_another_past(at(7), newest)), [false, false, true]);
    }
}
