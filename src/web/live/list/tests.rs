use super::*;
use crate::domain::protocol::{
    change::{Change, Op},
    position::{Epoch, Seq},
    snapshot::Row,
    topic::Topic,
};

#[test]
fn a_row_is_marked_once_a_second_and_shows_every_change() {
    Owner::new().with(|| {
        let store = ListStore::new(snapshot(&["a"]));
        store.mark_by(|before, after| before != after);
        let after = |seq, name: &str, second| {
            store.tick(UtcMs::from_seconds(second));
            store.apply(delta(seq, "a", Op::Put(named(name))), true).unwrap();
            row(store, 0).state.with_untracked(|row| (row.fields["name"].clone(), row.stamp))
        };
        assert_eq!(after(2, "b", 7), ("b".into(), 1));
        assert_eq!(after(3, "c", 7), ("c".into(), 1));
        assert_eq!(after(4, "d", 9), ("d".into(), 2));
    });
}

#[test]
fn a_mark_is_for_what_a_person_sees_change() {
    let beating =
        |name: &str, at: i64| Fields::from([("name".to_owned(), name.into()), ("beat".to_owned(), at.into())]);
    Owner::new().with(|| {
        let store = ListStore::new(snapshot(&["a", "b"]));
        store.mark_by(|before, after| before["name"] != after["name"]);
        let apply = |seq, id: &str, row, news| store.apply(delta(seq, id, Op::Put(row)), news).unwrap();
        let stamps = || {
            store.order().with_untracked(|order| {
                order.iter().map(|(_, row)| row.state.with_untracked(|row| row.stamp)).collect::<Vec<_>>()
            })
        };
        apply(2, "a", beating("a", 1), true);
        apply(3, "b", beating("bb", 1), false);
        apply(4, "c", beating("c", 1), false);
        assert_eq!(stamps(), [0, 0, 0], "a heartbeat, and what was caught up");
        store.replace(Snapshot { position: at(4), ..snapshot(&["aa", "b"]) });
        assert_eq!(stamps(), [0, 0], "what was fetched");
        apply(5, "b", beating("bbb", 2), true);
        apply(6, "c", beating("c", 2), true);
        assert_eq!(stamps(), [0, 1, 1]);
    });
}

#[test]
fn a_list_that_is_held_still_shows_changes_and_tells_what_waits() {
    let fates = |store: ListStore| {
        store.order().with_untracked(|order| {
            order.iter().map(|(_, row)| row.state.with_untracked(|row| row.fate)).collect::<Vec<_>>()
        })
    };
    Owner::new().with(|| {
        let store = ListStore::new(snapshot(&["a", "b", "d"]));
        store.hold(true);
        store.apply(delta(2, "c", Op::Put(named("c"))), true).unwrap();
        store.apply(delta(3, "a", Op::Delete), true).unwrap();
        store.apply(delta(4, "b", Op::Put(named("z"))), true).unwrap();
        assert_eq!(untrack(|| store.waiting()), Waiting { new: 1, left: 0, deleted: 1, moved: 1 });
        assert_eq!(fates(store), [Fate::Deleted, Fate::Moved, Fate::Stays]);
        assert_eq!(row(store, 1).state.with_untracked(|row| row.fields["name"].clone()), "z", "it changes in place");
        store.release();
        assert_eq!(untrack(|| store.waiting()), Waiting::default());
        assert_eq!(fates(store), [Fate::Stays; 3]);
        store.apply(delta(5, "e", Op::Put(named("e"))), true).unwrap();
        assert_eq!(untrack(|| store.waiting()).new, 1, "it is held still");
        store.hold(false);
        assert_eq!(fates(store).len(), 4);
    });
}

#[test]
fn where_nothing_tells_who_reads_a_list_is_still_from_the_first_news_on() {
    Owner::new().with(|| {
        let store = ListStore::new(snapshot(&[]));
        let shown = || store.order().with_untracked(Vec::len);
        store.keep_still();
        store.apply(delta(2, "a", Op::Put(named("a"))), false).unwrap();
        assert_eq!(shown(), 1, "it catches up");
        store.apply(delta(3, "b", Op::Put(named("b"))), true).unwrap();
        store.hold(false);
        assert_eq!((shown(), untrack(|| store.waiting()).new), (1, 1), "nobody knows when one has read");
        store.release();
        store.apply(delta(4, "a", Op::Delete), true).unwrap();
        store.apply(delta(5, "b", Op::Delete), false).unwrap();
        store.release();
        assert_eq!(shown(), 0);
        store.apply(delta(6, "a", Op::Put(named("a"))), true).unwrap();
        assert_eq!(shown(), 1, "where nothing is nothing moves");
    });
}

fn at(seq: u64) -> Position {
    Position::new(Epoch(1), Seq(seq))
}

fn named(name: &str) -> Fields {
    Fields::from([("name".to_owned(), name.into())])
}

fn row(store: ListStore, i: usize) -> LiveRow {
    store.order().get_untracked()[i].1.clone()
}

/// Stations with these names. The first letter of a name is the id.
fn snapshot(names: &[&str]) -> Snapshot {
    let rows = names.iter().map(|name| Row { id: DocId(name[..1].to_owned()), fields: named(name) }).collect();
    Snapshot { rows, ..Snapshot::blank(Collection::Stations, at(1), ClusterTime(1)) }
}

fn delta(seq: u64, id: &str, op: Op) -> Delta {
    Delta {
        topic: Topic::Collection(Collection::Stations),
        from: at(seq - 1),
        to: at(seq),
        ct: ClusterTime(seq),
        changes: vec![Change { id: DocId(id.to_owned()), op }],
        more: false,
    }
}

#[test]
fn a_document_that_went_and_came_back_unseen_is_another_row_which_follows_it() {
    Owner::new().with(|| {
        let store = ListStore::new(snapshot(&["a"]));
        let apply = |seq, op| store.apply(delta(seq, "a", op), true).unwrap();
        let first = row(store, 0);
        apply(2, Op::Put(named("second")));
        assert!(row(store, 0) == first, "what only changes keeps its row");
        apply(3, Op::Delete);
        apply(4, Op::Put(named("third")));
        let second = row(store, 0);
        assert!(second != first, "a list that draws it now must not take it for the row that it has drawn");
        apply(5, Op::Patch(named("fourth"), Vec::new()));
        assert_eq!(second.state.with_untracked(|row| row.fields["name"].clone()), "fourth");
    });
}
