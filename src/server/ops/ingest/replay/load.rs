//! Reads the day to be replayed from a database, with what is there of its copies already.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use mongodb::{
    Database,
    bson::{Bson, DateTime, Document, doc},
};

use super::{CopyState, Input, ReplayDay, Session, Shift, copies::DATASET};
use crate::{
    domain::{collections::Collection, status::SessionStatus},
    server::ops::ingest::world::{EvseIndex, INVENTED, SimulatedStation, find, ledger, millis, places, stations, text},
};

const DAY_MS: i64 = 86_400_000;

/// Reads the day, as it is to be replayed at `now`.
pub async fn load(db: &Database, day: ReplayDay, now: Timestamp) -> Result<Input> {
    let stations = stations(db).await?;
    // Copies begin, and so end, within the week before now. One more day covers the time zones around the Earth.
    let ledger = ledger(db, DATASET, &stations, now.as_millisecond() - 8 * DAY_MS).await?;
    let zone = ledger.zone().clone();
    let Some((first, last)) = imported_days(db, &zone).await? else {
        bail!("the database `{}` holds no imported sessions to replay: run `import` first", db.name());
    };
    let now = now.to_zoned_datetime(zone.clone());
    let day = day.date(last, &now);
    let originals = began_on(db, day, &zone).await?;
    if originals.is_empty() {
        bail!("no imported session began on {day}: the first began on {first}, the last on {last}");
    }
    let shift = Shift::latest(day, &now).with_context(|| {
        format!("{day} is less than a week ago: no later day of its weekday has begun to which it could be moved")
    })?;
    let in_use = in_use(db, &stations).await?;
    let sessions = copies(db, originals, shift, &stations).await?;
    Ok(Input { shift, sessions, stations, in_use, ledger })
}

fn imported() -> Document {
    let ours = [&INVENTED[..], &[DATASET]].concat();
    doc! { "source.dataset": { "$exists": true, "$nin": ours }, "source.gone": null }
}

/// The local days on which the first and the last imported session began.
async fn imported_days(db: &Database, zone: &TimeZone) -> Result<Option<(Date, Date)>> {
    let sessions = db.collection::<Document>(Collection::ChargingSessions.name());
    let mut days = Vec::new();
    for order in [1, -1] {
        let mut known = imported();
        known.insert("start_date_time", doc! { "$type": "date" });
        let session = sessions.find_one(known).sort(doc! { "start_date_time": order }).await?;
        days.extend(session.and_then(|session| local_day(&session, zone)));
    }
    Ok(days.first().copied().zip(days.last().copied()))
}

/// The imported sessions that began on a day of their own zones, in the order of their starts, with these zones.
async fn began_on(db: &Database, day: Date, zone: &TimeZone) -> Result<Vec<(Document, TimeZone)>> {
    // No time zone on Earth is more than a day away from UTC.
    let at = |days: i64| -> Result<Bson> {
        let midnight = day.checked_add(Span::new().days(days))?.to_zoned_datetime(TimeZone::UTC)?;
        Ok(DateTime::from_millis(midnight.timestamp().as_millisecond()).into())
    };
    let mut around = imported();
    around.insert("start_date_time", doc! { "$gte": at(-1)?, "$lt": at(2)? });
    let order = doc! { "start_date_time": 1, "_id": 1 };
    let sessions = find(db, Collection::ChargingSessions, around, order).await?;
    let with_zone = |session| {
        let own = own_zone(&session, zone);
        (session, own)
    };
    Ok(sessions.into_iter().filter(|session| local_day(session, zone) == Some(day)).map(with_zone).collect())
}

fn local_day(session: &Document, zone: &TimeZone) -> Option<Date> {
    let start = Timestamp::from_millisecond(millis(session, "start_date_time")?).ok()?;
    Some(start.to_zoned_datetime(own_zone(session, zone)).date())
}

/// The session's zone, or else the network's.
fn own_zone(session: &Document, network: &TimeZone) -> TimeZone {
    session.get_str("time_zone").ok().and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(|| network.clone())
}

async fn in_use(db: &Database, stations: &[SimulatedStation]) -> Result<BTreeMap<EvseIndex, usize>> {
    let places = places(stations);
    let mut in_use = BTreeMap::new();
    for session in find(db, Collection::ChargingSessions, doc! { "status": "ACTIVE" }, doc! { "_id": 1 }).await? {
        if let Some(at) = place(&session, &places) {
            *in_use.entry(at).or_default() += 1;
        }
    }
    Ok(in_use)
}

fn place(session: &Document, places: &HashMap<(String, String), EvseIndex>) -> Option<EvseIndex> {
    places.get(&(text(session, "station_id")?, text(session, "evse_uid")?)).copied()
}

async fn copies(
    db: &Database,
    originals: Vec<(Document, TimeZone)>,
    shift: Shift,
    stations: &[SimulatedStation],
) -> Result<Vec<(Session, CopyState)>> {
    let mut payments = payments(db, &originals).await?;
    let places = places(stations);
    let mut sessions = Vec::with_capacity(originals.len());
    for (original, zone) in originals {
        let offset = millis(&original, "start_date_time").map_or(0, |start| shift.offset(start, &zone));
        let payment = text(&original, "session_id").and_then(|id| payments.remove(&id));
        let at = place(&original, &places);
        let rated = at.and_then(|at| stations[at.station].evses[at.evse].rated);
        sessions.extend(Session::new(original, payment, shift, offset, at, rated));
    }
    let ids: Vec<String> = sessions.iter().map(Session::id).collect();
    let there = find(db, Collection::ChargingSessions, doc! { "_id": { "$in": ids } }, doc! { "_id": 1 }).await?;
    let there: HashMap<String, Document> = there.into_iter().filter_map(|d| Some((text(&d, "_id")?, d))).collect();
    let with_done = |session: Session| {
        let done = there.get(&session.id()).map_or(CopyState::Nothing, |copy| done(&session, copy));
        (session, done)
    };
    Ok(sessions.into_iter().map(with_done).collect())
}

/// How far a copy in the database has come.
pub(super) fn done(session: &Session, copy: &Document) -> CopyState {
    let runs = text(copy, "status").is_some_and(|status| status == SessionStatus::Active.code());
    match millis(copy, "last_updated") {
        Some(last) if runs && session.end.is_some() => CopyState::Until(last),
        _ => CopyState::All,
    }
}

/// Payments by session id.
async fn payments(db: &Database, sessions: &[(Document, TimeZone)]) -> Result<HashMap<String, Document>> {
    let ids: Vec<String> = sessions.iter().filter_map(|(session, _)| text(session, "session_id")).collect();
    let mut theirs = imported();
    theirs.insert("session_id", doc! { "$in": ids });
    let payments = find(db, Collection::Payments, theirs, doc! { "_id": 1 }).await?;
    Ok(payments.into_iter().filter_map(|payment| Some((text(&payment, "session_id")?, payment))).collect())
}
