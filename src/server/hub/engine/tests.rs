use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::{
    domain::{
        report::By,
        time::{Period, UtcMs},
    },
    server::engine::EngineQuery,
};

const ROOM: usize = 1 << 20;

fn payment(method: &str) -> Fields {
    serde_json::from_value(json!({"status": "CAPTURED", "captured_at": "2018-06-15T12:00:00Z", "method": method}))
        .unwrap()
}

fn row(n: u64, after: Option<Fields>, unknown: bool) -> Effect {
    let (changed, before, cells, read) = (None, Fields::new(), None, None);
    Effect::Row(RowChange { id: DocId(n.to_string()), after, changed, before, cells, unknown, read })
}

fn reset() -> Effect {
    Effect::Reset { reason: "dropped".to_owned(), also: None }
}

/// Entries of one record each, at the cluster time of its number.
fn take(engine: &HubEngine, seq: u64, effect: Effect) {
    let ct = ClusterTime(seq);
    let record = Record { collection: Collection::Payments, ct, at: UtcMs(0), effect };
    let records = vec![Arc::new(record)];
    engine.take(&Entry { first: Seq(seq), last: Seq(seq), ct, records, ..Entry::opening(Epoch(1), ct, false) });
}

fn begun(room: usize) -> HubEngine {
    let engine = HubEngine::new(room);
    engine.begin(&Entry::opening(Epoch(1), ClusterTime(0), false));
    engine
}

/// Reads these payments at `ct`, each by its method.
fn load(engine: &HubEngine, ct: u64, payments: &[(u64, &str)]) {
    let mut load = engine.begin_load();
    for (n, method) in payments {
        load.take(Collection::Payments, || Some(DocId(n.to_string())), &payment(method));
    }
    engine.loaded_at(ClusterTime(ct), load);
}

/// The methods of the payments at the head, with the cluster time that is told.
fn methods(engine: &HubEngine, epoch: u64, head: u64) -> Option<(Vec<String>, u64)> {
    let period = Period { from: UtcMs(0), to: UtcMs(i64::MAX) };
    let query = EngineQuery { by: By::Method, period, pieces: &[], now: UtcMs(0) };
    let head = (Position::new(Epoch(epoch), Seq(head)), ClusterTime(head));
    let (_, ct, groups) = engine.exact(|| Some(head), |engine| engine.report(&query))?;
    let of = |group: crate::domain::report::Group| format!("{:?} {}", group.key, group.sums.payments);
    Some((groups.unwrap().into_iter().map(of).collect(), ct.0))
}

fn told(methods: &[&str], ct: u64) -> (Vec<String>, u64) {
    (methods.iter().map(|method| format!("Is({method:?}) 1")).collect(), ct)
}

#[test]
fn what_was_read_is_completed_by_what_happened_since() {
    let engine = begun(ROOM);
    assert!(engine.is_wanted() && !engine.is_loaded() && methods(&engine, 1, 0).is_none(), "nothing was read yet");
    take(&engine, 1, row(1, Some(payment("CARD")), false));
    take(&engine, 2, row(2, Some(payment("APP")), false));
    // Read at 1, so it has the first and not the second.
    load(&engine, 1, &[(1, "as it was read")]);
    assert!(!engine.is_wanted() && engine.is_loaded());
    assert_eq!(methods(&engine, 1, 1), Some(told(&["as it was read"], 1)), "what lies after the head waits");
    assert_eq!(methods(&engine, 1, 2), Some(told(&["APP", "as it was read"], 2)));
    take(&engine, 3, row(1, None, false));
    take(&engine, 3, row(2, None, false));
    take(&engine, 2, row(2, None, false));
    take(&engine, 3, row(2, None, false));
    assert_eq!(methods(&engine, 1, 3), Some(told(&["APP"], 3)), "no entry is taken twice");
    take(&engine, 5, row(2, None, false));
    assert_eq!(methods(&engine, 1, 5), Some(told(&["APP"], 5)), "an entry after a gap is not taken");
    assert!(methods(&engine, 2, 5).is_none(), "the head is of another epoch");
}

#[test]
fn documents_that_were_read_ahead_of_the_log_take_no_change_twice() {
    let engine = begun(ROOM);
    load(&engine, 7, &[(1, "of 7")]);
    take(&engine, 1, row(1, Some(payment("of 1")), false));
    assert_eq!(methods(&engine, 1, 1), Some(told(&["of 7"], 7)));
}

#[test]
fn after_a_loss_documents_are_read_anew() {
    for loss in [reset(), row(1, None, true)] {
        let engine = begun(ROOM);
        load(&engine, 0, &[(1, "old")]);
        let unneeded = engine.begin_load();
        let reading = EngineLoad { engine: Some(Engine::new(RandomState::new())), ..engine.begin_load() };
        take(&engine, 1, loss);
        assert!(engine.is_wanted() && !engine.is_loaded() && methods(&engine, 1, 1).is_none());
        engine.loaded_at(ClusterTime(0), reading);
        assert!(methods(&engine, 1, 1).is_none(), "read before the loss");
        engine.loaded_at(ClusterTime(1), unneeded);
        assert!(engine.is_wanted(), "what was read while nothing was needed held no documents");
        load(&engine, 1, &[(1, "new")]);
        assert_eq!(methods(&engine, 1, 1), Some(told(&["new"], 1)));
    }
    let engine = begun(ROOM);
    load(&engine, 9, &[(1, "old")]);
    let reading = EngineLoad { engine: Some(Engine::new(RandomState::new())), ..engine.begin_load() };
    engine.begin(&Entry::opening(Epoch(2), ClusterTime(5), true));
    engine.loaded_at(ClusterTime(9), reading);
    assert!(engine.is_wanted() && methods(&engine, 2, 0).is_none(), "read in another epoch, at a time that is no more");
}

#[test]
fn what_waits_is_bounded() {
    let engine = begun(ROOM);
    load(&engine, 0, &[]);
    let many = u64::try_from(WAITING_MAX).unwrap();
    (1..=many).for_each(|seq| take(&engine, seq, row(1, None, false)));
    assert!(engine.is_worth_taking() && !engine.is_wanted());
    take(&engine, many + 1, row(1, None, false));
    assert!(engine.is_wanted() && !engine.is_worth_taking(), "read anew instead");
}

#[test]
fn what_has_no_room_is_not_held_and_not_asked_for_again() {
    let tight = 4 << 10;
    let engine = begun(tight);
    let mut load_of_many = engine.begin_load();
    for n in 0..200_u64 {
        load_of_many.take(Collection::Payments, || Some(DocId(n.to_string())), &payment("CARD"));
    }
    assert!(load_of_many.engine.is_none(), "memory is bounded while documents are read");
    engine.loaded_at(ClusterTime(0), load_of_many);
    assert!(!engine.is_wanted() && methods(&engine, 1, 0).is_none());
    let engine = begun(tight);
    load(&engine, 0, &[]);
    (1..=200).for_each(|seq| take(&engine, seq, row(seq, Some(payment("CARD")), false)));
    assert!(methods(&engine, 1, 200).is_none() && !engine.is_wanted() && !engine.is_loaded(), "outgrown");
    take(&engine, 201, row(1, None, false));
    assert!(engine.waiting().changes.is_empty(), "changes do not wait for nobody");
    assert!(!begun(0).is_wanted(), "without room nothing is read");
}
