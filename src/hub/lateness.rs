//! How late messages come, by two clocks that agree on nothing but how fast they go.

use std::time::{Duration, Instant};

/// What one sender's messages took, relative to the quickest of late.
#[derive(Clone, Copy, Debug)]
pub struct Lateness {
    sender: u64,
    /// The least by which our clock was ahead of the sender's as a message came, µs.
    quickest: i64,
    heard: Instant,
}

impl Lateness {
    /// No two clocks drift apart faster than by this part.
    const DRIFT: i64 = 1000;

    /// How much later than the quickest a message came that was sent at `sent` µs of the sender's clock and is heard at `ours`
    /// of our own. The first of a sender counts as in time.
    pub fn of(before: &mut Option<Self>, sender: u64, sent: i64, ours: i64) -> Duration {
        let (took, heard) = (ours.saturating_sub(sent), Instant::now());
        let quickest = match before {
            Some(known) if known.sender == sender => {
                let silent = i64::try_from(heard.duration_since(known.heard).as_micros()).unwrap_or(i64::MAX);
                took.min(known.quickest.saturating_add(silent / Self::DRIFT))
            }
            _ => took,
        };
        *before = Some(Self { sender, quickest, heard });
        Duration::from_micros(u64::try_from(took - quickest).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cache::log::Sent,
        hub::Hub,
        model::{
            position::{Epoch, Position, Seq},
            time::UtcMs,
        },
    };

    #[test]
    fn the_relays_word_is_as_old_as_it_is_late() {
        let hub = Hub::of_new_clients(1);
        let says = |position, us| hub.checked(position, UtcMs(0), Some(Sent { relay: 7, us }));
        says(Position::new(Epoch(9), Seq(0)), 10_000_000);
        assert_eq!(hub.freshness().checked, None, "of another log");
        says(hub.head().unwrap(), 6_000_000);
        assert!(hub.freshness().checked.is_some_and(|ago| ago >= Duration::from_secs(4)));
        says(hub.head().unwrap(), 10_000_000);
        says(hub.head().unwrap(), 6_000_000);
        assert!(hub.freshness().checked.is_some_and(|ago| ago < Duration::from_secs(4)), "what was known stays known");
    }

    #[test]
    fn a_message_is_as_late_as_it_took_longer_than_the_quickest() {
        let mut known = None;
        let mut late = |sender, sent, ours| {
            let late = Lateness::of(&mut known, sender, sent, ours);
            late.as_millis()
        };
        assert_eq!(late(1, 5_000_000, 1_000_000), 0, "the first");
        assert_eq!(late(1, 6_000_000, 1_990_000), 0, "a quicker one");
        assert_eq!(late(1, 7_000_000, 7_000_000), 4010);
        assert_eq!(late(1, 8_000_000, 4_020_000), 30);
        assert_eq!(late(2, 0, 9_000_000), 0, "another sender has another clock");
    }
}
