//! Fuzzing. Whatever the database holds and whatever anyone sends, the stream goes on, everybody is answered, and
//! nothing leaves that was not requested. `CHARGEDECK_FUZZ_S` sets the duration, `CHARGEDECK_SEED` the seed. Findings
//! are kept in [`FOUND`] and [`seeds::FOUND`], which are replayed first, and in `tests/pipeline/hostile.rs`.
//!
//! Long, because it looks for what leaves in each place where something may leave or be kept.

#[path = "fuzz/ears.rs"]
mod ears;
#[path = "fuzz/requests.rs"]
mod requests;
#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "fuzz/spare.rs"]
mod spare;

use std::{collections::BTreeSet, env, fs, path::Path, time::Duration};

use chargedeck::{
    domain::{
        collections::Collection,
        protocol::frame::{COMPACT, JSON},
        selection::Selection,
    },
    web::api::PageRequest,
};
use mongodb::{
    Database,
    bson::{Binary, Bson, DateTime, Document, RawDocumentBuf, doc, oid::ObjectId, spec::BinarySubtype},
};
use rand::{
    RngExt, SeedableRng,
    rngs::ChaCha8Rng,
    seq::{IndexedRandom, IteratorRandom},
};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use self::ears::Ears;
use crate::{
    app::until,
    http::{Answer, get, metrics, send},
    program::{Program, SERVE, UP, everything},
    support::{
        self,
        canary::tells,
        documents::{CANARY, document_of, raw, value},
        theirs::{self, NICK},
    },
};

/// The most memory that a server of a small database may need, in bytes.
const MEMORY_MAX: u64 = 512 << 20;

fn duration() -> Duration {
    Duration::from_secs(env::var("CHARGEDECK_FUZZ_S").ok().map_or(20, |s| s.parse().expect("seconds")))
}

/// A random generator. Prints its seed, so that a run can be repeated.
fn chance(of: &str) -> ChaCha8Rng {
    let given =
        env::var("CHARGEDECK_SEED").ok().map(|seed| u64::from_str_radix(&seed, 16).expect("hexadecimal digits"));
    let seed = given.unwrap_or_else(rand::random);
    println!("{of}: CHARGEDECK_SEED={seed:x}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// What was found before, one command to MongoDB in each line. [`NO_TEXT`] stands for invalid UTF-8, and `"$NOW-60"` for
/// a minute ago.
const FOUND: &str = include_str!("corpus/documents.jsonl");
/// Where the writes of a round that failed are kept, in the form of [`FOUND`].
const FAILED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test/fuzz-documents.jsonl");

/// The commands of [`FOUND`].
fn found() -> Vec<Document> {
    let now = DateTime::now().timestamp_millis();
    let date = |part: &str| {
        let (seconds, rest) = part.split_once('"').expect("a date in quotes");
        let ms = now + seconds.parse::<i64>().unwrap_or(0) * 1000;
        format!(r#"{{"$date":{{"$numberLong":"{ms}"}}}}{rest}"#)
    };
    let dated = |line: &str| {
        let mut parts = line.split("\"$NOW");
        let first = parts.next().unwrap_or_default().to_owned();
        [first].into_iter().chain(parts.map(date)).collect::<Vec<_>>().concat()
    };
    let command = |line: &str| {
        let value: serde_json::Value =
            serde_json::from_str(&dated(line)).unwrap_or_else(|error| panic!("{error}: {line}"));
        let Ok(Bson::Document(mut command)) = Bson::try_from(value) else { panic!("no document: {line}") };
        // MongoDB takes the first field for the command, and JSON's fields come in any order.
        let name = ["insert", "update", "delete"].into_iter().find(|name| command.contains_key(name)).expect(line);
        let target = command.remove(name);
        let first = target.map(|target| (name.to_owned(), target));
        first.into_iter().chain(command).collect()
    };
    FOUND.lines().map(command).collect()
}

/// The writes of one round. If the test fails in it, they are kept for the corpus.
#[derive(Default)]
struct Round(Vec<Document>);

impl Drop for Round {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.0.iter().map(|command| {
                let command = Bson::Document(command.clone()).into_canonical_extjson();
                format!("{command}\n")
            });
            let kept = fs::create_dir_all(Path::new(FAILED).parent().unwrap())
                .and_then(|()| fs::write(FAILED, lines.collect::<String>()));
            eprintln!("{FAILED}: {kept:?}. What fails of it belongs into tests/auth/corpus/documents.jsonl");
        }
    }
}

impl Round {
    /// Sends a write to MongoDB. Returns whether it was taken; a refusal may quote what is no text.
    async fn write(&mut self, db: &Database, command: Document) -> bool {
        let answer = db.run_raw_command(raw(&command)).await;
        self.0.push(command);
        answer.is_ok_and(|answer| !answer.contains_key("writeErrors"))
    }
}

/// Whose field names the documents have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Ours,
    /// Those of [`theirs::definition`].
    Theirs,
}

impl Names {
    /// A document that has our names, under these.
    fn of(self, rng: &mut ChaCha8Rng, collection: Collection, document: Document) -> Document {
        match self {
            Self::Ours => document,
            Self::Theirs => theirs::mapped(rng, collection, document),
        }
    }
}

/// A random write, and the id of the document that it inserts.
fn command(rng: &mut ChaCha8Rng, names: Names, ids: &[(Collection, Bson)]) -> (Document, Option<(Collection, Bson)>) {
    let collection = *Collection::ALL.choose(rng).unwrap();
    let of = collection.name();
    let known = ids.iter().filter(|(of, _)| *of == collection).choose(rng).map(|(_, id)| id.clone());
    let made = document_of(rng, collection);
    let made = names.of(rng, collection, made);
    let update = |id: Bson, change: Document| doc! {"update": of, "updates": [{"q": {"_id": id}, "u": change}]};
    match known.filter(|_| rng.random_ratio(2, 3)) {
        Some(id) if rng.random_ratio(1, 4) => (doc! {"delete": of, "deletes": [{"q": {"_id": id}, "limit": 1}]}, None),
        Some(id) if rng.random_ratio(1, 3) => (update(id, made), None),
        Some(id) => {
            let name = made.keys().choose(rng).unwrap().clone();
            let set: Document = made.into_iter().filter(|(of, _)| *of == name).collect();
            (update(id, doc! {"$set": set, "$unset": {"more": ""}}), None)
        }
        None => {
            // An `_id` is always sent to pages, so it must hold no canary.
            let id = Some(value(rng, 0))
                .filter(|id| !tells(id.to_string().as_bytes(), CANARY))
                .unwrap_or_else(|| ObjectId::new().into());
            let mut whole = doc! {"_id": id.clone()};
            whole.extend(made);
            (doc! {"insert": of, "documents": [whole]}, Some((collection, id)))
        }
    }
}

/// The keys in Redis and the collections of ChargeDeck's own database in which this program keeps the text.
async fn kept_in(program: &Program, text: &str) -> BTreeSet<String> {
    fn says(value: &redis::Value, text: &str) -> bool {
        match value {
            redis::Value::BulkString(bytes) => tells(bytes, text),
            redis::Value::Array(all) | redis::Value::Set(all) => all.iter().any(|value| says(value, text)),
            redis::Value::Map(all) => all.iter().any(|(key, value)| says(key, text) || says(value, text)),
            _ => false,
        }
    }
    let mut places = BTreeSet::new();
    let client = redis::Client::open(support::redis().await.url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let ours = format!("*{}*", program.own.name());
    let keys: Vec<String> = redis::cmd("KEYS").arg(ours).query_async(&mut redis).await.unwrap();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut redis).await.unwrap();
        let (read, range): (_, &[&str]) = match kind.as_str() {
            "string" => ("GET", &[]),
            "hash" => ("HGETALL", &[]),
            "set" => ("SMEMBERS", &[]),
            "list" => ("LRANGE", &["0", "-1"]),
            "zset" => ("ZRANGE", &["0", "-1"]),
            "stream" => ("XRANGE", &["-", "+"]),
            // It has expired meanwhile.
            "none" => continue,
            other => panic!("{key} is a {other}, which this test cannot read"),
        };
        let value: redis::Value = redis::cmd(read).arg(&key).arg(range).query_async(&mut redis).await.unwrap();
        if tells(key.as_bytes(), text) || says(&value, text) {
            places.insert(kind);
        }
    }
    for name in program.own.list_collection_names().await.unwrap() {
        let mut all = program.own.collection::<RawDocumentBuf>(&name).find(doc! {}).await.unwrap();
        while all.advance().await.unwrap() {
            if tells(all.current().as_bytes(), text) {
                places.insert(name.clone());
            }
        }
    }
    places
}

/// What a page asks when it is opened within the browser.
fn loads() -> Vec<PageRequest> {
    let list = |of| PageRequest::List { of, selection: Selection::default(), min_position: None, min_ct: 0 };
    let others = [
        PageRequest::Context,
        PageRequest::Activity { of: "all".to_owned(), before: None },
        PageRequest::Analytics { query: "last=7d&by=day&against=before&zone=UTC".to_owned(), currency: None },
        PageRequest::Report { query: "last=7d&by=client".to_owned() },
        PageRequest::System,
    ];
    Collection::ALL.map(list).into_iter().chain(others).collect()
}

/// A server whose operator writes documents of any kind, and clients that hear everything of it.
struct Subject {
    program: Program,
    names: Names,
    cookie: String,
    /// One for each form of the frames.
    ears: [Ears; 2],
    _settings: TempDir,
}

impl Subject {
    async fn start(names: Names) -> Self {
        let settings = tempfile::tempdir().unwrap();
        let program = match names {
            Names::Ours => Program::start(&[]).await,
            Names::Theirs => {
                let file = settings.path().join("Leptos.toml");
                let mapping = Collection::ALL.map(|collection| theirs::definition(collection).to_toml(collection));
                fs::write(&file, mapping.concat()).unwrap();
                let file = ("SETTINGS", file.display().to_string());
                Program::started(&[file], &SERVE.replace("serve", "--config \"$SETTINGS\" serve")).await
            }
        };
        support::collections_with_images(&program.db).await;
        let cookie = program.enter().await;
        let ears = [JSON, COMPACT].map(|form| Ears::open(program.port(), &cookie, form));
        Self { program, names, cookie, ears, _settings: settings }
    }

    /// Returns the answer, for which it waits if the account asks for more than it may, as this test does.
    async fn answer(&self, path: &str, body: Option<&str>) -> Answer {
        let asked = async {
            loop {
                let answer = match body {
                    None => get(self.program.port(), path, &self.cookie).await,
                    Some(body) => send(self.program.port(), path, &self.cookie, "application/json", body).await,
                };
                let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
                if answer.status != 429 {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(UP, asked).await.expect("whoever waits is answered")
    }

    /// Checks that the stream goes on behind what was written, that everybody is answered, and that nothing which is
    /// not read is told or kept.
    async fn goes_on(&mut self, rng: &mut ChaCha8Rng, round: usize) {
        // Its id is in nobody's document.
        let mark = format!("last-{round}-");
        let last = doc! {"client_id": &mark, "created_at": DateTime::MAX};
        let mut last = self.names.of(rng, Collection::Clients, last);
        last.insert(NICK, format!("nick-{round}-"));
        self.program.db.collection::<Document>("clients").insert_one(last).await.unwrap();
        let list = format!("/api/v1/snapshot/clients?client={mark}");
        until(UP, "the last document in its list", || async {
            let answer = get(self.program.port(), &list, &self.cookie).await;
            answer.is_ok_and(|answer| {
                let shown = answer.body.contains(&format!("nick-{round}-"));
                answer.body.contains("\"id\"") && shown == (self.names == Names::Theirs)
            })
        })
        .await;
        for path in everything() {
            let answer = self.answer(&path, None).await;
            let expected = if path == "/no/such/page" { 404 } else { 200 };
            let leads_on = ["/users", "/audit", "/confirm", "/login"].iter().any(|of| path.starts_with(of));
            let right = answer.status == expected || leads_on && answer.status == 303;
            assert!(right, "{path}: {} {}", answer.status, answer.body);
            for part in [answer.head, answer.body] {
                assert!(!tells(part.as_bytes(), CANARY), "{path} tells what is not read: {part}");
            }
        }
        for ask in loads() {
            let ask = serde_json::json!({ "ask": ask }).to_string();
            let answer = self.answer("/api/page/load", Some(&ask)).await;
            assert_eq!(answer.status, 200, "{ask}: {}", answer.body);
            assert!(!tells(answer.body.as_bytes(), CANARY), "{ask} tells what is not read: {}", answer.body);
        }
        for ears in &mut self.ears {
            for frame in ears.until(&mark).await {
                let form = ears.form;
                assert!(!tells(frame.as_bytes(), CANARY), "a frame of {form} tells what is not read: {frame}");
            }
        }
        // The same search finds what is kept, and so it would find the canary.
        until(UP, "the last document in Redis' log and among the events", || async {
            let places = kept_in(&self.program, &mark).await;
            ["stream", "events"].iter().all(|place| places.contains(*place))
        })
        .await;
        assert_eq!(kept_in(&self.program, CANARY).await, BTreeSet::new(), "what is not read is kept");
        let metrics = metrics(self.program.port()).await.unwrap();
        assert!(metrics.status == 200 && !tells(metrics.body.as_bytes(), CANARY), "{}", metrics.body);
    }
}

/// Writes documents that have these names and checks what comes of them, round after round.
async fn write_anything(names: Names, first: Vec<Document>) {
    let mut rng = chance("documents");
    let mut subject = Subject::start(names).await;
    let mut replay = Round::default();
    for command in first {
        let shown = command.to_string();
        assert!(replay.write(&subject.program.db, command).await, "MongoDB refuses {shown}");
    }
    subject.goes_on(&mut rng, 0).await;
    drop(replay);
    let (began, mut ids) = (Instant::now(), Vec::new());
    let mut rounds = 0;
    while began.elapsed() < duration() || rounds < 2 {
        rounds += 1;
        let mut round = Round::default();
        for _ in 0..40 {
            let (command, id) = command(&mut rng, names, &ids);
            if round.write(&subject.program.db, command).await {
                ids.extend(id);
            }
        }
        subject.goes_on(&mut rng, rounds).await;
    }
    let log = subject.program.log();
    assert!(!log.contains("panicked") && !tells(log.as_bytes(), CANARY), "{log}");
    let peak = subject.program.peak_memory();
    assert!(peak < MEMORY_MAX, "{} MiB", peak >> 20);
    println!("documents: {rounds} rounds, {} inserted, {} MiB", ids.len(), peak >> 20);
    assert!(ids.len() > 20, "{rounds} rounds, {} documents", ids.len());
}

#[tokio::test]
async fn documents_of_any_kind_stop_nothing_and_tell_no_more_than_is_read() {
    write_anything(Names::Ours, found()).await;
}

#[tokio::test]
async fn documents_with_an_operators_own_names_tell_no_more_than_is_mapped_or_shown() {
    write_anything(Names::Theirs, Vec::new()).await;
}

#[test]
fn a_canary_is_found_however_it_is_escaped() {
    let base64 = |before: &str| {
        let bytes = format!("{before}{CANARY} after").into_bytes();
        Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes }).into_canonical_extjson().to_string()
    };
    let told = [
        format!("\u{0}<{CANARY}>"),
        CANARY.replace('c', "\\u0063"),
        CANARY.replace('-', "\\\\u002d"),
        CANARY.replace('-', "&amp;#45;").replace('7', "&#x37;"),
        CANARY.replace('-', "%2D"),
        CANARY.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")),
        base64(""),
        base64("x"),
        base64("xy"),
    ];
    for told in told {
        assert!(tells(told.as_bytes(), CANARY), "{told}");
    }
    for other in ["", "canary-77", "canary\\n77ab", "%", "&#;", "\\u00", "&amp;"] {
        assert!(!tells(other.as_bytes(), CANARY), "{other}");
    }
}
