//! Reports for which no document is read: of the engine, or of the figures' cells.

use std::time::Instant;

use jiff::tz::TimeZone;

use super::{
    error::{GivenUp, ReportError},
    kept::Kept,
    read::ReportQuery,
};
use crate::{
    domain::{
        cells::Cells,
        range::Day,
        report::{Group, Key, ReportSums},
        time::{Bucket, Period},
    },
    server::{
        engine::EngineQuery,
        hub::{Hub, zones},
    },
};

/// The groups from the engine. `None` if it does not hold all documents just now.
///
/// # Errors
/// If the report would take too much memory.
pub async fn held(hub: &Hub, wanted: &ReportQuery, pieces: &[(Day, Period)]) -> Result<Option<Kept>, ReportError> {
    let ReportQuery { by, period, now, .. } = *wanted;
    let pieces: Vec<_> = pieces.iter().map(|(day, piece)| (*day, piece.from)).collect();
    let (hub, began) = (hub.clone(), Instant::now());
    let folded = tokio::task::spawn_blocking(move || {
        let query = EngineQuery { by, period, pieces: &pieces, now };
        hub.with_engine(|engine| engine.report(&query))
    });
    let Some((position, ct, groups)) = folded.await.map_err(|_| ReportError::Broken)? else { return Ok(None) };
    let groups = groups.map_err(|_| GivenUp::TooManyGroups)?;
    Ok(Some(Kept { position, ct, at: now, took_ms: since(began), groups }))
}

/// The groups from the figures' cells, which every change moves on. `None` if the cells are not exact, or if the rows
/// are no pieces of time that cells are made of.
pub fn counted(hub: &Hub, wanted: &ReportQuery, pieces: &[(Day, Period)]) -> Option<Kept> {
    let now = wanted.now;
    if !wanted.by.is_time() || !pieces.iter().all(|(_, piece)| Bucket::fill(*piece)) {
        return None;
    }
    let began = Instant::now();
    let group = |cells: &Cells, (day, piece): &(Day, Period)| Group {
        key: Key::Is(day.to_string()),
        name: None,
        sums: ReportSums::of_cells(cells, *piece, now),
    };
    let (position, ct, groups) = hub.exact(|cells| pieces.iter().map(|piece| group(cells, piece)).collect())?;
    Some(Kept { position, ct, at: now, took_ms: since(began), groups })
}

/// Milliseconds.
fn since(began: Instant) -> u32 {
    u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX)
}

/// The pieces of time that are a report's rows, clipped to its period; none if its rows are something else.
pub fn pieces(wanted: &ReportQuery, tz: &TimeZone, (first, last): (Day, Day)) -> Option<Vec<(Day, Period)>> {
    let ReportQuery { by, period, .. } = *wanted;
    let mut pieces = Vec::new();
    let mut day = by.first_day(first);
    while by.is_time() && day <= last {
        let piece = between(tz, day, by.next(day))?;
        pieces.push((day, Period { from: piece.from.max(period.from), to: piece.to.min(period.to) }));
        day = by.next(day);
    }
    Some(pieces)
}

/// From the beginning of one local day to that of another.
pub fn between(tz: &TimeZone, from: Day, to: Day) -> Option<Period> {
    Some(Period { from: zones::start(tz, from)?, to: zones::start(tz, to)? })
}
