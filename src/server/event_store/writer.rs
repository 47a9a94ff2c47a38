//! Writes what the log holds into the collection. Of all instances one writes; another goes on where it stopped.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bson::DateTime;
use tokio_util::sync::CancellationToken;

use super::{
    clean::{LOOK_AGAIN, LOOK_EVERY},
    document::{event, gap},
    store::Events,
};
use crate::domain::protocol::log::Record;
use crate::{
    domain::protocol::{
        log::Entry,
        position::{Position, Seq},
    },
    server::{
        hub::Hub,
        redis::{
            Redis,
            lease::{Lease, RENEW},
            log::{Log, LogPage, MAX_BYTES, before},
        },
        telemetry::causes,
    },
};

/// Pause after a failure.
const RETRY: Duration = Duration::from_millis(500);
/// Changes within this time are written together. Nobody waits for them, because every hub has the newest.
const PACE: Duration = Duration::from_millis(500);

/// If more changes than this come within a [`PACE`], the log is catching up after a pause. Pages wait for that, so events
/// are not written meanwhile, as long as the log has room for as much again.
const FLOOD: u64 = 2_500;

/// Writes whenever the lease is free, until `stop`. The hub only says when there is something to look at.
pub async fn write(events: Events, log: Log, redis: Redis, hub: Hub, keep: Duration, stop: CancellationToken) {
    let lease = Lease::new(redis, "events");
    let (mut warned, mut left) = (false, false);
    while !stop.is_cancelled() {
        // While another build writes the log, no entry of our schema is added to it.
        if left && matches!(log.is_ours().await, Ok(Some(false))) {
            stop.run_until_cancelled(tokio::time::sleep(RENEW)).await;
            continue;
        }
        match term(&events, &log, &hub, &lease, keep, &stop).await {
            Ok(end) => (warned, left) = (false, end == WriterEnd::Left),
            Err(error) if warned => tracing::debug!(error = causes(&error), "events wait"),
            Err(error) => {
                warned = true;
                tracing::warn!(error = causes(&error), "events cannot be written; trying again");
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(RETRY)).await;
    }
    if let Err(error) = lease.release().await {
        tracing::debug!(%error, "the lease ends by itself");
    }
}

/// Why nothing is written for the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriterEnd {
    /// Another instance has the lease, or the process stops.
    Term,
    /// The log is another build's, and all that was ours in it is written.
    Left,
}

/// Writes as long as the lease and the log are ours. Our entries before those of another build are still written.
async fn term(
    events: &Events,
    log: &Log,
    hub: &Hub,
    lease: &Lease,
    keep: Duration,
    stop: &CancellationToken,
) -> Result<WriterEnd> {
    if !lease.take().await? {
        return Ok(WriterEnd::Term);
    }
    events.prepare(keep).await.context("indexes")?;
    // The log still has the events that the database lost. Written again, they would hide from the relay that the
    // database was set back.
    if events.are_of_another_past(log.past().await?).await? {
        bail!("the database was set back, which the relay is about to tell");
    }
    let mut written = events.written().await?.map(|(position, _)| position);
    let mut changes = hub.changes();
    changes.mark_changed();
    let mut renew = tokio::time::interval(RENEW);
    renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut head, mut behind) = (hub.head(), true);
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut clean = true;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(WriterEnd::Term),
            _ = renew.tick() => {
                if !lease.renew().await? {
                    return Ok(WriterEnd::Term);
                }
                if !behind && log.is_ours().await? == Some(false) {
                    lease.release().await?;
                    return Ok(WriterEnd::Left);
                }
            },
            () = std::future::ready(()), if behind => {
                behind = write_some(events, log, &mut written).await?;
                head = hub.head();
            },
            _ = pace.tick() => if changes.has_changed()? {
                let before = std::mem::replace(&mut head, hub.head());
                if is_flooded(before, head) && log.bytes().await? < MAX_BYTES / 2 {
                    continue;
                }
                changes.mark_unchanged();
                behind = true;
            },
            _ = look.tick(), if clean => clean = false,
            () = std::future::ready(()), if !clean => match events.clean_some().await {
                Ok(more) => clean = !more,
                Err(error) => {
                    tracing::warn!(%error, "older events may still hold what is not shown; trying again in an hour");
                    look.reset_after(LOOK_AGAIN);
                    clean = true;
                },
            },
        }
    }
}

fn is_flooded(before: Option<Position>, now: Option<Position>) -> bool {
    let came = |(before, now): (Position, Position)| now.seq.0.saturating_sub(before.seq.0);
    before.zip(now).filter(|(before, now)| before.epoch == now.epoch).is_some_and(|both| came(both) > FLOOD)
}

/// Writes one page of what the log has after `written`. Returns whether there may be more.
async fn write_some(events: &Events, log: &Log, written: &mut Option<Position>) -> Result<bool> {
    let LogPage { entries: page, is_full } = log.after(*written).await?;
    let mut new = Vec::new();
    // Never writes half a transaction, because no epoch could begin there if the log were lost. One that is longer than
    // a page is written in parts.
    let whole = page.iter().rposition(|entry| entry.closed == entry.last).map_or(0, |last| last.saturating_add(1));
    let whole = if whole == 0 && is_full { page.len() } else { whole };
    let page = &page[..whole];
    let mut upto = *written;
    for entry in page {
        let first = Position::new(entry.epoch, entry.first);
        let leads_on = |last: &Position| {
            if last.epoch == entry.epoch { last.seq >= before(entry) } else { before(entry) == Seq(0) && !entry.gap }
        };
        if let Some(last) = upto.filter(|last| !leads_on(last)) {
            tracing::error!(%last, %first, "changes between these are no events");
            new.push(gap(last, first, DateTime::now()));
        }
        new.extend(records(entry, upto).map(|(at, record)| event(at, record)));
        upto = Some(entry.position());
    }
    if !new.is_empty() {
        events.insert(new).await.context("writing events")?;
    }
    *written = upto;
    Ok(!page.is_empty())
}

/// The entry's records after `written`, with their positions.
fn records(entry: &Entry, written: Option<Position>) -> impl Iterator<Item = (Position, &Record)> {
    let places = (entry.first.0..).map(|seq| Position::new(entry.epoch, Seq(seq)));
    places.zip(entry.records.iter().map(AsRef::as_ref)).filter(move |(at, _)| written.is_none_or(|last| *at > last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::protocol::position::Epoch;

    #[test]
    fn the_log_is_flooded_by_many_changes_of_one_epoch() {
        let at = |epoch, seq| Some(Position::new(Epoch(epoch), Seq(seq)));
        assert!(is_flooded(at(1, 7), at(1, 7 + FLOOD + 1)));
        assert!(!is_flooded(at(1, 7), at(1, 7 + FLOOD)));
        assert!(!is_flooded(at(1, 7), at(2, 7 + 2 * FLOOD)), "what came in between is not known");
        assert!(!is_flooded(None, at(1, 2 * FLOOD)));
    }
}
