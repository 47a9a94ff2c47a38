//! Reads the documents of a period and folds them, all at one cluster time. Memory is bounded: that of the groups and
//! of the names of stations and clients, and the few documents that wait for what decides their group: what a session
//! was paid with, or where a payment's session was.

use std::collections::{HashMap, HashSet};

use bson::doc;

use crate::{
    domain::{
        collections::{
            Client,
            Collection::{ChargingSessions, Clients, Payments, Stations},
            Mark, Payment, Session, Station, see,
        },
        protocol::position::ClusterTime,
        report::{
            By, Folded, Group, Key, NO_PAYMENT, ReportSums, TooManyGroups, captured_in, completed_in, first_of,
            first_place, method_of,
        },
        time::{Period, UtcMs, Zone},
    },
    server::mongo::{
        Mongo,
        reading::{Reading, among, maybe_within},
    },
};

/// Maximum number of documents that wait at a time.
const CHUNK: usize = 2000;
/// Bytes of a name without its texts: its place in a map that is half full.
const NAME: usize = 192;

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Mongo(#[from] mongodb::error::Error),
    #[error(transparent)]
    TooManyGroups(#[from] TooManyGroups),
}

type ReadResult<T> = Result<T, ReadError>;

/// What is read, and how it is grouped.
pub struct ReportQuery {
    pub by: By,
    pub period: Period,
    /// The zone's offsets within the period.
    pub zone: Zone,
    /// MongoDB's operation time. What lies ahead of it is in no sum.
    pub now: UtcMs,
}

/// Reads and folds.
///
/// # Errors
/// If MongoDB does not answer, or cannot read at one time just now (246, 239). Try again then. Also if the report would
/// take too much memory.
pub async fn read(mongo: &Mongo, wanted: &ReportQuery) -> ReadResult<(ClusterTime, Vec<Group>)> {
    let mut reading = Reading::begin(mongo).await?;
    let mut folded = Folded::default();
    let stations = match wanted.by {
        By::Station | By::City => stations(&mut reading, &mut folded).await?,
        _ => HashMap::new(),
    };
    let mut fold = Fold { wanted, reading, stations, folded };
    fold.sessions().await?;
    fold.payments().await?;
    let names = match wanted.by {
        By::Client => fold.clients().await?,
        By::Station => fold.stations.into_iter().filter_map(|(id, (name, _))| Some((id, name?))).collect(),
        _ => HashMap::new(),
    };
    Ok((fold.reading.ct(), fold.folded.groups(|id| names.get(id).cloned())))
}

/// Name and city by public id.
type ColumnPlaces = HashMap<String, (Option<String>, Option<String>)>;

async fn stations(reading: &mut Reading<'_>, folded: &mut Folded) -> ReadResult<ColumnPlaces> {
    let mut places = ColumnPlaces::new();
    let mut found = reading.find(Stations, doc! {}, Stations.marked(Mark::Reported)).await?;
    while let Some(fields) = reading.next(&mut found).await? {
        let station = see::<Station>(&fields).doc;
        if let Some(id) = station.station_id {
            folded.take(bytes([Some(&id), station.name.as_ref(), station.city.as_ref()]))?;
            let place = (station.name, station.city);
            // Of several documents with one id the least decides, in whatever order they are read.
            let known = places.entry(id).or_insert_with(|| place.clone());
            *known = std::mem::take(known).min(place);
        }
    }
    Ok(places)
}

/// Bytes of a name with these texts.
fn bytes<const N: usize>(texts: [Option<&String>; N]) -> usize {
    texts.into_iter().flatten().map(String::len).fold(NAME, usize::saturating_add)
}

struct Fold<'a> {
    wanted: &'a ReportQuery,
    reading: Reading<'a>,
    stations: ColumnPlaces,
    folded: Folded,
}

impl Fold<'_> {
    async fn sessions(&mut self) -> ReadResult<()> {
        let ReportQuery { by, period, ref zone, .. } = *self.wanted;
        let mut waiting: Vec<Session> = Vec::new();
        let filter = maybe_within(self.reading.mongo(), ChargingSessions, "end_date_time", period);
        let mut found = self.reading.find(ChargingSessions, filter, ChargingSessions.marked(Mark::Reported)).await?;
        while let Some(fields) = self.reading.next(&mut found).await? {
            let session = see::<Session>(&fields).doc;
            let Some(at) = completed_in(&session, period) else { continue };
            let key = match by {
                By::Day | By::Week | By::Month => Key::at(by, zone, at),
                By::Client => Key::of(session.client_id.clone(), by.name()),
                By::Station | By::City => self.place(session.station_id.as_deref()),
                By::Method => {
                    waiting.push(session);
                    if waiting.len() == CHUNK {
                        self.by_method(&waiting).await?;
                        waiting.clear();
                    }
                    continue;
                }
            };
            let sums = self.sums(&session);
            self.folded.add(key, &sums)?;
        }
        self.by_method(&waiting).await
    }

    async fn payments(&mut self) -> ReadResult<()> {
        let ReportQuery { by, period, ref zone, .. } = *self.wanted;
        let mut waiting: Vec<Payment> = Vec::new();
        let filter = maybe_within(self.reading.mongo(), Payments, "captured_at", period);
        let mut found = self.reading.find(Payments, filter, Payments.marked(Mark::Reported)).await?;
        while let Some(fields) = self.reading.next(&mut found).await? {
            let payment = see::<Payment>(&fields).doc;
            let Some(at) = captured_in(&payment, period) else { continue };
            let key = match by {
                By::Day | By::Week | By::Month => Key::at(by, zone, at),
                By::Client => Key::of(payment.client_id.clone(), by.name()),
                By::Method => Key::of(payment.method.clone(), by.name()),
                By::Station | By::City => {
                    waiting.push(payment);
                    if waiting.len() == CHUNK {
                        self.by_place(&waiting).await?;
                        waiting.clear();
                    }
                    continue;
                }
            };
            self.folded.add(key, &ReportSums::of_payment(&payment))?;
        }
        self.by_place(&waiting).await
    }

    fn sums(&self, session: &Session) -> ReportSums {
        ReportSums::of_session(session, self.wanted.now)
    }

    /// The group of what happened at a station.
    fn place(&self, station: Option<&str>) -> Key {
        let by = self.wanted.by;
        let known = match by {
            By::City => station.and_then(|id| self.stations.get(id)).and_then(|(_, city)| city.clone()),
            _ => station.map(str::to_owned),
        };
        Key::of(known, by.name())
    }

    /// Folds sessions by what they were paid with.
    async fn by_method(&mut self, sessions: &[Session]) -> ReadResult<()> {
        let own: HashSet<&str> = sessions.iter().filter_map(|session| session.session_id.as_deref()).collect();
        let named: HashSet<&str> = sessions.iter().filter_map(|session| session.payment_id.as_deref()).collect();
        let mut by_session = HashMap::new();
        let mut by_id = HashMap::new();
        if !own.is_empty() || !named.is_empty() {
            let (sessions, ids): (Vec<_>, Vec<_>) = (own.iter().copied().collect(), named.iter().copied().collect());
            let filter = doc! {"$or": [
                among(self.reading.mongo(), Payments, "session_id", &sessions),
                among(self.reading.mongo(), Payments, "payment_id", &ids),
            ]};
            let mut found = self.reading.find(Payments, filter, Payments.marked(Mark::Reported)).await?;
            while let Some(fields) = self.reading.next(&mut found).await? {
                let payment = see::<Payment>(&fields).doc;
                keep(&mut by_session, &own, payment.session_id.as_deref(), &payment);
                keep(&mut by_id, &named, payment.payment_id.as_deref(), &payment);
            }
        }
        for session in sessions {
            let of_session = session.session_id.as_deref().and_then(|id| by_session.get(id));
            let of_id = session.payment_id.as_deref().and_then(|id| by_id.get(id));
            let payments: Vec<Payment> = [of_session, of_id].into_iter().flatten().cloned().collect();
            let sums = self.sums(session);
            self.folded.add(method(session, &payments), &sums)?;
        }
        Ok(())
    }

    /// Folds payments by where their sessions were.
    async fn by_place(&mut self, payments: &[Payment]) -> ReadResult<()> {
        let ids: Vec<&str> = payments.iter().filter_map(|payment| payment.session_id.as_deref()).collect();
        let mut places: HashMap<String, Option<String>> = HashMap::new();
        if !ids.is_empty() {
            let wanted = ["session_id", "station_id"];
            let filter = among(self.reading.mongo(), ChargingSessions, "session_id", &ids);
            let mut found = self.reading.find(ChargingSessions, filter, wanted.into_iter()).await?;
            while let Some(fields) = self.reading.next(&mut found).await? {
                let session = see::<Session>(&fields).doc;
                if let Some(id) = session.session_id {
                    let station = session.station_id;
                    let known = places.entry(id).or_insert_with(|| station.clone());
                    *known = first_place(std::mem::take(known), station);
                }
            }
        }
        for payment in payments {
            let station = payment.session_id.as_ref().and_then(|id| places.get(id)).and_then(Option::as_deref);
            self.folded.add(self.place(station), &ReportSums::of_payment(payment))?;
        }
        Ok(())
    }

    /// The names of the clients that have a group.
    async fn clients(&mut self) -> ReadResult<HashMap<String, String>> {
        let mut names = HashMap::new();
        let ids: Vec<String> = self.folded.ids().map(str::to_owned).collect();
        for ids in ids.chunks(CHUNK) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let filter = among(self.reading.mongo(), Clients, "client_id", &ids);
            let mut found = self.reading.find(Clients, filter, Clients.marked(Mark::Reported)).await?;
            while let Some(fields) = self.reading.next(&mut found).await? {
                let client = see::<Client>(&fields).doc;
                if let (Some(id), Some(name)) = (client.client_id, client.name) {
                    self.folded.take(bytes([Some(&id), Some(&name)]))?;
                    let known = names.entry(id).or_insert_with(|| name.clone());
                    *known = std::mem::take(known).min(name);
                }
            }
        }
        Ok(names)
    }
}

/// Keeps the payment under this id, if the id is wanted and no payment is known that decides before it.
fn keep<'a>(known: &mut HashMap<&'a str, Payment>, wanted: &HashSet<&'a str>, id: Option<&str>, payment: &Payment) {
    let Some(&id) = id.and_then(|id| wanted.get(id)) else { return };
    let first = match known.remove(id) {
        Some(other) => first_of(other, payment.clone()),
        None => payment.clone(),
    };
    known.insert(id, first);
}

/// The group of a session, by the payments that may belong to it.
fn method(session: &Session, payments: &[Payment]) -> Key {
    match method_of(session, payments) {
        Some(method) => Key::of(method, By::Method.name()),
        None => Key::Lacks(NO_PAYMENT.to_owned()),
    }
}
