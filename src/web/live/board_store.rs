//! A board that a page shows. One signal holds all its values. A feed keeps past events that the server no longer
//! sends.

use leptos::prelude::*;

use crate::domain::{
    fields::Fields,
    latest::{COMPLETE_FROM, CUT, OLDER},
    protocol::{
        change::{Change, Op, patch},
        follow::Follow,
        position::ClusterTime,
    },
};

#[derive(Clone, Copy)]
pub struct BoardStore {
    topic: StoredValue<String>,
    fields: RwSignal<Fields>,
    /// Cluster time of the first values.
    ct: ClusterTime,
    /// For a feed, the key up to which all events are here.
    upto: StoredValue<Option<String>>,
}

impl BoardStore {
    pub(super) fn new(topic: String, fields: Fields, ct: ClusterTime, upto: Option<String>) -> Self {
        Self { topic: StoredValue::new(topic), fields: RwSignal::new(fields), ct, upto: StoredValue::new(upto) }
    }

    /// The board's initial protocol state, before it is subscribed to.
    pub fn follow(&self) -> Follow {
        Follow::of_board(self.ct)
    }

    pub const fn fields(&self) -> RwSignal<Fields> {
        self.fields
    }

    /// Whether this is the same store.
    pub fn is(&self, other: Self) -> bool {
        self.fields == other.fields
    }

    /// The topic's name. Empty once the page is gone.
    pub fn topic(&self) -> String {
        self.topic.try_get_value().unwrap_or_default()
    }

    /// Applies what the server sent. A feed then knows all events up to the key `upto`.
    pub fn apply(&self, changes: Vec<Change>, upto: String) {
        let keeps = self.upto.try_get_value().flatten();
        _ = self.fields.try_update(|fields| {
            for change in changes {
                match (change.op, &keeps) {
                    (Op::Put(all), None) => *fields = all,
                    (Op::Put(new), Some(known)) => keep(fields, new, known),
                    (Op::Patch(new, _), Some(known)) => keep(fields, new, known),
                    (Op::Patch(set, unset), None) => patch(fields, set, &unset),
                    (Op::Delete, _) => {}
                }
            }
        });
        if keeps.is_some() {
            self.upto.set_value(Some(upto));
        }
    }
}

/// Adds new events to the old ones. If events between them were never sent, drops the old ones; the page can ask for
/// them again.
fn keep(fields: &mut Fields, new: Fields, known: &str) {
    let from = new.get(COMPLETE_FROM).and_then(|v| v.as_str()).unwrap_or_default();
    // New events right after the last known one leave no gap. A new epoch always counts as a gap, because its first
    // position does not tell what came before.
    if !from.is_empty() && from > known && !follows(known, from) {
        fields.clear();
        fields.insert(OLDER.to_owned(), true.into());
        fields.insert(CUT.to_owned(), from.into());
    }
    fields.extend(new);
}

/// Returns whether the position of `next` comes right after that of `key`, in the same epoch.
fn follows(key: &str, next: &str) -> bool {
    let (Some((epoch, seq)), Some((next_epoch, next_seq))) = (key.split_once('-'), next.split_once('-')) else {
        return false;
    };
    epoch == next_epoch && seq.parse().ok().and_then(|n: u64| n.checked_add(1)) == next_seq.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ids::DocId,
        latest::key,
        protocol::{
            frame::Delta,
            position::{Epoch, Position, Seq},
        },
    };
    use serde_json::json;

    fn at(seq: u64) -> String {
        key(Position::new(Epoch(1), Seq(seq)))
    }

    fn events(seqs: &[u64], complete_from: u64) -> Fields {
        let mut fields: Fields = seqs.iter().map(|seq| (at(*seq), json!(seq))).collect();
        fields.insert(COMPLETE_FROM.to_owned(), at(complete_from).into());
        fields
    }

    fn seqs(sheet: BoardStore) -> Vec<i64> {
        sheet.fields().get_untracked().values().filter_map(serde_json::Value::as_i64).collect()
    }

    fn sent(op: Op) -> Vec<Change> {
        vec![Change { id: DocId("activity".into()), op }]
    }

    #[test]
    fn a_feed_keeps_its_past_unless_something_between_is_missing() {
        Owner::new().with(|| {
            let past = [(at(1), json!(1)), (at(2), json!(2)), (OLDER.to_owned(), json!(false))].into();
            let feed = BoardStore::new("activity?of=all".into(), past, ClusterTime(0), Some(at(2)));
            feed.apply(sent(Op::Put(events(&[4], 3))), at(4));
            assert_eq!(seqs(feed), [1, 2, 4], "3 was no news");
            feed.apply(sent(Op::Patch(events(&[5, 6], 4), vec![at(1)])), at(6));
            assert_eq!(seqs(feed), [1, 2, 4, 5, 6], "what the server no longer sends stays");
            let older = || feed.fields().with_untracked(|fields| fields.get(OLDER).cloned());
            assert_eq!(older(), Some(json!(false)));
            feed.apply(sent(Op::Put(events(&[9, 10], 9))), at(10));
            assert_eq!(seqs(feed), [9, 10], "7 and 8 may have been news");
            assert_eq!(older(), Some(json!(true)), "what went can be asked for");
            feed.apply(sent(Op::Patch(events(&[11], 10), vec![])), at(11));
            let cut = feed.fields().with_untracked(|fields| fields.get(CUT).cloned());
            assert_eq!(cut, Some(json!(at(9))), "and from where");
        });
    }

    #[test]
    fn values_of_an_earlier_time_than_those_of_the_page_are_not_taken() {
        let takes = |ct| {
            let mut follow = BoardStore::new("reports?changed".into(), Fields::new(), ClusterTime(5), None).follow();
            follow.ask(1);
            follow.confirm(1, Position::default());
            let (topic, at) = ("reports?changed".parse().unwrap(), Position::default());
            follow.receive(&Delta {
                topic,
                from: at,
                to: at,
                ct: ClusterTime(ct),
                changes: sent(Op::Delete),
                more: false,
            });
            follow.take_board().len() == 1
        };
        Owner::new().with(|| {
            assert_eq!([4, 5, 6].map(takes), [false, true, true]);
            #[cfg(feature = "guards")]
            {
                let _off = crate::guards::off(crate::guards::Guard::TimeGoesOn);
                assert!(takes(4), "the guard is off");
            }
        });
    }

    #[test]
    fn other_boards_are_as_the_server_has_them() {
        Owner::new().with(|| {
            let board = BoardStore::new("x?y".into(), [("a".to_owned(), json!(1))].into(), ClusterTime(0), None);
            board.apply(sent(Op::Patch([("b".to_owned(), json!(2))].into(), vec!["a".into()])), String::new());
            assert_eq!(seqs(board), [2]);
            board.apply(sent(Op::Put([("c".to_owned(), json!(3))].into())), String::new());
            assert_eq!(seqs(board), [3]);
        });
    }
}
