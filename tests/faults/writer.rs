//! Writers that behave like an operator's systems: they know nothing of ChargeDeck, and remember what MongoDB
//! acknowledged.
//!
//! Each document has one writer, which counts its writes, see [`counted`]. After a write with an unknown outcome the
//! document is left alone, because the write may still happen.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bson::{DateTime, Document, doc};
use chargedeck::domain::{
    collections::{Collection, Order},
    ids::DocId,
    protocol::position::ClusterTime,
};
use mongodb::{Client, ClientSession, Database, error::Result};
use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng, seq::IndexedRandom};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tokio_util::task::AbortOnDropHandle;

use super::referee::Referee;

/// Documents of each collection that a writer has at a time.
const DOCUMENTS: usize = 30;

/// One write that was sent to MongoDB.
#[derive(Clone, Debug)]
pub struct Write {
    pub collection: Collection,
    pub id: DocId,
    /// The counter that was written; `None` if the document was deleted.
    pub n: Option<i64>,
    /// A cluster time before the write's, and one at or after it; `None` if the outcome is unknown.
    pub between: Option<(ClusterTime, ClusterTime)>,
}

/// All writers.
pub struct Writers {
    log: Arc<Mutex<Vec<Write>>>,
    gate: Arc<RwLock<()>>,
    _running: Vec<AbortOnDropHandle<()>>,
}

impl Writers {
    /// Starts the writers. `pause` is the time between two writes of one writer.
    pub async fn start(count: u64, seed: u64, uri: &str, db: &str, pause: Duration, referee: &Arc<Referee>) -> Self {
        let client = Client::with_uri_str(format!("{uri}&appName=operator&w=majority")).await;
        let db = client.expect("a URI made here is valid").database(db);
        let (log, gate) = (Arc::new(Mutex::default()), Arc::new(RwLock::new(())));
        let start = |w: u64| {
            let mut writer = Writer {
                db: db.clone(),
                rng: ChaCha8Rng::seed_from_u64(seed ^ (w + 1)),
                w,
                made: 0,
                documents: Collection::ALL.map(|collection| (collection, Vec::new())).into(),
                log: Arc::clone(&log),
                referee: referee.clone(),
            };
            let gate = Arc::clone(&gate);
            AbortOnDropHandle::new(tokio::spawn(async move {
                loop {
                    let open = gate.read().await;
                    writer.write().await;
                    drop(open);
                    tokio::time::sleep(pause).await;
                }
            }))
        };
        let running = (0..count).map(start).collect();
        Self { log, gate, _running: running }
    }

    /// Waits for the writes under way. There are no others until the guard is dropped.
    pub async fn rest(&self) -> OwnedRwLockWriteGuard<()> {
        self.gate.clone().write_owned().await
    }

    /// Returns the writes since the last call.
    pub fn take_log(&self) -> Vec<Write> {
        std::mem::take(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Writer {
    db: Database,
    rng: ChaCha8Rng,
    w: u64,
    made: u64,
    documents: Vec<(Collection, Vec<String>)>,
    log: Arc<Mutex<Vec<Write>>>,
    referee: Arc<Referee>,
}

/// One step: collection, id, and the counter to write; `None` deletes.
type Step = (Collection, String, Option<i64>);

impl Writer {
    async fn write(&mut self) {
        let steps: Vec<Step> = match self.rng.random_range(0..100) {
            0..4 => (0..3).map(|_| self.put()).collect(),
            4..10 => vec![self.delete()],
            _ => vec![self.put()],
        };
        let done = self.perform(&steps).await;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        for (i, (collection, id, n)) in steps.into_iter().enumerate() {
            let between = if let Ok((after, upto, touched)) = &done {
                if !touched[i] {
                    continue;
                }
                self.referee.acknowledged(*after);
                Some((*after, *upto))
            } else {
                self.documents.iter_mut().for_each(|(_, ids)| ids.retain(|other| *other != id));
                None
            };
            log.push(Write { collection, id: DocId(format!("\"{id}\"")), n, between });
        }
    }

    fn put(&mut self) -> Step {
        let at = self.rng.random_range(0..self.documents.len());
        let full = self.documents[at].1.len() >= DOCUMENTS;
        if !full || self.rng.random_bool(0.03) {
            self.made += 1;
            let id = format!("w{}-{}", self.w, self.made);
            let ids = &mut self.documents[at].1;
            if full {
                ids.remove(0);
            }
            ids.push(id);
        }
        let (collection, ids) = &self.documents[at];
        let id = ids.choose(&mut self.rng).expect("one was made").clone();
        (*collection, id, Some(next_counter()))
    }

    /// A deletion. If the document is gone already, it is no write.
    fn delete(&mut self) -> Step {
        let (collection, id, _) = self.put();
        (collection, id, None)
    }

    /// Performs the steps. Returns the session's operation time before and after, and which steps changed something.
    async fn perform(&mut self, steps: &[Step]) -> Result<(ClusterTime, ClusterTime, Vec<bool>)> {
        let mut session = self.db.client().start_session().await?;
        self.db.run_command(doc! { "ping": 1 }).session(&mut session).await?;
        let after = operation_time(&session);
        let several = steps.len() > 1;
        if several {
            session.start_transaction().await?;
        }
        let mut touched = Vec::new();
        for (collection, id, n) in steps {
            let of = self.db.collection::<Document>(collection.name());
            touched.push(match n {
                Some(n) => {
                    let (set, first) = (changing(*collection, *n, &mut self.rng), lasting(*collection, id, *n));
                    let update = doc! { "$set": set, "$setOnInsert": first };
                    of.update_one(doc! { "_id": id }, update).upsert(true).session(&mut session).await?;
                    true
                }
                None => of.delete_one(doc! { "_id": id }).session(&mut session).await?.deleted_count == 1,
            });
        }
        if several {
            session.commit_transaction().await?;
        }
        Ok((after, operation_time(&session), touched))
    }
}

/// Returns a counter greater than any before.
pub fn next_counter() -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

fn operation_time(session: &ClientSession) -> ClusterTime {
    session.operation_time().map_or_else(ClusterTime::default, |t| ClusterTime::new(t.time, t.increment))
}

/// A new document that no writer will change.
pub fn made(collection: Collection, name: &str, rng: &mut impl Rng) -> Document {
    let n = next_counter();
    let mut document = doc! { "_id": format!("{name}-{n}") };
    document.extend(lasting(collection, &format!("{name}-{n}"), n));
    document.extend(changing(collection, n, rng));
    document
}

/// The fields that a document keeps from its creation.
pub fn lasting(collection: Collection, id: &str, n: i64) -> Document {
    // Each date is later than the one before, so that lists have one order.
    let at = DateTime::from_millis(1_760_000_000_000 + n * 1000);
    match collection.order() {
        Order::Newest(field) => doc! { field: at },
        Order::Ascending(field) => doc! { field: id, "created_at": at },
    }
}

/// The fields that every write changes.
fn changing(collection: Collection, n: i64, rng: &mut impl Rng) -> Document {
    let mut one_of = |words: &[&'static str]| *words.choose(rng).expect("there are words");
    let mut row = match collection {
        Collection::Clients => doc! { "status": one_of(&["ACTIVE", "BLOCKED"]) },
        Collection::Stations => {
            let evse = doc! { "uid": "1", "status": one_of(&["AVAILABLE", "CHARGING", "OUTOFORDER"]),
            "connectors": [{ "max_electric_power": 22_000 }] };
            doc! { "connection": one_of(&["ONLINE", "OFFLINE"]), "evses": [evse] }
        }
        Collection::Payments => {
            doc! { "status": one_of(&["PENDING", "CAPTURED", "FAILED"]), "amount_minor": n, "currency": "GBP" }
        }
        Collection::ChargingSessions => {
            doc! { "status": one_of(&["ACTIVE", "COMPLETED"]), "power_w": n, "energy_wh": n }
        }
        Collection::EcoStats => doc! { "energy_wh": n },
    };
    row.extend(counted(n));
    row
}

/// The number of a write, in a field that is not shown and in one that is.
pub fn counted(n: i64) -> Document {
    doc! { "source": { "n": n }, "last_updated": DateTime::from_millis(n) }
}
