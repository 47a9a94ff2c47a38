//! Writes entries, and creates the collection with its indexes.

use std::time::Duration;

use bson::{Document, doc};
use futures_util::{FutureExt, TryStreamExt, future::BoxFuture};
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::Result,
    options::{CollectionOptions, TransactionOptions, WriteConcern},
};

use super::AuditEntry;
use crate::server::auth::{Unavailable, unavailable::TIMEOUT};
use crate::server::mongo::error_code;

/// The collection's name in our own database.
pub const COLLECTION: &str = "audit_log";

/// Time limit for a change with its entry, retries included.
const CHANGE_WITHIN: Duration = Duration::from_secs(10);

const UNAUTHORIZED: i32 = 13;
const NAMESPACE_EXISTS: i32 = 48;
const INDEX_OPTIONS_CONFLICT: i32 = 85;

/// The log; clones share everything.
#[derive(Clone, Debug)]
pub struct AuditLog {
    database: Database,
    pub(super) entries: Collection<Document>,
}

impl AuditLog {
    pub fn new(own_db: &Database) -> Self {
        // Majority, because an entry that a failover rolls back would leave an access unrecorded.
        let options = CollectionOptions::builder().write_concern(WriteConcern::majority()).build();
        Self { database: own_db.clone(), entries: own_db.collection_with_options(COLLECTION, options) }
    }

    /// Writes an entry. Call it before the answer is given.
    ///
    /// # Errors
    /// MongoDB is away; then the recorded event must not happen.
    pub async fn record(&self, entry: &AuditEntry) -> std::result::Result<(), Unavailable> {
        let document = entry.document().map_err(mongodb::error::Error::from)?;
        tokio::time::timeout(TIMEOUT, self.entries.insert_one(document).into_future())
            .await
            .map_err(|_| Unavailable::MongoTimeout)??;
        Ok(())
    }

    /// Makes a change and writes its entry in one transaction: both, or neither.
    ///
    /// `change` makes the change with the session and returns its result with the entry. It returns `None` if there
    /// was nothing to change, and then no entry is written. It is called again when MongoDB asks for a retry, so it
    /// must return MongoDB's errors as they are. `context` holds what `change` needs, because the compiler does not
    /// let it borrow that.
    ///
    /// # Errors
    /// MongoDB is away, or `change` fails. Nothing was changed, unless only the answer to the commit was lost.
    pub async fn with_change<C, T, F>(&self, context: C, change: F) -> std::result::Result<Option<T>, Unavailable>
    where
        C: Send,
        T: Send,
        F: Send + for<'a> FnMut(&'a mut ClientSession, &'a mut C) -> BoxFuture<'a, Result<Option<(T, AuditEntry)>>>,
    {
        let transaction = async {
            let mut session = self.database.client().start_session().await?;
            let options = TransactionOptions::builder().write_concern(WriteConcern::majority()).build();
            let transaction = session.start_transaction().with_options(options);
            transaction
                .and_run((context, change, self.entries.clone()), |session, (context, change, entries)| {
                    async move {
                        let Some((done, entry)) = change(session, context).await? else { return Ok(None) };
                        entries.insert_one(entry.document()?).session(session).await?;
                        Ok(Some(done))
                    }
                    .boxed()
                })
                .await
        };
        Ok(tokio::time::timeout(CHANGE_WITHIN, transaction).await.map_err(|_| Unavailable::MongoTimeout)??)
    }

    /// Creates the collection and its indexes. MongoDB removes entries older than `keep`; a changed `keep` also
    /// applies to existing entries. Where MongoDB lets us only write and read entries, someone else has created all
    /// that, and we only log a different retention.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn prepare(&self, keep: Duration) -> Result<()> {
        match self.make(keep).await {
            Err(error) if error_code(&error) == Some(UNAUTHORIZED) => {
                let kept = self.kept().await?;
                if kept != Some(keep) {
                    tracing::warn!(
                        kept_s = kept.map(|kept| kept.as_secs()),
                        wanted_s = keep.as_secs(),
                        "the audit log is not kept as long as set, and this server may not change that: docs/security.md has the commands"
                    );
                }
                Ok(())
            }
            other => other,
        }
    }

    async fn make(&self, keep: Duration) -> Result<()> {
        match self.database.create_collection(COLLECTION).await {
            Err(error) if error_code(&error) == Some(NAMESPACE_EXISTS) => {}
            other => other?,
        }
        match self.database.run_command(create_indexes(keep)).await {
            Err(error) if error_code(&error) == Some(INDEX_OPTIONS_CONFLICT) => {
                self.database.run_command(keep_for(keep)).await?;
                // The conflict kept MongoDB from making any of the other indexes.
                self.database.run_command(create_indexes(keep)).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    /// After what time MongoDB removes entries; `None` means never.
    ///
    /// # Errors
    /// MongoDB is away, or there is no log yet.
    pub async fn kept(&self) -> Result<Option<Duration>> {
        let indexes: Vec<IndexModel> = self.entries.list_indexes().await?.try_collect().await?;
        Ok(indexes.into_iter().find_map(|index| index.options?.expire_after))
    }
}

/// The command that creates the indexes: the TTL index that removes entries older than `keep`, and those of the
/// page's filters, each of which continues with the order in which entries are shown.
pub fn create_indexes(keep: Duration) -> Document {
    let shown = |filter: Option<&str>| {
        let mut key: Document = filter.map(|field| (field.to_owned(), 1.into())).into_iter().collect();
        key.extend(doc! {"at": -1, "_id": -1});
        doc! {"name": filter.unwrap_or("shown"), "key": key}
    };
    let ends = doc! {"name": "ends", "key": {"at": 1}, "expireAfterSeconds": seconds(keep)};
    let filters = ["action", "result", "actor.email", "subject.email"].map(Some);
    let indexes: Vec<Document> = [None].into_iter().chain(filters).map(shown).chain([ends]).collect();
    doc! {"createIndexes": COLLECTION, "indexes": indexes}
}

/// The command that changes how long entries are kept.
pub fn keep_for(keep: Duration) -> Document {
    doc! {"collMod": COLLECTION, "index": {"keyPattern": {"at": 1}, "expireAfterSeconds": seconds(keep)}}
}

fn seconds(keep: Duration) -> i64 {
    i64::try_from(keep.as_secs()).unwrap_or(i64::MAX)
}
