//! A change stream that fails at one event, and when to go on behind it. No I/O.

use std::time::{Duration, Instant};

use crate::{
    domain::protocol::position::Position,
    guards::guarded,
    server::mongo::watch::{self, StreamFailure},
};

/// How often the stream may fail at an event that cannot be read, before it goes on behind that event.
const UNREADABLE: u32 = 3;
/// How often MongoDB itself may fail at an event, and for how long it must have done so. Much of what it cannot do now
/// it can do later, and an event that is skipped is lost.
const REFUSED: (u32, Duration) = (8, Duration::from_secs(15));
/// How long a stream that has nothing more must have been without a failure. MongoDB answers without events also while
/// it is on its way to the event at which it fails, and a loaded one needs many such answers.
const QUIET: Duration = Duration::from_secs(60);

/// Where the stream failed, how often, since when, and when last.
#[derive(Default)]
pub struct Standing {
    at: Option<Failed>,
    times: u32,
}

#[derive(Clone, Copy)]
struct Failed {
    at: Position,
    first: Instant,
    last: Instant,
}

impl Standing {
    /// How many events to ask for at once. A failure takes along what precedes the event in the same answer, so
    /// events are asked for one by one where the stream failed.
    pub fn batch(&mut self, at: Position) -> u32 {
        if self.is_at(at) {
            return 1;
        }
        *self = Self::default();
        watch::BATCH
    }

    /// Notes that the log ends at `tail`, and whether the stream has nothing more. Returns whether it came past what it
    /// failed at, so that it need not be asked for events one by one any longer.
    pub fn moves(&mut self, tail: Position, idle: bool, now: Instant) -> bool {
        let Some(failed) = self.at else { return false };
        let batch = failed.at.seq.0.saturating_add(watch::BATCH.into());
        // The event was in the answer after this position, and no answer has more events than a batch.
        let passed = tail.epoch != failed.at.epoch || tail.seq.0 > batch;
        let quiet = idle && now.saturating_duration_since(failed.last) >= QUIET;
        if passed || quiet {
            *self = Self::default();
        }
        passed || quiet
    }

    /// Notes a failure. Returns whether the stream has failed so often that it must go on behind the event.
    pub fn failed(&mut self, at: Position, failure: StreamFailure, now: Instant) -> bool {
        let first = match self.at {
            Some(failed) if failed.at == at => failed.first,
            _ => {
                self.times = 0;
                now
            }
        };
        self.at = Some(Failed { at, first, last: now });
        self.times += 1;
        let lasted = now.saturating_duration_since(first);
        let enough = match failure {
            StreamFailure::Away | StreamFailure::HistoryLost => false,
            StreamFailure::Unreadable => self.times >= UNREADABLE,
            StreamFailure::Refused => self.times >= REFUSED.0 && lasted >= REFUSED.1,
        };
        guarded!(StandingStream: enough, else false)
    }

    fn is_at(&self, at: Position) -> bool {
        self.at.is_some_and(|failed| failed.at == at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::protocol::position::{Epoch, Seq};

    fn at(seq: u64) -> Position {
        Position::new(Epoch(1), Seq(seq))
    }

    #[test]
    fn only_failures_at_one_place_add_up() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        assert_eq!(standing.batch(at(1)), watch::BATCH);
        let mut failed = |seq| standing.failed(at(seq), StreamFailure::Unreadable, now);
        assert_eq!([1, 1, 2, 2].map(&mut failed), [false; 4]);
        assert!(failed(2));
        assert_eq!((standing.batch(at(2)), standing.batch(at(3))), (1, watch::BATCH));
    }

    #[test]
    fn a_stream_that_came_past_what_it_failed_at_begins_to_count_anew() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        let batch = u64::from(watch::BATCH);
        assert!(!standing.moves(at(1), true, now), "it never failed");
        for (tail, idle, later) in [(at(2 + batch), false, now), (at(1), true, now + QUIET)] {
            assert_eq!([(); 2].map(|()| standing.failed(at(1), StreamFailure::Unreadable, now)), [false; 2]);
            assert!(standing.moves(tail, idle, later));
            assert_eq!(standing.batch(at(1)), watch::BATCH);
            assert!(!standing.failed(at(1), StreamFailure::Unreadable, now));
            assert!(!standing.moves(at(1 + batch), false, now + QUIET), "it may be the next event");
            standing = Standing::default();
        }
    }

    #[test]
    fn answers_without_events_on_the_way_to_what_it_fails_at_are_no_way_past_it() {
        let (mut standing, mut now) = (Standing::default(), Instant::now());
        let fails = |()| {
            let skips = standing.failed(at(1), StreamFailure::Unreadable, now);
            now += QUIET / 2;
            assert!(!standing.moves(at(1), true, now));
            assert_eq!(standing.batch(at(1)), 1);
            skips
        };
        assert_eq!([(); 3].map(fails), [false, false, true]);
    }

    #[test]
    fn what_mongodb_fails_at_is_skipped_after_many_failures_in_a_long_time() {
        let now = Instant::now();
        let fails = |times: u32, apart: Duration, failure| {
            let mut standing = Standing::default();
            (0..times).map(|n| standing.failed(at(1), failure, now + apart * n)).position(|skips| skips)
        };
        assert_eq!(fails(100, Duration::from_millis(100), StreamFailure::Refused), None, "many, in ten seconds");
        assert_eq!(fails(7, Duration::from_secs(60), StreamFailure::Refused), None, "few, in minutes");
        assert_eq!(fails(100, Duration::from_millis(1500), StreamFailure::Refused), Some(10), "15 s after the first");
        assert_eq!(fails(100, Duration::from_secs(60), StreamFailure::Refused), Some(7), "the eighth");
        assert_eq!(fails(100, Duration::from_secs(60), StreamFailure::Away), None, "no event's fault");
    }
}
