//! The texts of the System page, for the codes and numbers that the server sends.

use std::borrow::Cow;

use super::{MISSING, count, displayable, lag, title};
use crate::domain::system::health::{
    AuditRow, Condition, DocumentsRow, InstanceRow, PartFigure, PipelinePart, ResyncRow, SystemTable,
};

/// The heading of a part of the pipeline.
pub const fn part(part: PipelinePart) -> &'static str {
    match part {
        PipelinePart::Writers => "Writers",
        PipelinePart::Mongo => "MongoDB",
        PipelinePart::Relay => "Relay",
        PipelinePart::Log => "Redis log",
        PipelinePart::Instances => "Instances",
        PipelinePart::Sockets => "Sockets",
        PipelinePart::Browsers => "Browsers",
    }
}

pub fn condition(condition: Condition) -> Cow<'static, str> {
    let word = match condition {
        Condition::Writing => "Writing",
        Condition::Quiet => "Quiet",
        Condition::Answers => "OK",
        Condition::NoNews => "No updates",
        Condition::Reads => "OK",
        Condition::Waits => "Waiting",
        Condition::NoRelay => "No relay",
        Condition::Away => "Unavailable",
        Condition::Follow => "Following",
        Condition::SomeSilent => "Some silent",
        Condition::Open => "Open",
        Condition::Paint => "Updating",
        Condition::NoSockets => "None",
        Condition::Slow => "Slow",
        Condition::Serves => "Serving",
        Condition::WaitsForNews => "Waiting for updates",
        Condition::Silent(s) => return format!("Silent for {}", span(s)).into(),
        Condition::FiguresEqual => "Match",
        Condition::FiguresWrong => "Figures were wrong and were recounted",
        Condition::NotAudited => "Not yet",
        Condition::AllReadable => "All readable",
        Condition::SomeMarked => "Some marked",
    };
    word.into()
}

/// Label and value.
pub fn figure(figure: PartFigure) -> (&'static str, String) {
    match figure {
        PartFigure::ChangesPerS(n) => ("Changes per second", count(n)),
        PartFigure::HeardAgo(s) => ("Last heard", known(s, ago)),
        PartFigure::OplogWindow(s) => ("Oplog reaches back", known(s, span)),
        PartFigure::RelayId(id) => ("Instance", known(id, |id| id)),
        PartFigure::RelayFor(s) => ("For", known(s, span)),
        PartFigure::LogEntries(n) => ("Entries", known(n, count)),
        PartFigure::LogBytes(n) => ("Size", known(n, |bytes| format!("{}\u{a0}kB", count(bytes / 1000)))),
        PartFigure::LogWindow(s) => ("Window", known(s, span)),
        PartFigure::InstancesHeard(n) => ("Heard", count(n)),
        PartFigure::SocketsOpen(n) => ("Open", count(n)),
        PartFigure::FramesPerS(n) => ("Frames per second", count(n)),
    }
}

/// A table in words. Where its rows have a condition, that is the last column.
pub struct TableText {
    pub title: &'static str,
    pub columns: &'static [&'static str],
    pub rows: Vec<RowText>,
    /// The text beside the rows, or instead of them.
    pub note: &'static str,
}

pub struct RowText {
    /// The link target of the first cell.
    pub href: Option<&'static str>,
    pub cells: Vec<String>,
    pub condition: Option<Condition>,
}

pub fn table(table: SystemTable) -> TableText {
    match table {
        SystemTable::Instances { redis, rows } => TableText {
            title: "Instances",
            columns: &["Instance", "Version", "Up for", "Relay", "Sockets", "Lag", "State"],
            rows: rows.into_iter().map(instance).collect(),
            note: if redis { "" } else { "Redis does not answer: this is what was last heard." },
        },
        SystemTable::Audits(rows) => TableText {
            title: "Audit of the figures",
            columns: &["Instance", "Last", "Equal", "Different", "State"],
            rows: rows.into_iter().map(audit).collect(),
            note: "Every document is counted at one moment and compared with the figures of that moment.",
        },
        SystemTable::Documents(rows) => TableText {
            title: "Documents",
            columns: &["Collection", "Documents", "Not fully readable", "State"],
            rows: rows.iter().map(documents).collect(),
            note: "What cannot be read is marked in the list.",
        },
        SystemTable::Resyncs(rows) => TableText {
            title: "Resyncs",
            columns: &["Instance", "List", "Reason", "Sockets"],
            note: if rows.is_empty() { "No page has had to reload its rows since the instances started." } else { "" },
            rows: rows.into_iter().map(resync).collect(),
        },
    }
}

fn instance(row: InstanceRow) -> RowText {
    let id = if row.own { format!("{} (this one)", row.id) } else { row.id };
    let relay = if row.relay { "Yes" } else { "No" }.to_owned();
    let (up, lag) = (span(row.up_s), known(row.lag_ms, lag));
    let cells = vec![id, row.version, up, relay, count(row.sockets), lag];
    RowText { href: None, cells, condition: Some(row.condition) }
}

fn audit(row: AuditRow) -> RowText {
    let cells = vec![row.id, known(row.ago, ago), count(row.equal), count(row.different)];
    RowText { href: None, cells, condition: Some(row.condition) }
}

fn documents(row: &DocumentsRow) -> RowText {
    let cells = vec![title(row.of).to_owned(), count(row.documents), count(row.unreadable)];
    RowText { href: Some(row.of.page()), cells, condition: Some(row.condition) }
}

fn resync(row: ResyncRow) -> RowText {
    let cells = vec![row.id, title(row.of).to_owned(), reason(row.reason), count(row.sockets)];
    RowText { href: None, cells, condition: None }
}

/// Why sockets had to take new rows. One of another version stands as it is.
fn reason(code: String) -> String {
    match code.as_str() {
        "epoch" => "the log began again".to_owned(),
        "database_restored" => "the database was restored to an earlier state".to_owned(),
        _ => displayable(code.into()).into_owned(),
    }
}

fn known<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| MISSING.to_owned(), text)
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

fn ago(s: i64) -> String {
    if s == 0 { "just now".to_owned() } else { format!("{} ago", span(s)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::collections::Collection;

    #[test]
    fn numbers_are_worded_and_what_is_not_known_says_so() {
        assert_eq!(condition(Condition::Silent(9)), "Silent for 9\u{a0}s");
        assert_eq!(figure(PartFigure::HeardAgo(Some(0))).1, "just now");
        assert_eq!(figure(PartFigure::HeardAgo(Some(7_200))).1, "2\u{a0}h ago");
        assert_eq!(figure(PartFigure::LogBytes(Some(1_234_567))).1, "1,234\u{a0}kB");
        assert_eq!(figure(PartFigure::RelayId(None)).1, MISSING);
    }

    #[test]
    fn every_cell_has_its_column() {
        let (id, condition) = ("a".to_owned(), Condition::Serves);
        let instance = InstanceRow {
            id: id.clone(),
            own: true,
            version: "1".to_owned(),
            up_s: 60,
            relay: false,
            sockets: 0,
            lag_ms: None,
            condition,
        };
        let audit = AuditRow { id: id.clone(), ago: None, equal: 0, different: 0, condition };
        let documents = DocumentsRow { of: Collection::Stations, documents: 3, unreadable: 1, condition };
        let resync = ResyncRow { id, of: Collection::Stations, reason: "epoch".to_owned(), sockets: 2 };
        for worded in [
            SystemTable::Instances { redis: true, rows: vec![instance] },
            SystemTable::Audits(vec![audit]),
            SystemTable::Documents(vec![documents]),
            SystemTable::Resyncs(vec![resync]),
        ]
        .map(table)
        {
            let row = &worded.rows[0];
            let cells = row.cells.len() + usize::from(row.condition.is_some());
            assert_eq!(cells, worded.columns.len(), "{}", worded.title);
        }
    }
}
