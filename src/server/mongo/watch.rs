//! The change stream on the operator's database, and what its events say.
//!
//! Long, because what is asked of the stream, what it answers and why it fails follow from each other.

use std::time::Duration;

use bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use mongodb::{
    change_stream::{ChangeStream, event::ResumeToken},
    error::{Error, ErrorKind, Result},
    options::{ChangeStreamOptions, FullDocumentBeforeChangeType, FullDocumentType},
};

use super::{Mongo, documents};
use crate::{
    domain::{
        collections::Collection,
        fields::Fields,
        ids::DocId,
        protocol::{log::Read, position::ClusterTime},
        time::UtcMs,
    },
    guards::guarded,
    server::mapping::Mapping,
};

/// How long MongoDB waits for news before it answers with none. Also the longest time until the end of a transaction
/// is recognised.
const AWAIT: Duration = Duration::from_millis(100);
/// Maximum number of events in an answer of MongoDB. Otherwise MongoDB would fill 16 MB in a backlog, and stand still
/// until they are read.
pub const BATCH: u32 = 512;

/// Maximum bytes of what varies in an answer with one event. MongoDB's limit is 16 MiB; the rest is for all that is
/// small.
const ANSWER_MAX: i32 = (16 << 20) - (64 << 10);
/// The event's field of its document's `_id`.
const KEY: &str = "documentKey";
/// The event's fields of its document before and after.
const IMAGES: [&str; 2] = ["fullDocument", "fullDocumentBeforeChange"];
/// Why all rows of a collection are read anew after a change of which nobody knows the row.
const UNREADABLE: &str = "a change that cannot be read";

/// Where a change stream begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// After the event of this token (`_data`, hexadecimal).
    After(String),
    /// With the first event later than this.
    Later(ClusterTime),
}

/// One event of the stream. Every one takes a number in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Resume token. MongoDB's tokens sort in the order of the events.
    pub token: String,
    pub ct: ClusterTime,
    /// MongoDB's wall clock; the second of `ct` if the server sends none.
    pub at: UtcMs,
    /// Belongs to a transaction, whose end is not known from this event.
    pub txn: bool,
    pub kind: EventKind,
}

#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every event is a row")]
pub enum EventKind {
    Row {
        collection: Collection,
        id: DocId,
        /// The document's `_id`, as in [`documents::Id`].
        key: Option<Bson>,
        images: Images,
        /// The row as it was read later, if its images are missing, or those of a change nearby.
        read: Option<Read>,
    },
    /// The collections' rows can no longer be followed one by one.
    Reset { collection: Collection, also: Option<Collection>, reason: &'static str },
    /// The stream ends here for good.
    Invalidate,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Images {
    Inserted(Fields),
    Updated {
        before: Fields,
        after: Fields,
    },
    /// `before` is `None` if there is no image of it.
    Deleted {
        before: Option<Fields>,
    },
    /// Images are switched off, expired, or too large.
    Missing,
}

/// Opens the stream. Its answers have at most `batch` events.
///
/// # Errors
/// See [`StreamFailure`].
pub async fn open(mongo: &Mongo, start: &Start, batch: u32) -> Result<ChangeStream<RawDocumentBuf>> {
    let options = ChangeStreamOptions::builder()
        .full_document(FullDocumentType::WhenAvailable)
        .full_document_before_change(FullDocumentBeforeChangeType::WhenAvailable)
        .max_await_time(AWAIT)
        .batch_size(batch);
    let options = match start {
        Start::After(token) => options.start_after(resume_token(token)?).build(),
        Start::Later(ct) => {
            let next = ClusterTime(ct.0.saturating_add(1));
            options.start_at_operation_time(next.timestamp()).build()
        }
    };
    Ok(mongo.operator.watch().pipeline(pipeline(&mongo.mapping)).with_options(options).await?.with_type())
}

/// Checks that a stream never goes back.
///
/// A driver that loses its connection resumes after the last token. If the connection is lost again during that
/// request, version 3.9 retries without the token, because the first try has taken it along
/// (`ChangeStreamAggregate::build`). The stream then starts where it was opened, and read events come again.
pub struct Onward(String);

impl Onward {
    /// Expects events after `start`.
    pub fn from(start: &Start) -> Self {
        Self(match start {
            Start::After(token) => token.clone(),
            Start::Later(_) => String::new(),
        })
    }

    /// Whether an event with this token is new.
    pub fn event(&mut self, token: &str) -> bool {
        let new = token > self.0.as_str();
        token.clone_into(&mut self.0);
        guarded!(StreamOnward: new, else true)
    }

    /// Whether a stream that has nothing more at this token has not gone back.
    pub fn is_at(&self, token: &str) -> bool {
        guarded!(StreamOnward: token >= self.0.as_str(), else true)
    }
}

/// Whether a stream that begins now works.
///
/// # Errors
/// If it does not.
pub async fn try_now(mongo: &Mongo) -> Result<()> {
    let now = Start::Later(mongo.operation_time().await?);
    open(mongo, &now, 1).await?.next_if_any().await.map(drop)
}

/// What a failure says of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFailure {
    /// MongoDB or a right is missing. The same question may work later.
    Away,
    /// The stream cannot be continued from its token.
    HistoryLost,
    /// The next event is of a form that we cannot read, whenever it is asked for.
    Unreadable,
    /// MongoDB failed while it worked, perhaps because of what stands in the next event.
    Refused,
}

impl StreamFailure {
    /// What an error says. Skipping an event loses it, so an error that is not known to come from data is
    /// [`Self::Away`].
    pub fn of(error: &Error) -> Self {
        let ErrorKind::Command(command) = &*error.kind else { return Self::Away };
        match command.code {
            // ChangeStreamHistoryLost, ChangeStreamFatalError, InvalidResumeToken, CappedPositionLost
            286 | 280 | 260 | 136 => Self::HistoryLost,
            // InternalError, BadValue, NoSuchKey, UnknownError, FailedToParse, TypeMismatch, Overflow, InvalidBSON,
            // InvalidUUID, KeyNotFound
            1 | 2 | 4 | 8 | 9 | 14 | 15 | 22 | 207 | 211 => Self::Refused,
            // BSONObjectTooLarge. An event's token holds the `_id` at twice its length, and an answer ends with the token
            // of its last event. Such an event may pass once MongoDB has written anything behind it.
            10_334 => Self::Refused,
            // MongoDB calls an assertion by its place in the source. What has to do with connections, elections,
            // rights, time and load has a name.
            _ if command.code_name.starts_with("Location") => Self::Refused,
            _ => Self::Away,
        }
    }

    /// Whether what is stored may be to blame.
    pub const fn is_of_data(self) -> bool {
        matches!(self, Self::Unreadable | Self::Refused)
    }
}

/// The token's text.
///
/// # Errors
/// If the token has another form than MongoDB's since 4.2.
pub fn token_text(token: &ResumeToken) -> Result<String> {
    let document = bson::serialize_to_document(token).map_err(Error::custom)?;
    document.get_str("_data").map(str::to_owned).map_err(|_| Error::custom("a resume token of unknown form"))
}

fn resume_token(text: &str) -> Result<ResumeToken> {
    bson::deserialize_from_document(doc! {"_data": text}).map_err(Error::custom)
}

/// Events are named one by one, so that a server upgrade cannot change the numbering. A collection is also touched when
/// another is renamed onto it (as `$out` does).
fn pipeline(mapping: &Mapping) -> Vec<Document> {
    let names: Vec<_> = Collection::ALL.iter().map(|c| c.name()).collect();
    let kinds = ["insert", "update", "replace", "delete", "drop", "rename", "dropDatabase", "invalidate"];
    let matching = doc! {"$match": {
        "operationType": {"$in": kinds.as_slice()},
        "$or": [
            {"ns.coll": {"$in": &names}},
            {"to.coll": {"$in": &names}},
            {"operationType": {"$in": ["dropDatabase", "invalidate"]}},
        ],
    }};
    let mut shown = doc! {
        "operationType": 1, "ns": 1, "to": 1, "clusterTime": 1, "wallTime": 1, KEY: 1, "txnNumber": 1,
    };
    for field in mapping.paths(&Collection::ALL) {
        shown.extend(IMAGES.map(|image| (format!("{image}.{field}"), Bson::Int32(1))));
    }
    let [after, before] = IMAGES;
    let fits = doc! {"key": fits(&[KEY]), "images": fits(&[KEY, after, before])};
    let only_if = |fits: &str, field: &str| doc! {"$cond": [fits, format!("${field}"), "$$REMOVE"]};
    let fitting = doc! {
        KEY: only_if("$fits.key", KEY),
        after: only_if("$fits.images", after),
        before: only_if("$fits.images", before),
        "fits": "$$REMOVE",
    };
    vec![matching, doc! {"$project": shown}, doc! {"$set": {"fits": fits}}, doc! {"$set": fitting}]
}

/// Whether MongoDB can send an event with these fields. One that is too large would stop the stream for ever. The
/// token counts twice, because an answer ends with the token of its last event.
///
/// `$changeStreamSplitLargeEvent` is no help: it repeats the token in each fragment, so it fails at long `_id`s
/// earlier than this does (MongoDB's SERVER-91313).
fn fits(fields: &[&str]) -> Document {
    let token = doc! {"$strLenBytes": "$_id._data"};
    let size = |field: &&str| doc! {"$bsonSize": {"$ifNull": [format!("${field}"), {}]}};
    let sizes: Vec<Document> = [token.clone(), token].into_iter().chain(fields.iter().map(size)).collect();
    doc! {"$lte": [{"$add": sizes}, ANSWER_MAX]}
}

impl Event {
    /// Parses an event, whose documents are read with `mapping`.
    ///
    /// # Errors
    /// If a part is missing that every event has.
    pub fn read(mapping: &Mapping, raw: &RawDocument) -> Result<Self> {
        let missing = || Error::custom("a change event of unknown form");
        let document = |name: &str| raw.get_document(name).ok();
        let token = document("_id").and_then(|id| id.get_str("_data").ok()).ok_or_else(missing)?.to_owned();
        let time = raw.get_timestamp("clusterTime").map_err(|_| missing())?;
        let ct = ClusterTime::new(time.time, time.increment);
        let at = raw.get_datetime("wallTime").map_or(ct.instant(), |t| UtcMs(t.timestamp_millis()));
        let txn = matches!(raw.get("txnNumber"), Ok(Some(_)));
        let name = |part: &str| {
            document(part).and_then(|ns| ns.get_str("coll").ok()).and_then(|c| c.parse::<Collection>().ok())
        };
        let (ns, to) = (name("ns"), name("to"));
        let operation = raw.get_str("operationType").map_err(|_| missing())?;
        let kind = match operation {
            "invalidate" | "dropDatabase" => EventKind::Invalidate,
            "drop" | "rename" => {
                let reason = if operation == "drop" { "dropped" } else { "renamed" };
                let collection = ns.or(to).ok_or_else(missing)?;
                EventKind::Reset { collection, also: to.filter(|to| *to != collection), reason }
            }
            _ => {
                let collection = ns.ok_or_else(missing)?;
                match (document(KEY).and_then(documents::id), images(mapping, collection, operation, raw)) {
                    // The event does not hold its row, and MongoDB cannot be asked for it.
                    (None, _) | (Some(documents::Id { key: None, .. }), Images::Missing) => {
                        EventKind::Reset { collection, also: None, reason: UNREADABLE }
                    }
                    (Some(id), images) => EventKind::Row { collection, id: id.text, key: id.key, images, read: None },
                }
            }
        };
        Ok(Self { token, ct, at, txn, kind })
    }

    /// Gives up the row of a change, because MongoDB fails at it.
    pub fn give_up(&mut self) {
        if let EventKind::Row { collection, .. } = self.kind {
            self.kind = EventKind::Reset { collection, also: None, reason: UNREADABLE };
        }
    }
}

fn images(mapping: &Mapping, collection: Collection, operation: &str, raw: &RawDocument) -> Images {
    let image = |name: &str| match raw.get(name) {
        Ok(Some(RawBsonRef::Document(image))) => Some(documents::fields(mapping, collection, image)),
        _ => None,
    };
    let [after, before] = IMAGES.map(image);
    match (operation, before, after) {
        ("insert", _, Some(after)) => Images::Inserted(after),
        ("delete", before, _) => Images::Deleted { before },
        ("update" | "replace", Some(before), Some(after)) => Images::Updated { before, after },
        _ => Images::Missing,
    }
}

#[cfg(test)]
impl Event {
    /// The insert of station `n`. Its token is its number.
    pub fn of_new_station(n: usize, ct: ClusterTime, txn: bool) -> Self {
        Self {
            token: n.to_string(),
            ct,
            at: UtcMs(0),
            txn,
            kind: EventKind::Row {
                collection: Collection::Stations,
                id: DocId(n.to_string()),
                key: None,
                images: Images::Inserted(Fields::new()),
                read: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::{Binary, Decimal128, oid::ObjectId, spec::BinarySubtype};
    use proptest::prelude::*;

    use super::*;

    fn event(extra: Document) -> Event {
        let mut event = doc! {
            "_id": {"_data": "82"}, "clusterTime": bson::Timestamp { time: 7, increment: 1 }, "ns": {"db": "x", "coll": "stations"},
            "documentKey": {"_id": 1},
        };
        event.extend(extra);
        Event::read(&Mapping::default(), &RawDocumentBuf::try_from(&event).unwrap()).unwrap()
    }

    #[test]
    fn only_errors_that_may_come_from_data_count_against_an_event() {
        let failure = |code: i32, name: &str| {
            let answer = doc! {"code": code, "codeName": name, "errmsg": ""};
            StreamFailure::of(&ErrorKind::Command(bson::deserialize_from_document(answer).unwrap()).into())
        };
        for (code, name, expected) in [
            (286, "ChangeStreamHistoryLost", StreamFailure::HistoryLost),
            (280, "ChangeStreamFatalError", StreamFailure::HistoryLost),
            (260, "InvalidResumeToken", StreamFailure::HistoryLost),
            (136, "CappedPositionLost", StreamFailure::HistoryLost),
            (10_334, "BSONObjectTooLarge", StreamFailure::Refused),
            // An `_id` whose token is too long a text by itself.
            (16_493, "Location16493", StreamFailure::Refused),
            (8, "UnknownError", StreamFailure::Refused),
            (14, "TypeMismatch", StreamFailure::Refused),
            (6_148_000, "Location6148000", StreamFailure::Refused),
            // Rights
            (13, "Unauthorized", StreamFailure::Away),
            (18, "AuthenticationFailed", StreamFailure::Away),
            (391, "ReauthenticationRequired", StreamFailure::Away),
            // Connections, and what is asked for again
            (6, "HostUnreachable", StreamFailure::Away),
            (43, "CursorNotFound", StreamFailure::Away),
            (89, "NetworkTimeout", StreamFailure::Away),
            (133, "FailedToSatisfyReadPreference", StreamFailure::Away),
            (134, "ReadConcernMajorityNotAvailableYet", StreamFailure::Away),
            (234, "RetryChangeStream", StreamFailure::Away),
            (237, "CursorKilled", StreamFailure::Away),
            (9001, "SocketException", StreamFailure::Away),
            (11_601, "Interrupted", StreamFailure::Away),
            (13_388, "StaleConfig", StreamFailure::Away),
            // Elections and ends
            (91, "ShutdownInProgress", StreamFailure::Away),
            (189, "PrimarySteppedDown", StreamFailure::Away),
            (10_058, "LegacyNotPrimary", StreamFailure::Away),
            (10_107, "NotWritablePrimary", StreamFailure::Away),
            (11_600, "InterruptedAtShutdown", StreamFailure::Away),
            (11_602, "InterruptedDueToReplStateChange", StreamFailure::Away),
            (13_435, "NotPrimaryNoSecondaryOk", StreamFailure::Away),
            (13_436, "NotPrimaryOrSecondary", StreamFailure::Away),
            // Time and load
            (50, "MaxTimeMSExpired", StreamFailure::Away),
            (146, "ExceededMemoryLimit", StreamFailure::Away),
            (202, "NetworkInterfaceExceededTimeLimit", StreamFailure::Away),
            (262, "ExceededTimeLimit", StreamFailure::Away),
            (462, "IngressRequestRateLimitExceeded", StreamFailure::Away),
            (14_031, "OutOfDiskSpace", StreamFailure::Away),
            (16_500, "TooManyRequests", StreamFailure::Away),
            // A code of a later version
            (999, "SomethingNew", StreamFailure::Away),
        ] {
            assert_eq!(failure(code, name), expected, "{name}");
        }
        assert_eq!(StreamFailure::of(&Error::custom("the driver lost its place")), StreamFailure::Away);
    }

    #[test]
    fn a_change_without_its_id_is_a_reset() {
        let event = doc! {
            "_id": {"_data": "82"}, "clusterTime": bson::Timestamp { time: 7, increment: 1 },
            "ns": {"db": "x", "coll": "stations"}, "operationType": "insert",
        };
        let read = Event::read(&Mapping::default(), &RawDocumentBuf::try_from(&event).unwrap()).unwrap();
        assert!(matches!(read.kind, EventKind::Reset { collection: Collection::Stations, also: None, .. }), "{read:?}");
    }

    #[test]
    fn a_missing_image_is_told() {
        let images = |extra| match event(extra).kind {
            EventKind::Row { images, .. } => images,
            other => panic!("{other:?}"),
        };
        let after = doc! {"operationType": "update", "fullDocument": {"name": "a"}};
        assert_eq!(images(after.clone()), Images::Missing);
        let mut both = after;
        both.insert("fullDocumentBeforeChange", doc! {});
        assert!(matches!(images(both), Images::Updated { .. }));
        assert_eq!(images(doc! {"operationType": "delete"}), Images::Deleted { before: None });
    }

    #[test]
    fn a_rename_onto_a_watched_collection_resets_it() {
        let renamed = event(
            doc! {"operationType": "rename", "ns": {"db": "x", "coll": "tmp"}, "to": {"db": "x", "coll": "payments"}},
        );
        assert_eq!(renamed.kind, EventKind::Reset { collection: Collection::Payments, also: None, reason: "renamed" });
        let both = event(doc! {"operationType": "rename", "to": {"db": "x", "coll": "payments"}});
        assert!(matches!(both.kind, EventKind::Reset { also: Some(Collection::Payments), .. }));
    }

    /// A value of any kind, up to four levels deep.
    fn value() -> impl Strategy<Value = Bson> {
        let leaf = prop_oneof![
            Just(Bson::Null),
            Just(Bson::Undefined),
            Just(Bson::MinKey),
            any::<bool>().prop_map(Bson::from),
            any::<i32>().prop_map(Bson::from),
            any::<i64>().prop_map(Bson::from),
            any::<f64>().prop_map(Bson::from),
            any::<i64>().prop_map(|ms| bson::DateTime::from_millis(ms).into()),
            any::<(u32, u32)>().prop_map(|(time, increment)| bson::Timestamp { time, increment }.into()),
            any::<[u8; 12]>().prop_map(|bytes| ObjectId::from_bytes(bytes).into()),
            any::<[u8; 16]>().prop_map(|bytes| Decimal128::from_bytes(bytes).into()),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| Binary {
                subtype: BinarySubtype::Generic,
                bytes
            }
            .into()),
            ".{0,8}".prop_map(Bson::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let name =
                prop_oneof![Just("_id"), Just("_data"), Just("coll"), Just("name"), Just("evses"), Just("status")];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Bson::from),
                prop::collection::vec((name, inner), 0..4).prop_map(|all| Bson::Document(
                    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
                )),
            ]
        })
    }

    /// An event of which some parts are missing, or any value.
    fn any_event() -> impl Strategy<Value = Document> {
        let parts = doc! {
            "_id": {"_data": "82"}, "operationType": "update", "clusterTime": bson::Timestamp { time: 7, increment: 1 },
            "wallTime": bson::DateTime::from_millis(7), "ns": {"db": "x", "coll": "stations"},
            "to": {"db": "x", "coll": "payments"}, "documentKey": {"_id": 1}, "txnNumber": 1_i64,
            "fullDocument": {"name": "a"}, "fullDocumentBeforeChange": {"name": "b"},
        };
        let kinds = ["insert", "update", "replace", "delete", "drop", "rename", "dropDatabase", "invalidate", "other"];
        let odd = prop::collection::vec((0..parts.len(), prop::option::of(value())), 0..3);
        (prop::sample::select(kinds.to_vec()), odd).prop_map(move |(kind, odd)| {
            let mut event = parts.clone();
            event.insert("operationType", kind);
            for (place, value) in odd {
                let name = parts.keys().nth(place).map(String::as_str).unwrap_or_default();
                match value {
                    Some(value) => drop(event.insert(name, value)),
                    None => drop(event.remove(name)),
                }
            }
            event
        })
    }

    proptest! {
        /// Whatever MongoDB sends is an event with its token, or an error: nothing ends the relay.
        #[test]
        fn any_document_is_an_event_or_an_error(
            event in any_event(), flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)
        ) {
            let raw = RawDocumentBuf::try_from(&event).unwrap();
            if let Ok(read) = Event::read(&Mapping::default(), &raw) {
                prop_assert_eq!(Some(read.token.as_str()), event.get_document("_id").ok().and_then(|id| id.get_str("_data").ok()));
            }
            let mut bytes = raw.into_bytes();
            for (place, byte) in flips {
                // The length and the last byte stay, or it would be no document at all.
                let place = 4 + place.index(bytes.len() - 5);
                bytes[place] = byte;
            }
            let spoiled = RawDocumentBuf::from_bytes(bytes).unwrap();
            drop(Event::read(&Mapping::default(), &spoiled));
        }

        #[test]
        fn any_bytes_are_an_event_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let length = i32::try_from(bytes.len() + 5).unwrap();
            let document = [&length.to_le_bytes()[..], &bytes, &[0]].concat();
            drop(Event::read(&Mapping::default(), &RawDocumentBuf::from_bytes(document).unwrap()));
        }
    }
}
