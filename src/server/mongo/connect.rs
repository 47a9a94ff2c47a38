//! The handles to both databases: the operator's, which is watched, and our own.

use std::time::Duration;

use bson::{Document, doc};
use mongodb::{Client, Database, error::Result, options::ClientOptions};
use secrecy::ExposeSecret;

use crate::{
    domain::{protocol::position::ClusterTime, time::UtcMs},
    server::{config::MongoSettings, mapping::Mapping},
};

/// The longest that a command waits for a server to be found.
const SELECTION: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
pub struct Mongo {
    pub client: Client,
    pub operator: Database,
    pub own: Database,
    /// How the operator's documents are read.
    pub mapping: Mapping,
}

impl Mongo {
    /// Begins to connect in the background; whether MongoDB is there shows at the first command.
    ///
    /// # Errors
    /// If the URI is not one, or names hosts that cannot be resolved.
    pub async fn connect(settings: &MongoSettings) -> Result<Self> {
        let mut options = ClientOptions::parse(settings.uri.expose_secret()).await?;
        options.app_name.get_or_insert_with(|| "chargedeck".to_owned());
        options.server_selection_timeout.get_or_insert(SELECTION);
        options.connect_timeout.get_or_insert(SELECTION);
        let client = Client::with_options(options)?;
        let operator = client.database(settings.operator_db.as_str());
        let own = client.database(settings.own_db.as_str());
        Ok(Self { client, operator, own, mapping: settings.mapping.clone() })
    }

    /// MongoDB's operation time, which is the clock that defines "today".
    ///
    /// # Errors
    /// If MongoDB does not answer, or is no replica set.
    pub async fn operation_time(&self) -> Result<ClusterTime> {
        let reply: Document = self.operator.run_command(doc! {"ping": 1}).await?;
        let time = reply
            .get_timestamp("operationTime")
            .map_err(|_| mongodb::error::Error::custom("MongoDB tells no operation time: it must be a replica set"))?;
        Ok(ClusterTime::new(time.time, time.increment))
    }
}

impl ClusterTime {
    /// The instant in whole seconds; for display and for "today" only, never to order anything.
    pub const fn instant(self) -> UtcMs {
        UtcMs::from_seconds(self.seconds() as i64)
    }

    pub(crate) const fn timestamp(self) -> bson::Timestamp {
        bson::Timestamp { time: self.seconds(), increment: self.increment() }
    }
}
