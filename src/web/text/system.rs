//! The texts of the System page, which the server makes.

use serde::Serialize;
use serde_json::Value;

use super::{MISSING, count, lag, title};
use crate::{
    domain::{
        fields::Fields,
        protocol::frame::STALE_MS,
        status::Role,
        system::{Row, SLOW_MS, STOP, Seen, Stage, Status, Stop, TABLE, Table},
    },
    web::paths::page,
};

/// An instance that was silent for longer may be gone.
const SILENT_MS: u64 = 5_000;

/// The board's values.
pub fn fields(seen: &Seen) -> Fields {
    let stops = stops(seen).into_iter().enumerate().map(|(i, stop)| named(STOP, i, &stop));
    let tables = tables(seen).into_iter().enumerate().map(|(i, table)| named(TABLE, i, &table));
    stops.chain(tables).collect()
}

fn named(kind: &str, place: usize, value: &impl Serialize) -> (String, Value) {
    // Cannot fail, because the value holds only texts.
    (format!("{kind}{place}"), serde_json::to_value(value).unwrap_or_default())
}

fn stops(seen: &Seen) -> [Stop; 7] {
    let alive = || seen.instances.iter().filter(|(age, _)| *age < SILENT_MS).map(|(_, status)| status);
    let relay = alive().find(|status| status.relay_s.is_some());
    let heard = seen.own.checked_ms.is_some_and(|ms| ms < u64::from(STALE_MS));
    let sum = |of: fn(&Status) -> i64| count(alive().map(of).sum());
    let or = |fine: bool, good: (Role, &'static str), bad: (Role, &'static str)| if fine { good } else { bad };
    let changes = i64::try_from(seen.own.changes_per_s).unwrap_or(i64::MAX);
    let known = |value: i64, text: fn(i64) -> String| if value == 0 { MISSING.to_owned() } else { text(value) };
    let [entries, bytes, window] = relay.map_or([0; 3], |relay| relay.log);
    let worst = |hop: Stage| alive().filter_map(|status| lag_at(status, hop)).max();
    let stop = |title: &str, state: (Role, &str), hop: Option<Stage>, figures: Vec<(&str, String)>| {
        let lag_ms = hop.and_then(worst);
        let slow = state.0 == Role::Ok && lag_ms.is_some_and(|ms| ms > SLOW_MS);
        let (role, word) = if slow { (Role::Wait, "Slow") } else { state };
        Stop {
            title: title.to_owned(),
            role,
            word: word.to_owned(),
            lag: lag_ms.map(lag),
            figures: figures.into_iter().map(|(label, value)| (label.to_owned(), value)).collect(),
        }
    };
    let instances = alive().count();
    let quiet = seen.instances.len().saturating_sub(instances);
    let sockets: i64 = alive().map(|status| status.sockets).sum();
    [
        stop(
            "Writers",
            or(changes > 0, (Role::Ok, "Writing"), (Role::Off, "Quiet")),
            None,
            vec![("Changes per second", count(changes))],
        ),
        stop(
            "MongoDB",
            or(heard, (Role::Ok, "Answers"), (Role::Bad, "No news")),
            None,
            vec![
                ("Last heard", seen.own.checked_ms.map_or(MISSING.to_owned(), |ms| ago(ms / 1000))),
                ("Oplog reaches back", known(relay.map_or(0, |relay| relay.oplog_s), span)),
            ],
        ),
        stop(
            "Relay",
            match relay {
                Some(_) if heard => (Role::Ok, "Reads"),
                Some(_) => (Role::Wait, "Waits"),
                None => (Role::Bad, "Nobody"),
            },
            Some(Stage::Relay),
            vec![
                ("Instance", relay.map_or(MISSING.to_owned(), |relay| relay.id.clone())),
                ("For", relay.and_then(|relay| relay.relay_s).map_or(MISSING.to_owned(), span)),
            ],
        ),
        stop(
            "Redis log",
            or(seen.redis, (Role::Ok, "Answers"), (Role::Bad, "Away")),
            Some(Stage::Log),
            vec![
                ("Entries", known(entries, count)),
                ("Size", known(bytes, |bytes| format!("{}\u{a0}kB", count(bytes / 1000)))),
                ("Window", known(window, span)),
            ],
        ),
        stop(
            "Instances",
            or(quiet == 0, (Role::Ok, "Follow"), (Role::Wait, "Some silent")),
            Some(Stage::Hub),
            vec![("Heard", count(i64::try_from(instances).unwrap_or(i64::MAX)))],
        ),
        stop(
            "Sockets",
            or(sockets > 0, (Role::Ok, "Open"), (Role::Off, "None")),
            Some(Stage::Socket),
            vec![
                ("Open", count(sockets)),
                ("Frames per second", sum(|status| i64::try_from(status.frames_per_s).unwrap_or(i64::MAX))),
            ],
        ),
        stop("Browsers", or(sockets > 0, (Role::Ok, "Paint"), (Role::Off, "None")), Some(Stage::Paint), vec![]),
    ]
}

/// The lag at a stage, as an instance reports it.
fn lag_at(status: &Status, hop: Stage) -> Option<u32> {
    status.lags.get(hop as usize).copied().flatten()
}

fn tables(seen: &Seen) -> [Table; 4] {
    let row = |cells: Vec<String>| Row { href: None, role: None, cells };
    let number = |n: u64| count(i64::try_from(n).unwrap_or(i64::MAX));
    let instance = |(age, status): &(u64, Status)| {
        let (role, word) = match status.checked_ms {
            _ if *age >= SILENT_MS => (Role::Bad, format!("Silent for {}", span((age / 1000).cast_signed()))),
            Some(ms) if ms < u64::from(STALE_MS) => (Role::Ok, "Serves".to_owned()),
            _ => (Role::Wait, "Waits for news".to_owned()),
        };
        let mut id = status.id.clone();
        if status.id == seen.own.id {
            id.push_str(" (this one)");
        }
        let relay = if status.relay_s.is_some() { "Yes" } else { "No" };
        let hub = lag_at(status, Stage::Hub).map_or(MISSING.to_owned(), lag);
        let up = span(status.up_s);
        Row {
            href: None,
            role: Some(role),
            cells: vec![id, status.version.clone(), up, relay.to_owned(), count(status.sockets), hub, word],
        }
    };
    let mut resyncs: Vec<_> =
        seen.instances.iter().flat_map(|(_, s)| s.resyncs.iter().map(move |r| (&s.id, r))).collect();
    resyncs.sort();
    let audit = |(_, status): &(u64, Status)| {
        let of = |outcome: &str| status.audits.get(outcome).copied().unwrap_or(0);
        let (role, word) = match (of("different"), of("equal")) {
            (1.., _) => (Role::Bad, "Figures were wrong, counted anew"),
            (0, 1..) => (Role::Ok, "Equal, bit for bit"),
            (0, 0) => (Role::Off, "Not yet"),
        };
        let last = status.audited_s.map_or(MISSING.to_owned(), |s| ago(u64::try_from(s).unwrap_or(0)));
        Row {
            href: None,
            role: Some(role),
            cells: vec![status.id.clone(), last, number(of("equal")), number(of("different")), word.to_owned()],
        }
    };
    let documents = seen.documents.iter().map(|(collection, all, unreadable)| Row {
        href: Some(page(*collection).to_owned()),
        role: Some(if *unreadable == 0 { Role::Ok } else { Role::Wait }),
        cells: vec![
            title(*collection).to_owned(),
            count(*all),
            count(*unreadable),
            if *unreadable == 0 { "All readable" } else { "Some marked" }.to_owned(),
        ],
    });
    let table = |title: &str, columns: &[&str], rows: Vec<Row>, note: &str| Table {
        title: title.to_owned(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        rows,
        note: note.to_owned(),
    };
    [
        table(
            "Instances",
            &["Instance", "Version", "Up for", "Relay", "Sockets", "Lag", "State"],
            seen.instances.iter().map(instance).collect(),
            if seen.redis { "" } else { "Redis does not answer: this is what was last heard." },
        ),
        table(
            "Audit of the figures",
            &["Instance", "Last", "Equal", "Different", "State"],
            seen.instances.iter().map(audit).collect(),
            "Every document is counted at one moment and compared with the figures of that moment.",
        ),
        table(
            "Documents",
            &["Collection", "Documents", "Not fully readable", "State"],
            documents.collect(),
            "What cannot be read is marked in the list.",
        ),
        table(
            "Resyncs",
            &["Instance", "List", "Reason", "Sockets"],
            resyncs
                .iter()
                .map(|(id, ([topic, reason], n))| row(vec![(*id).clone(), topic.clone(), reason.clone(), number(*n)]))
                .collect(),
            if resyncs.is_empty() { "No page had to take its rows anew since the instances started." } else { "" },
        ),
    ]
}

/// A span in its largest unit.
fn span(s: i64) -> String {
    match s {
        ..60 => format!("{s}\u{a0}s"),
        60..3600 => format!("{}\u{a0}min", s / 60),
        3600..172_800 => format!("{}\u{a0}h", s / 3600),
        _ => format!("{}\u{a0}d", count(s / 86_400)),
    }
}

fn ago(s: u64) -> String {
    match s {
        0..2 => "just now".to_owned(),
        s => format!("{} ago", span(s.cast_signed())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        let status = |id: &str| Status {
            id: id.to_owned(),
            checked_ms: Some(300),
            lags: [Some(2), Some(3), Some(4), None, None],
            ..Status::default()
        };
        let relay = Status { relay_s: Some(60), ..status("a") };
        Seen { own: relay.clone(), instances: vec![(100, relay), (900, status("b"))], redis: true, ..Seen::default() }
    }

    #[test]
    fn what_is_not_well_says_so_in_role_and_word() {
        let look = |seen: &Seen| stops(seen).map(|stop| (stop.role, stop.word));
        let fine = look(&seen());
        assert!(fine.iter().all(|(role, _)| matches!(role, Role::Ok | Role::Off)), "{fine:?}");

        let mut frozen = seen();
        frozen.own.checked_ms = Some(9_000);
        assert_eq!(look(&frozen)[1..3], [(Role::Bad, "No news".to_owned()), (Role::Wait, "Waits".to_owned())]);

        let mut leaderless = seen();
        leaderless.instances[0].0 = 9_000;
        assert_eq!(look(&leaderless)[2], (Role::Bad, "Nobody".to_owned()));
        assert_eq!(look(&leaderless)[4], (Role::Wait, "Some silent".to_owned()));
        assert_eq!(tables(&leaderless)[0].rows[0].cells.last().unwrap(), "Silent for 9\u{a0}s");

        let mut slow = seen();
        slow.instances[1].1.lags[Stage::Hub as usize] = Some(1500);
        assert_eq!(look(&slow)[4], (Role::Wait, "Slow".to_owned()), "the slowest counts");
        assert_eq!(stops(&slow)[4].lag.as_deref(), Some("1.5\u{a0}s"));

        let mut wrong = seen();
        wrong.instances[1].1.audits = [("different".to_owned(), 1), ("equal".to_owned(), 7)].into();
        assert_eq!(tables(&wrong)[1].rows[1].role, Some(Role::Bad), "an alarm stays");

        assert_eq!(look(&Seen { redis: false, ..seen() })[3].0, Role::Bad);
    }
}
