use super::*;
use crate::domain::protocol::position::{ClusterTime, Epoch};
use proptest::prelude::*;

fn event(n: usize, ct: u64, txn: bool) -> Event {
    Event::of_new_station(n, ClusterTime(ct), txn)
}

fn start() -> Sequencer {
    Sequencer::after(Tail { position: Position::new(Epoch(1), Seq(0)), token: String::new() }, Seq(0))
}

#[test]
fn a_transaction_is_held_until_it_is_whole() {
    let mut s = start();
    s.push(event(1, 1, true));
    s.push(event(2, 1, true));
    assert!(s.next().is_none());
    s.push(event(3, 2, true));
    let next = s.next().unwrap();
    assert_eq!((next.entry.last, next.entry.closed), (Seq(2), Seq(2)));
    s.appended(&next);
    assert!(s.next().is_none());
    s.idle();
    assert_eq!(s.next().unwrap().entry.closed, Seq(3));
}

#[test]
fn a_large_transaction_goes_in_parts_that_are_not_closed() {
    let mut s = start();
    (0..HELD_MAX + 100).for_each(|n| s.push(event(n, 1, true)));
    let mut closed = Vec::new();
    while let Some(next) = s.next() {
        closed.push(next.entry.closed.0);
        s.appended(&next);
        s.idle();
    }
    assert_eq!(closed, [0, 0, (HELD_MAX + 100) as u64]);
}

#[test]
fn a_transaction_of_large_events_goes_in_parts_before_it_takes_much_room() {
    const LARGE: usize = 1 << 20;
    fn text() -> String {
        "x".repeat(LARGE)
    }
    let tokens = |n| Event { token: format!("{n}{}", text()), ..event(n, 1, true) };
    let rows = |n| {
        let mut event = event(n, 1, true);
        if let EventKind::Row { images, .. } = &mut event.kind {
            *images = Images::Inserted([("name".to_owned(), text().into())].into());
        }
        event
    };
    let count = 3 * HELD_BYTES_MAX / LARGE;
    for large in [tokens, rows] as [fn(usize) -> Event; 2] {
        let mut s = start();
        let mut parts = 0;
        for n in 0..count {
            s.push(large(n));
            while let Some(next) = s.next() {
                assert_eq!(next.entry.closed, Seq(0), "pages must not see a part");
                s.appended(&next);
                parts += 1;
            }
            assert!(s.pending.len() * LARGE <= HELD_BYTES_MAX, "{} are held", s.pending.len());
        }
        assert!(parts > 0 && parts < count, "{parts}");
        s.idle();
        while let Some(next) = s.next() {
            s.appended(&next);
        }
        assert_eq!((s.tail.position.seq, s.closed, s.bytes), (Seq(count as u64), Seq(count as u64), 0));
    }
}

#[test]
fn an_entry_written_by_another_relay_is_skipped() {
    let mut s = start();
    (1..=5).for_each(|n| s.push(event(n, n as u64, false)));
    let at = |seq, token: &str| Tail { position: Position::new(Epoch(1), Seq(seq)), token: token.into() };
    assert!(!s.skip_to(&at(3, "other")), "another history");
    assert!(!s.skip_to(&at(9, "9")), "not read yet");
    assert!(s.skip_to(&at(3, "3")));
    assert_eq!(s.next().unwrap().entry.first, Seq(4));
}

proptest! {
    #[test]
    fn numbers_are_dense_and_closed_positions_cut_no_transaction(
        lengths in prop::collection::vec((1..400_usize, any::<bool>()), 1..12), drain_every in 1..50_usize,
    ) {
        let mut events = Vec::new();
        for (ct, (length, txn)) in lengths.iter().enumerate() {
            let length = if *txn { *length } else { 1 };
            for _ in 0..length {
                let n = events.len();
                events.push(event(n, ct as u64 + 1, *txn));
            }
        }
        let whole: Vec<bool> = (0..events.len()).map(|i| events.get(i + 1).is_none_or(|next| next.ct > events[i].ct)).collect();
        let mut s = start();
        let mut entries = Vec::new();
        for (i, e) in events.into_iter().enumerate() {
            s.push(e);
            if i % drain_every == 0 {
                while let Some(next) = s.next() { s.appended(&next); entries.push(next.entry); }
            }
        }
        s.idle();
        while let Some(next) = s.next() { s.appended(&next); entries.push(next.entry); }
        let mut last = 0;
        for entry in &entries {
            prop_assert_eq!(entry.first.0, last + 1);
            last = entry.last.0;
            prop_assert_eq!(entry.records.len() as u64, entry.last.0 - entry.first.0 + 1);
            let closed = usize::try_from(entry.closed.0).unwrap();
            prop_assert!(closed == 0 || whole[closed - 1]);
        }
        prop_assert_eq!(usize::try_from(last).unwrap(), whole.len());
        prop_assert_eq!(entries.last().unwrap().closed.0, last);
    }
}
