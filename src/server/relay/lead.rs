//! One term as the relay: from the log's end to the end of the lease, or of the stream.
//!
//! Long, because a term's beginning, reading, appending and end are one decision about one place in the log.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use bson::RawDocumentBuf;
use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    memory::Memory,
    missing::Missing,
    queue::{Room, Sender, queue},
    sequencer::Sequencer,
    standing::Standing,
};
use crate::{
    domain::{
        collections::Collection,
        protocol::{
            frame::RESTORED,
            log::Entry,
            position::{ClusterTime, Epoch, Position, Seq},
        },
        system::Stage,
        time::UtcMs,
    },
    server::{
        event_store::Events,
        hub::weight,
        mapping::Mapping,
        mongo::{
            Mongo, UNAUTHORIZED,
            collections::{self, Found},
            error_code, prepare,
            watch::{self, Event, EventKind, Images, Onward, Start, StreamFailure},
        },
        redis::{
            Redis,
            log::{self, Appended, Checked, Log, Sent, Tail},
        },
        telemetry::{
            causes,
            metrics::{metrics, now},
        },
    },
};

/// What the relay needs.
#[derive(Clone)]
pub struct Relay {
    pub mongo: Mongo,
    pub redis: Redis,
    pub log: Log,
}

pub async fn pause(stop: &CancellationToken, how_long: Duration) {
    stop.run_until_cancelled(tokio::time::sleep(how_long)).await;
}

/// Events between the stream and the log, so that MongoDB prepares a batch while the one before is appended. Large ones
/// are [bounded in bytes](queue). Beside them the reader has at most two answers of MongoDB, of 16 MB each.
const CHANNEL: usize = 2 * watch::BATCH as usize;
/// Events that are decoded in one go, before the driver gets its turn.
const TURN: usize = 32;
/// How often an idle stream is reported as idle.
const CHECKED: Duration = Duration::from_secs(1);
/// How often the relay looks whether a collection was made anew, or is a view by now.
const LOOK: Duration = Duration::from_secs(2);
/// How often the log is trimmed.
const TRIM: Duration = Duration::from_secs(10);
/// How long to wait until the events of a log of another schema are written. This is some of their writer's pauses.
const HANDED_OVER: Duration = Duration::from_secs(3);
/// Pause before an append, or the look for another writer's events, is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// What the reader hands on.
enum FromStream {
    Event(Event),
    /// An empty answer: nothing followed when it was asked for. With the token to resume at, and when that was.
    Idle(Option<String>, Instant),
    Failed(StreamFailure, mongodb::error::Error),
}

impl FromStream {
    fn failed(error: mongodb::error::Error) -> Self {
        Self::Failed(StreamFailure::of(&error), error)
    }
}

/// Works until `term` ends, or until the relay must begin anew.
pub async fn lead(relay: &Relay, term: &CancellationToken, memory: &mut Memory) -> Result<()> {
    let log = &relay.log;
    let Memory { standing, past, rollout } = memory;
    // Found first: a collection that is made at this moment is then another at the next look, and prepared there.
    let found = found(relay).await?;
    let prepared = keep_prepared(relay).await?;
    // The log's rows, cached lists and counts depend on the schema, mapping and collections with which they were
    // read. If one of these has changed, a new epoch begins.
    let unfollowed = unfollowed(found.as_deref().unwrap_or_default());
    let fields = format!("{} {}{unfollowed}", log.schema().0, relay.mongo.mapping.fingerprint());
    let remapped = log.fields().await? != fields;
    let last = log.last().await?;
    if let Some((tail, None)) = &last {
        handed_over(relay, tail.position, term).await?;
    }
    let (start, mut sequencer) = match last {
        Some((tail, last)) if remapped => {
            let begin = last.as_ref().map_or(Begin::Written, Begin::after);
            start_new_epoch(relay, log, Some(tail), "fields are read otherwise", begin).await?
        }
        Some((tail, last)) if is_set_back(relay, log, past, last.as_ref()).await? => {
            start_new_epoch(relay, log, Some(tail), RESTORED, Begin::Now).await?
        }
        // MongoDB has events of a newer epoch, so Redis failed over to a replica that had never heard of it.
        Some((tail, _)) if written(relay).await?.is_some_and(|(last, _)| last.epoch > tail.position.epoch) => {
            start_new_epoch(relay, log, Some(tail), "the log is of an older epoch", Begin::Written).await?
        }
        Some((tail, Some(entry))) => {
            let (start, since) = match log.idle(&tail).await? {
                Some(idle) => (Start::After(idle.token), idle.at),
                None if tail.token.is_empty() => (Start::Later(entry.ct), entry.ct.instant()),
                None => (Start::After(tail.token.clone()), entry.ct.instant()),
            };
            if images_are_gone(relay, since).await? {
                start_new_epoch(relay, log, Some(tail), "images expired", Begin::Now).await?
            } else {
                (start, Sequencer::after(tail, entry.closed))
            }
        }
        other => start_new_epoch(relay, log, other.map(|(tail, _)| tail), "no log to continue", Begin::Written).await?,
    };
    if remapped {
        log.set_fields(&fields).await?;
    }
    rollout.has_log();
    let opened = Instant::now();
    let batch = standing.batch(sequencer.tail().position);
    let stream = match watch::open(&relay.mongo, &start, batch).await {
        Ok(stream) => stream,
        Err(error) => match StreamFailure::of(&error) {
            StreamFailure::HistoryLost => {
                start_new_epoch(relay, log, Some(sequencer.tail().clone()), "history lost", Begin::Now).await?;
                return Ok(());
            }
            StreamFailure::Away => return Err(error).context("opening the change stream"),
            failure => return go_on_behind(relay, log, sequencer.tail(), standing, (failure, error)).await,
        },
    };
    tracing::info!(position = %sequencer.tail().position, "the change stream is open");
    let (sender, mut receiver) = queue(CHANNEL);
    let reading = term.child_token();
    let onward = Onward::from(&start);
    let reader = tokio::spawn(read(stream, onward, relay.mongo.mapping.clone(), sender, reading.clone(), opened));
    let ended = follow(relay, &mut sequencer, &mut receiver, (found, prepared), past, standing, term).await;
    // The reader must not be dropped half-way, so it ends by itself at its next answer.
    reading.cancel();
    drop(receiver);
    reader.await.context("the reader of the change stream")?;
    match ended? {
        TermEnd::Term => Ok(()),
        TermEnd::Lost(reason, begin) => {
            start_new_epoch(relay, log, Some(sequencer.tail().clone()), reason, begin).await.map(drop)
        }
        TermEnd::Failed(failure, error) => go_on_behind(relay, log, sequencer.tail(), standing, (failure, error)).await,
    }
}

/// Begins an epoch now if the stream failed at its next event often enough. What happened up to now becomes no event.
async fn go_on_behind(
    relay: &Relay,
    log: &Log,
    tail: &Tail,
    standing: &mut Standing,
    (failure, error): (StreamFailure, mongodb::error::Error),
) -> Result<()> {
    if !standing.failed(tail.position, failure, Instant::now()) {
        return Err(Stands(error).into());
    }
    // Where a stream that begins now fails as well, no event is to blame, and none is skipped.
    if failure == StreamFailure::Refused {
        watch::try_now(&relay.mongo).await.context("a change stream that begins now")?;
    }
    tracing::error!(%error, after = %tail.position, "an event cannot be read: it and what happened since are missing");
    start_new_epoch(relay, log, Some(tail.clone()), "an event cannot be read", Begin::Now).await.map(drop)
}

/// Waits a little for the instance that reads a log of another schema and writes its events. What it has not written
/// yet will be of the new epoch, and must not be of both. A position without a number is never an event.
async fn handed_over(relay: &Relay, upto: Position, term: &CancellationToken) -> Result<()> {
    let began = Instant::now();
    while upto.seq > Seq(0)
        && !term.is_cancelled()
        && began.elapsed() < HANDED_OVER
        && written(relay).await?.is_none_or(|(last, _)| last < upto)
    {
        pause(term, RETRY).await;
    }
    Ok(())
}

/// Switches images on for collections that were made anew, if that was agreed to, and starts to make their indexes.
/// Without images rows are read instead. Returns whether nothing is left that MongoDB may yet allow.
async fn keep_prepared(relay: &Relay) -> Result<bool> {
    match prepare::keep_images(&relay.mongo).await {
        Ok(None) => {}
        Ok(Some(anew)) => {
            let mongo = relay.mongo.clone();
            tokio::spawn(async move {
                if let Err(error) = prepare::keep_indexes(&mongo, anew).await {
                    tracing::warn!(%error, "a collection that was made anew has no indexes: chargedeck prepare makes them");
                }
            });
        }
        Err(error) if error_code(&error).is_some() => {
            tracing::warn!(%error, "images cannot be switched on: rows are read after each change, figures counted anew");
            return Ok(error_code(&error) == Some(UNAUTHORIZED));
        }
        Err(error) => return Err(error).context("switching images on"),
    }
    Ok(true)
}

/// What the collections are; `None` if we have no right to ask.
async fn found(relay: &Relay) -> Result<Option<Vec<(Collection, Found)>>> {
    match collections::found(&relay.mongo.operator).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error_code(&error) == Some(UNAUTHORIZED) => Ok(None),
        Err(error) => Err(error).context("asking what the collections are"),
    }
}

/// Lists the collections that cannot be followed; empty if all can.
fn unfollowed(found: &[(Collection, Found)]) -> String {
    let parts =
        found.iter().filter_map(|(collection, found)| Some(format!("{collection} is {};", found.unfollowed()?)));
    parts.collect()
}

/// Whether images of what happened after `since` have expired, so that every event would come without them.
async fn images_are_gone(relay: &Relay, since: UtcMs) -> Result<bool> {
    let Some(kept) = collections::image_retention(&relay.mongo).await else { return Ok(false) };
    let now = relay.mongo.operation_time().await.context("asking for the operation time")?.instant();
    Ok(u64::try_from(now.seconds() - since.seconds()).is_ok_and(|age| age >= kept.as_secs()))
}

/// An epoch could not begin, because the log ends elsewhere. Another relay still appends.
#[derive(Debug, thiserror::Error)]
#[error("the log ends at {0:?}")]
pub struct Moved(Option<Position>);

/// The stream failed at its next event, but not often enough to go on behind it.
#[derive(Debug, thiserror::Error)]
#[error("the next event of the change stream, or its row: {0}")]
pub struct Stands(mongodb::error::Error);

enum TermEnd {
    Term,
    /// The stream cannot be continued.
    Lost(&'static str, Begin),
    /// The stream failed, perhaps at its next event.
    Failed(StreamFailure, mongodb::error::Error),
}

/// Where a new epoch begins.
#[derive(Clone, Copy)]
enum Begin {
    /// After the event of this time.
    After(ClusterTime),
    /// After a part of the transaction of this time. The rest of it cannot be read alone.
    Within(ClusterTime),
    /// After the last change that is an event already.
    Written,
    /// Now, because what happened meanwhile can no longer be read.
    Now,
}

impl Begin {
    fn after(last: &Entry) -> Self {
        if last.closed == last.last { Self::After(last.ct) } else { Self::Within(last.ct) }
    }
}

/// Reads the stream to its end. Its futures are never cancelled, because a driver's future that is dropped half-way
/// loses events. The events of one answer are decoded while MongoDB makes the next answer.
async fn read(
    mut stream: mongodb::change_stream::ChangeStream<RawDocumentBuf>,
    mut onward: Onward,
    mapping: Mapping,
    sender: Sender<FromStream>,
    stop: CancellationToken,
    opened: Instant,
) {
    let mut came = Vec::new();
    // The first answer dates from when the stream was opened.
    let mut opened = Some(opened);
    while !stop.is_cancelled() {
        let asked = opened.take().unwrap_or_else(Instant::now);
        let (goes_on, answer) = {
            let mut next = pin!(stream.next_if_any());
            if let Some(answer) = next.as_mut().now_or_never() {
                (true, answer)
            } else {
                tokio::join!(hand_on(&mut came, &mut onward, &mapping, &sender), next)
            }
        };
        let read = match answer {
            _ if !goes_on => return,
            Ok(Some(event)) => {
                came.push(event);
                continue;
            }
            Ok(None) if stream.is_alive() => {
                let token = stream.resume_token().and_then(|token| watch::token_text(&token).ok());
                FromStream::Idle(token.filter(|token| onward.is_at(token)), asked)
            }
            Ok(None) => FromStream::failed(mongodb::error::Error::custom("the change stream ended")),
            Err(error) => FromStream::failed(error),
        };
        let failed = matches!(read, FromStream::Failed(..));
        let goes_on = hand_on(&mut came, &mut onward, &mapping, &sender).await;
        if !goes_on || !sender.send(read, 0).await || failed {
            return;
        }
    }
}

/// Decodes events and hands them on; returns whether more may follow.
async fn hand_on(
    came: &mut Vec<RawDocumentBuf>,
    onward: &mut Onward,
    mapping: &Mapping,
    sender: &Sender<FromStream>,
) -> bool {
    for (n, raw) in came.drain(..).enumerate() {
        let read = match Event::read(mapping, &raw) {
            Ok(event) if onward.event(&event.token) => FromStream::Event(event),
            Ok(_) => {
                FromStream::failed(mongodb::error::Error::custom("the driver lost its place in the change stream"))
            }
            Err(error) => FromStream::Failed(StreamFailure::Unreadable, error),
        };
        let failed = matches!(read, FromStream::Failed(..));
        let bytes = if let FromStream::Event(event) = &read { raw.as_bytes().len() + rows(event) } else { 0 };
        // The event holds copies of all that it needs.
        drop(raw);
        if !sender.send(read, bytes).await || failed {
            return false;
        }
        if n % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
    }
    true
}

/// Approximate bytes of an event's rows. They may take more than the event did, because a number takes as much as a
/// text.
fn rows(event: &Event) -> usize {
    let EventKind::Row { images, .. } = &event.kind else { return 0 };
    match images {
        Images::Inserted(row) | Images::Deleted { before: Some(row) } => weight::row(row),
        Images::Updated { before, after } => weight::row(before) + weight::row(after),
        Images::Deleted { before: None } | Images::Missing => 0,
    }
}

#[expect(clippy::too_many_lines, reason = "one turn, in the order in which it must happen")]
async fn follow(
    relay: &Relay,
    sequencer: &mut Sequencer,
    receiver: &mut mpsc::Receiver<(FromStream, Room)>,
    (mut known, mut prepared): (Option<Vec<(Collection, Found)>>, bool),
    past: &mut Option<Position>,
    standing: &mut Standing,
    term: &CancellationToken,
) -> Result<TermEnd> {
    let log = &relay.log;
    let mut received = Vec::new();
    let mut missing = Missing::new(relay.mongo.clone());
    let mut checked = Instant::now().checked_sub(CHECKED).unwrap_or_else(Instant::now);
    let mut trimmed = Instant::now();
    let mut looked = Instant::now();
    loop {
        let Some(count) = term.run_until_cancelled(receiver.recv_many(&mut received, CHANNEL)).await else {
            return Ok(TermEnd::Term);
        };
        if count == 0 {
            bail!("the reader of the change stream ended");
        }
        let mut events = Vec::new();
        let (mut idle, mut failed) = (None, None);
        let mut end = None;
        let mut rooms = Vec::new();
        for (read, room) in received.drain(..) {
            rooms.push(room);
            match read {
                FromStream::Event(event) => {
                    idle = None;
                    if event.kind == EventKind::Invalidate {
                        idle = Some((None, Instant::now()));
                        end = Some(("database dropped or stream invalidated", Begin::After(event.ct)));
                        break;
                    }
                    // A collection made anew has no images yet.
                    if matches!(event.kind, EventKind::Reset { .. }) {
                        keep_prepared(relay).await?;
                    }
                    metrics().reached(Stage::Relay, event.at);
                    events.push(event);
                }
                FromStream::Idle(token, asked) => idle = Some((token, asked)),
                FromStream::Failed(StreamFailure::HistoryLost, _) => {
                    end = Some(("history lost", Begin::Now));
                    break;
                }
                FromStream::Failed(StreamFailure::Away, error) => return Err(error).context("the change stream"),
                FromStream::Failed(failure, error) => failed = Some((failure, error)),
            }
        }
        push_all(log, sequencer, &mut missing, standing, events, term).await?;
        if idle.is_some() {
            sequencer.idle();
        }
        append_all(log, sequencer, term).await?;
        drop(rooms);
        if let Some((reason, begin)) = end {
            return Ok(TermEnd::Lost(reason, begin));
        }
        let passed = standing.moves(sequencer.tail().position, idle.is_some(), Instant::now());
        if let Some((failure, error)) = failed {
            return Ok(TermEnd::Failed(failure, error));
        }
        // What the stream failed at is read. The next term may ask for batches again.
        if passed {
            return Ok(TermEnd::Term);
        }
        if let Some((Some(token), asked)) = idle
            && sequencer.is_empty()
            && checked.elapsed() >= CHECKED
        {
            let at = relay.mongo.operation_time().await.context("asking for the operation time")?.instant();
            let sent = Some(Sent::now(asked));
            log.checked(&Checked { position: sequencer.tail().position, at, token, sent }).await?;
            checked = Instant::now();
        }
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            // The driver may have resumed in a database that was set back, which no stream reports.
            if is_set_back(relay, log, past, None).await? {
                return Ok(TermEnd::Lost(RESTORED, Begin::Now));
            }
            // The stream reports neither that a collection was made nor that a view was made.
            if let Some(before) = &known {
                match found(relay).await {
                    Ok(Some(now)) if unfollowed(&now) != unfollowed(before) => {
                        bail!(
                            "a collection became what cannot be followed, or is that no more: {:?}",
                            unfollowed(&now)
                        );
                    }
                    Ok(Some(now)) if now != *before || !prepared => {
                        prepared = keep_prepared(relay).await?;
                        known = Some(now);
                    }
                    Ok(_) => {}
                    // This is no failure, because the stream reports whether MongoDB is away.
                    Err(error) => tracing::debug!(error = causes(&error), "the collections were not looked at"),
                }
            }
        }
        if trimmed.elapsed() >= TRIM {
            trimmed = Instant::now();
            // Trims in a task of its own, because reading old entries must not hold up new ones.
            tokio::spawn(trim(relay.mongo.clone(), log.clone()));
        }
    }
}

/// Gives the sequencer all events, with the rows that their images do not give.
async fn push_all(
    log: &Log,
    sequencer: &mut Sequencer,
    missing: &mut Missing,
    standing: &mut Standing,
    mut events: Vec<Event>,
    term: &CancellationToken,
) -> Result<()> {
    loop {
        let count = match missing.complete(&mut events).await {
            Ok(count) => count,
            Err(error) => {
                give_up_first(&mut events, sequencer.tail(), missing, standing, error).await?;
                1
            }
        };
        events.drain(..count).for_each(|event| sequencer.push(event));
        if events.is_empty() {
            return Ok(());
        }
        // These rows make room for the next ones.
        append_all(log, sequencer, term).await?;
    }
}

/// Gives up the row of the first event if MongoDB failed at it often enough, as it may [at an event](go_on_behind). All
/// rows of its collection are read anew then, and no change is missing.
async fn give_up_first(
    events: &mut [Event],
    tail: &Tail,
    missing: &mut Missing,
    standing: &mut Standing,
    error: mongodb::error::Error,
) -> Result<()> {
    let failure = StreamFailure::of(&error);
    let first = events.first_mut().filter(|_| failure.is_of_data());
    let Some(first) = first.filter(|_| standing.failed(tail.position, failure, Instant::now())) else {
        if failure.is_of_data() {
            return Err(Stands(error).into());
        }
        return Err(error).context("reading a changed row");
    };
    // Where MongoDB fails if asked for no row as well, no row is to blame.
    missing.try_none(first).await.context("reading no row")?;
    tracing::error!(%error, after = %tail.position, "a changed row cannot be read: all of its collection are read anew");
    first.give_up();
    Ok(())
}

async fn trim(mongo: Mongo, log: Log) {
    let trimmed = async {
        let written = Events::of(&mongo.own).written().await?.map(|(position, _)| position);
        anyhow::Ok(log.trim(mongo.operation_time().await?.instant(), written, log::MAX_BYTES).await?)
    };
    if let Err(error) = trimmed.await {
        tracing::warn!(error = causes(&error), "the log was not trimmed");
    }
}

/// Appends what is ready. After a lost reply it appends again, because the log answers whether the entry was written.
async fn append_all(log: &Log, sequencer: &mut Sequencer, term: &CancellationToken) -> Result<()> {
    while let Some(next) = sequencer.next() {
        match log.append(Some(sequencer.tail()), &next.entry, &next.token).await {
            Ok(Appended::Done) => {
                metrics().appended(&next.entry);
                sequencer.appended(&next);
            }
            Ok(Appended::Chain(Some(tail))) if sequencer.skip_to(&tail) => {
                metrics().conflicts.inc();
                tracing::info!(position = %tail.position, "the log was ahead");
            }
            Ok(Appended::Chain(tail)) => {
                metrics().conflicts.inc();
                bail!(
                    "the log ends at {:?}, not at {}",
                    tail.map(|t| t.position.to_string()),
                    sequencer.tail().position
                )
            }
            Err(error) if !term.is_cancelled() => {
                tracing::warn!(%error, "an append is tried again");
                pause(term, RETRY).await;
            }
            Err(error) => return Err(error).context("appending to the log"),
        }
    }
    Ok(())
}

/// The last event that is written.
async fn written(relay: &Relay) -> Result<Option<(Position, Option<ClusterTime>)>> {
    Events::of(&relay.mongo.own).written().await.context("asking for the last event")
}

/// Whether the database was set back to an earlier state since the log's last entry, or since it was looked at.
async fn is_set_back(relay: &Relay, log: &Log, past: &mut Option<Position>, last: Option<&Entry>) -> Result<bool> {
    let events = Events::of(&relay.mongo.own);
    // Redis holds what any relay last saw. It is reset only when pages have been told.
    let noted = log.past().await?;
    let is_before_last = async || {
        let now = relay.mongo.operation_time().await.context("asking for the operation time")?;
        anyhow::Ok(last.is_some_and(|last| now < last.ct))
    };
    if is_before_last().await? {
        // It is believed when a majority confirms who the primary is.
        events.surely_upto(noted.unwrap_or_default()).await.context("confirming the primary")?;
        if is_before_last().await? {
            return Ok(true);
        }
    }
    if events.are_of_another_past(noted.or(*past)).await.context("looking for the last event")? {
        return Ok(true);
    }
    let newest = written(relay).await?.map(|(newest, _)| newest);
    if let Some(newest) = newest.filter(|newest| noted < Some(*newest)) {
        log.set_past(newest).await?;
    }
    *past = newest.or(*past);
    Ok(false)
}

/// Opens a new epoch. Every page takes new snapshots.
async fn start_new_epoch(
    relay: &Relay,
    log: &Log,
    after: Option<Tail>,
    reason: &str,
    begin: Begin,
) -> Result<(Start, Sequencer)> {
    let written = written(relay).await?;
    let known = match begin {
        Begin::After(ct) | Begin::Within(ct) => Some(ct),
        Begin::Written => written.and_then(|(_, ct)| ct),
        Begin::Now => None,
    };
    // Where everything in the log is known, nothing was missed until the stream was last reported as idle.
    let reached = |tail: &&Tail| match begin {
        Begin::After(_) | Begin::Within(_) => true,
        Begin::Written => written.is_some_and(|(last, _)| last == tail.position),
        Begin::Now => false,
    };
    let idle = match after.as_ref().filter(reached) {
        Some(tail) => log.idle(tail).await?,
        None => None,
    };
    let since = |ct: ClusterTime| idle.as_ref().map_or(ct.instant(), |idle| idle.at);
    let (from, gap) = match known {
        Some(ct) if !images_are_gone(relay, since(ct)).await? => (ct, matches!(begin, Begin::Within(_))),
        // Before the first epoch there is nothing to miss.
        _ => (
            relay.mongo.operation_time().await.context("asking for the operation time")?,
            after.is_some() || written.is_some(),
        ),
    };
    let now = u64::try_from(now().0)?;
    let before = after.iter().map(|tail| tail.position).chain(written.map(|(last, _)| last));
    let epoch = Epoch(now.max(before.map(|position| position.epoch.0 + 1).max().unwrap_or(0)));
    let opening = Entry { restored: reason == RESTORED, ..Entry::opening(epoch, from, gap) };
    match log.append(after.as_ref(), &opening, "").await? {
        Appended::Done => {}
        Appended::Chain(tail) => return Err(Moved(tail.map(|tail| tail.position)).into()),
    }
    // The new epoch reports it, so what was there before is no longer looked for.
    if let (true, Some((newest, _))) = (opening.restored, written) {
        log.set_past(newest).await?;
    }
    metrics().epochs.add([("reason", reason)]);
    tracing::warn!(epoch = epoch.0, reason, "a new epoch begins");
    let tail = Tail { position: Position::new(epoch, Seq(0)), token: String::new() };
    Ok((Start::Later(from), Sequencer::after(tail, Seq(0))))
}
