//! How late messages come, measured with two clocks that agree only on how fast they go.

use std::time::{Duration, Instant};

/// How long the quickest message stays the measure, up to twice as long. A clock that stood still while its machine
/// was suspended makes messages look late for that time. Messages that are slow for longer than that, and never
/// quicker, look in time.
const WINDOW: Duration = Duration::from_mins(5);

/// How long one sender's messages took, relative to its quickest recent one.
#[derive(Clone, Copy, Debug)]
pub struct Lateness {
    sender: u64,
    /// The least lead of our clock over the sender's as a message came, in µs: in this window, and in the one before.
    quickest: [i64; 2],
    began: Instant,
}

impl Lateness {
    /// How much later than the quickest a message came at `now`. It was sent at `sent` µs of the sender's clock and
    /// heard at `ours` µs of our own. A sender's first message counts as in time.
    pub fn of(before: &mut Option<Self>, sender: u64, sent: i64, ours: i64, now: Instant) -> Duration {
        let took = ours.saturating_sub(sent);
        let known = before.filter(|known| known.sender == sender);
        let mut known = known.unwrap_or(Self { sender, quickest: [took; 2], began: now });
        if now.duration_since(known.began) >= WINDOW {
            known = Self { quickest: [took, known.quickest[0]], began: now, ..known };
        }
        known.quickest[0] = known.quickest[0].min(took);
        *before = Some(known);
        let quickest = known.quickest[0].min(known.quickest[1]);
        Duration::from_micros(u64::try_from(took.saturating_sub(quickest)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            collections::Collection,
            protocol::position::{Epoch, Position, Seq},
            time::UtcMs,
        },
        server::{hub::Hub, redis::log::Sent},
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
    fn nothing_is_fresh_while_a_collection_cannot_be_followed() {
        let hub = Hub::of_new_clients(1);
        let says = || hub.checked(hub.head().unwrap(), UtcMs(0), None);
        let stale = Duration::from_millis(u64::from(crate::domain::protocol::frame::STALE_MS));
        says();
        assert!(hub.freshness().checked.is_some_and(|ago| ago < stale));
        hub.set_unfollowed(vec![Collection::Stations]);
        says();
        assert!(hub.freshness().checked.is_some_and(|ago| ago > stale));
        hub.set_unfollowed(Vec::new());
        assert!(hub.freshness().checked.is_some_and(|ago| ago < stale));
    }

    #[test]
    fn what_was_taken_and_is_not_shown_is_not_fresh() {
        let hub = Hub::of_new_clients(1);
        let round = hub.round();
        hub.take_new_clients(2, 3);
        let tail = hub.read().tail().unwrap();
        hub.checked(tail, UtcMs(0), None);
        assert_eq!(hub.freshness().checked, None);
        drop(round);
        assert!(hub.freshness().checked.is_some());
    }

    #[test]
    fn a_late_word_leaves_what_is_late_as_late_as_it_came() {
        let hub = Hub::of_new_clients(1);
        let says = |us| hub.checked(hub.head().unwrap(), UtcMs(0), Some(Sent { relay: 7, us }));
        let slow = Duration::from_secs(9);
        says(10_000_000);
        hub.write().lag = slow;
        says(6_000_000);
        let lag = hub.freshness().lag;
        assert!((Duration::from_secs(4)..slow).contains(&lag), "{lag:?}");
        hub.write().begin(&crate::server::hub::state::tests::entry(2, 1, 1));
        hub.write().lag = slow;
        says(6_000_000);
        assert!(hub.freshness().lag >= Duration::from_secs(4), "the clocks are the same in a new epoch");
        says(10_100_000);
        assert_eq!(hub.freshness().lag, Duration::ZERO);
    }

    #[test]
    fn a_message_is_as_late_as_it_took_longer_than_the_quickest_of_late() {
        let (mut known, mut now) = (None, Instant::now());
        let mut late = |pause, sender, sent, ours| {
            now += Duration::from_secs(pause);
            Lateness::of(&mut known, sender, sent, ours, now).as_millis()
        };
        assert_eq!(late(0, 1, 5_000_000, 1_000_000), 0, "the first");
        assert_eq!(late(1, 1, 6_000_000, 1_990_000), 0, "a quicker one");
        assert_eq!(late(1, 1, 7_000_000, 7_000_000), 4010);
        assert_eq!(late(1, 1, 8_000_000, 4_020_000), 30);
        assert_eq!(late(300, 1, 9_000_000, 9_000_000), 4010, "however long nothing came");
        assert_eq!(late(299, 1, 10_000_000, 10_000_000), 4010);
        assert_eq!(late(1, 1, 11_000_000, 11_000_000), 0, "the clocks have had another difference for a whole window");
        assert_eq!(late(0, 2, 0, 9_000_000), 0, "another sender has another clock");
    }
}
