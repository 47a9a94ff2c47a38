//! MongoDB's disk is full.

use chargedeck::domain::collections::Collection;
use mongodb::bson::{Binary, DateTime, Document, doc, spec::BinarySubtype};
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

use crate::{
    app::until,
    http::get,
    program::{Program, SERVE, UP},
    support::Mongod,
};

/// Bytes of unwatched data between two stations.
const FILLER: usize = 4 << 20;
/// More stations than the disk can hold with their filler.
const MOST: usize = 500;

#[tokio::test]
#[ignore = "needs a file system of its own (root, or user namespaces): scripts/test --all"]
async fn when_mongodbs_disk_is_full_it_says_so_and_goes_on_when_there_is_room() {
    let mongod = Mongod::on_small_disk().await;
    let program = Program::of(&mongod, &[], SERVE).await;
    program.ready().await;
    let cookie = program.enter().await;
    let stations = program.db.collection::<Document>(Collection::Stations.name());
    let filler = mongod.client().await.database("elsewhere").collection::<Document>("filler");
    let mut rng = ChaCha8Rng::seed_from_u64(18);
    let mut acknowledged = Vec::new();
    for n in 0..MOST {
        // Random bytes cannot be compressed.
        let mut bytes = vec![0; FILLER];
        rng.fill_bytes(&mut bytes);
        let bytes = Binary { subtype: BinarySubtype::Generic, bytes };
        let id = format!("ST-{n}");
        let station = doc! { "_id": &id, "station_id": &id, "name": &id, "last_updated": DateTime::now() };
        if stations.insert_one(station).await.is_err() {
            break;
        }
        acknowledged.push(id);
        if filler.insert_one(doc! { "filler": bytes }).await.is_err() {
            break;
        }
    }
    assert!((10..MOST).contains(&acknowledged.len()), "{} were written", acknowledged.len());

    let says = async |of: &str| get(program.port(), "/readyz", "").await.is_ok_and(|answer| answer.body.contains(of));
    until(UP, "MongoDB is away", || says(r#""mongodb":"away""#)).await;
    mongod.give_room();
    program.ready().await;

    let last = doc! { "_id": "last", "station_id": "last", "name": "last", "last_updated": DateTime::now() };
    stations.insert_one(last).await.unwrap();
    let shown = || async {
        let rows = get(program.port(), "/api/v1/snapshot/stations", &cookie).await;
        rows.is_ok_and(|answer| answer.status == 200 && answer.body.contains(r#""last""#))
    };
    until(UP, "what was written last is shown", shown).await;
    let events = program.own.collection::<Document>("events");
    let stored = || async { events.count_documents(doc! { "id": json("last") }).await.is_ok_and(|count| count == 1) };
    until(UP, "what was written last is an event", stored).await;
    for id in acknowledged {
        let count = events.count_documents(doc! { "id": json(&id) }).await.unwrap();
        assert_eq!(count, 1, "events of {id}, of which MongoDB said that it is written");
    }
    assert!(!program.server.has_ended(), "it was not started again");
}

/// A text `_id` in the form that its event has.
fn json(id: &str) -> String {
    format!("\"{id}\"")
}
