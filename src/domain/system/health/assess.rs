//! Assesses each part of the pipeline by what the instances report.

use serde::Serialize;

use super::{
    AuditRow, Condition, DocumentsRow, InstanceRow, PartFigure, PartStatus, PipelinePart, ResyncRow, STOP, SystemTable,
    TABLE,
};
use crate::domain::{
    collections::Collection,
    fields::Fields,
    protocol::frame::STALE_MS,
    status::Role,
    system::{Observation, SLOW_MS, Stage, Status},
};

/// An instance that was silent for longer may be gone.
const SILENT_MS: u64 = 5_000;

/// The board's values.
pub fn fields(seen: &Observation) -> Fields {
    let parts = parts(seen).into_iter().enumerate().map(|(i, part)| named(STOP, i, &part));
    let tables = tables(seen).into_iter().enumerate().map(|(i, table)| named(TABLE, i, &table));
    parts.chain(tables).collect()
}

fn named(kind: &str, place: usize, value: &impl Serialize) -> (String, serde_json::Value) {
    // Cannot fail, because the value holds only texts and numbers.
    (format!("{kind}{place}"), serde_json::to_value(value).unwrap_or_default())
}

/// The parts in the pipeline's order.
fn parts(seen: &Observation) -> [PartStatus; 7] {
    let alive = || seen.instances.iter().filter(|(age, _)| *age < SILENT_MS).map(|(_, status)| status);
    let sum = |of: fn(&Status) -> i64| alive().map(of).fold(0, i64::saturating_add);
    let relay = alive().find(|status| status.relay_s.is_some());
    let (heard, changes, sockets) = (is_heard(&seen.own), int(seen.own.changes_per_s), sum(|status| status.sockets));
    let [entries, bytes, window] = relay.map_or([0; 3], |relay| relay.log).map(known);
    let part = |part, condition: Condition, stage: Option<Stage>, figures| {
        let lag_ms = stage.and_then(|stage| alive().filter_map(|status| status.lag(stage)).max());
        let slow = condition.role() == Role::Ok && lag_ms.is_some_and(|ms| ms > SLOW_MS);
        PartStatus { part, condition: if slow { Condition::Slow } else { condition }, lag_ms, figures }
    };
    [
        part(
            PipelinePart::Writers,
            if changes > 0 { Condition::Writing } else { Condition::Quiet },
            None,
            vec![PartFigure::ChangesPerS(changes)],
        ),
        part(
            PipelinePart::Mongo,
            if heard { Condition::Answers } else { Condition::NoNews },
            None,
            vec![
                PartFigure::HeardAgo(seen.own.checked_ms.map(|ms| coarse(int(ms / 1000)))),
                PartFigure::OplogWindow(relay.and_then(|relay| known(relay.oplog_s)).map(coarse)),
            ],
        ),
        part(
            PipelinePart::Relay,
            match relay {
                Some(_) if heard => Condition::Reads,
                Some(_) => Condition::Waits,
                None => Condition::NoRelay,
            },
            Some(Stage::Relay),
            vec![
                PartFigure::RelayId(relay.map(|relay| relay.id.clone())),
                PartFigure::RelayFor(relay.and_then(|relay| relay.relay_s).map(coarse)),
            ],
        ),
        part(
            PipelinePart::Log,
            if seen.redis { Condition::Answers } else { Condition::Away },
            Some(Stage::Log),
            vec![
                PartFigure::LogEntries(entries),
                PartFigure::LogBytes(bytes),
                PartFigure::LogWindow(window.map(coarse)),
            ],
        ),
        part(
            PipelinePart::Instances,
            if alive().count() == seen.instances.len() { Condition::Follow } else { Condition::SomeSilent },
            Some(Stage::Hub),
            vec![PartFigure::InstancesHeard(int(alive().count()))],
        ),
        part(
            PipelinePart::Sockets,
            if sockets > 0 { Condition::Open } else { Condition::NoSockets },
            Some(Stage::Socket),
            vec![PartFigure::SocketsOpen(sockets), PartFigure::FramesPerS(sum(|status| int(status.frames_per_s)))],
        ),
        part(
            PipelinePart::Browsers,
            if sockets > 0 { Condition::Paint } else { Condition::NoSockets },
            Some(Stage::Paint),
            vec![],
        ),
    ]
}

fn tables(seen: &Observation) -> [SystemTable; 4] {
    let instance = |(age_ms, status): &(u64, Status)| InstanceRow {
        id: status.id.clone(),
        own: status.id == seen.own.id,
        version: status.version.clone(),
        up_s: coarse(status.up_s),
        relay: status.relay_s.is_some(),
        sockets: status.sockets,
        lag_ms: status.lag(Stage::Hub),
        condition: if *age_ms >= SILENT_MS {
            Condition::Silent(coarse(int(*age_ms / 1000)))
        } else if is_heard(status) {
            Condition::Serves
        } else {
            Condition::WaitsForNews
        },
    };
    let audit = |(_, status): &(u64, Status)| {
        let of = |outcome: &str| int(status.audits.get(outcome).copied().unwrap_or(0));
        let (equal, different) = (of("equal"), of("different"));
        let condition = match (different, equal) {
            (1.., _) => Condition::FiguresWrong,
            (_, 1..) => Condition::FiguresEqual,
            _ => Condition::NotAudited,
        };
        AuditRow { id: status.id.clone(), ago: status.audited_s.map(coarse), equal, different, condition }
    };
    let documents = |&(of, documents, unreadable): &(Collection, i64, i64)| {
        let condition = if unreadable == 0 { Condition::AllReadable } else { Condition::SomeMarked };
        DocumentsRow { of, documents, unreadable, condition }
    };
    // A list that this version does not have is left out.
    let resync = |id: &str, ([list, reason], sockets): &([String; 2], u64)| {
        Some(ResyncRow { id: id.to_owned(), of: list.parse().ok()?, reason: reason.clone(), sockets: int(*sockets) })
    };
    let resyncs = seen.instances.iter().flat_map(|(_, s)| s.resyncs.iter().filter_map(move |it| resync(&s.id, it)));
    let mut resyncs: Vec<_> = resyncs.collect();
    resyncs.sort();
    [
        SystemTable::Instances { redis: seen.redis, rows: seen.instances.iter().map(instance).collect() },
        SystemTable::Audits(seen.instances.iter().map(audit).collect()),
        SystemTable::Documents(seen.documents.iter().map(documents).collect()),
        SystemTable::Resyncs(resyncs),
    ]
}

/// Whether the instance has heard of MongoDB lately.
fn is_heard(status: &Status) -> bool {
    status.checked_ms.is_some_and(|ms| ms < u64::from(STALE_MS))
}

/// What only the relay measures; zero if it has not.
fn known(measured: i64) -> Option<i64> {
    Some(measured).filter(|measured| *measured != 0)
}

fn int(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

/// Seconds in the unit in which the page shows them, so that the board changes only when the page does.
fn coarse(s: i64) -> i64 {
    match s {
        ..2 => 0,
        2..60 => s,
        60..3600 => s.saturating_sub(s % 60),
        3600..172_800 => s.saturating_sub(s % 3600),
        _ => s.saturating_sub(s % 86_400),
    }
}

#[cfg(test)]
mod tests;
