use super::*;
use crate::domain::value::read;

fn seen() -> Observation {
    let status = |id: &str| Status {
        id: id.to_owned(),
        checked_ms: Some(300),
        lags: [Some(2), Some(3), Some(4), None, None],
        ..Status::default()
    };
    let relay = Status { relay_s: Some(60), ..status("a") };
    Observation {
        own: relay.clone(),
        instances: vec![(100, relay), (900, status("b"))],
        redis: true,
        ..Observation::default()
    }
}

#[test]
fn what_is_not_well_says_so() {
    let conditions = |seen: &Observation| parts(seen).map(|part| part.condition);
    let fine = conditions(&seen());
    assert!(fine.iter().all(|condition| matches!(condition.role(), Role::Ok | Role::Off)), "{fine:?}");

    let mut frozen = seen();
    frozen.own.checked_ms = Some(9_000);
    assert_eq!(conditions(&frozen)[1..3], [Condition::NoNews, Condition::Waits]);

    let mut leaderless = seen();
    leaderless.instances[0].0 = 9_000;
    assert_eq!(conditions(&leaderless)[2], Condition::NoRelay);
    assert_eq!(conditions(&leaderless)[4], Condition::SomeSilent);
    let [SystemTable::Instances { rows, .. }, ..] = tables(&leaderless) else { panic!() };
    assert_eq!(rows[0].condition, Condition::Silent(9));

    let mut slow = seen();
    slow.instances[1].1.lags[Stage::Hub.place()] = Some(1500);
    assert_eq!(conditions(&slow)[4], Condition::Slow, "the slowest counts");
    assert_eq!(parts(&slow)[4].lag_ms, Some(1500));

    let mut wrong = seen();
    wrong.instances[1].1.audits = [("different".to_owned(), 1), ("equal".to_owned(), 7)].into();
    let [_, SystemTable::Audits(rows), ..] = tables(&wrong) else { panic!() };
    assert_eq!(rows[1].condition, Condition::FiguresWrong, "an alarm stays");

    assert_eq!(conditions(&Observation { redis: false, ..seen() })[3], Condition::Away);
}

#[test]
fn the_page_reads_what_the_server_sends() {
    let mut seen = seen();
    seen.documents = vec![(Collection::Stations, 3, 1)];
    seen.instances[1].1.resyncs = ["stations", "gone"].map(|list| ([list, "epoch"].map(str::to_owned), 2)).into();
    let fields = fields(&seen);
    let sent =
        |kind: &'static str| fields.iter().filter(move |(name, _)| name.starts_with(kind)).map(|(_, value)| value);
    assert_eq!(sent(STOP).filter_map(read).collect::<Vec<PartStatus>>(), parts(&seen));
    assert_eq!(sent(TABLE).filter_map(read).collect::<Vec<SystemTable>>(), tables(&seen));
    let [.., SystemTable::Resyncs(rows)] = tables(&seen) else { panic!() };
    assert_eq!(rows.len(), 1, "a list of another version is left out");
}

#[test]
fn the_board_changes_only_when_the_page_does() {
    assert_eq!([0, 1, 59, 61, 3_599].map(coarse), [0, 0, 59, 60, 3_540]);
    assert_eq!([7_300, 200_000].map(coarse), [7_200, 172_800]);
    let up = |up_s| {
        let mut seen = seen();
        seen.instances[0].1.up_s = up_s;
        fields(&seen)
    };
    assert_eq!(up(3_601), up(7_199));
}
