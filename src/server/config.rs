//! The settings at start: from `Leptos.toml` `[chargedeck.*]`, and from the environment, which wins.
//!
//! Every wrong setting is collected, and all are reported at once. Nothing here opens a connection. [`KEYS`] is the
//! table of settings; `[chargedeck.fields]` stands beside it, in the file only.

mod error;
mod fields;
mod parse;
mod proxies;
mod sources;

pub use error::DEFAULT_FILE;

use std::{collections::BTreeMap, io, net::SocketAddr, path::Path, time::Duration};

use jiff::tz::TimeZone;
use secrecy::SecretString;

use crate::{domain::money::Currency, server::mapping::Mapping};
pub use error::{SettingsError, SettingsErrors};
pub use parse::{DatabaseName, PublicOrigin};
pub use proxies::TrustedProxies;
use sources::{SettingKey, Sources};

/// Everything that `serve` and the other subcommands need to know before they connect.
#[derive(Clone, Debug)]
pub struct Settings {
    pub network: NetworkSettings,
    pub server: ServerSettings,
    pub mongo: MongoSettings,
    pub redis: RedisSettings,
}

/// The charging network as its staff know it.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    pub name: String,
    /// The time zone in which "today" begins and times are shown.
    pub time_zone: TimeZone,
    /// The currency in which a payment without one is counted.
    pub currency: Currency,
    /// A station that has not been heard for this long is shown as silent.
    pub silent_after: Duration,
}

#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Where the server listens.
    pub site_addr: SocketAddr,
    /// Where browsers reach it.
    pub public_origin: PublicOrigin,
    /// The proxies that are believed when a header names the client.
    pub trusted_proxies: TrustedProxies,
    /// Connections open at once.
    pub max_connections: usize,
    /// Connections open at once from an address that is no trusted proxy.
    pub max_connections_per_address: usize,
    /// Sockets that one user may have open at once, on each instance.
    pub max_sockets_per_user: usize,
    /// The most bytes of memory for what figures need of every document.
    pub engine_bytes: usize,
    /// How long a server that was asked to stop reports that it is not ready, before it closes.
    pub leave_within: Duration,
    /// Where metrics are served; `None`: nowhere.
    pub metrics_addr: Option<SocketAddr>,
}

#[derive(Clone, Debug)]
pub struct MongoSettings {
    pub uri: SecretString,
    /// The operator's database, which holds the collections.
    pub operator_db: DatabaseName,
    /// Our own: accounts, positions and everything else that the operator's database must not hold.
    pub own_db: DatabaseName,
    /// How long the past is kept as events, in our own database.
    pub keep_events: Duration,
    /// How long the audit log is kept.
    pub keep_audit: Duration,
    /// If set, nothing is written to the operator's database, whatever an admin asks for.
    pub read_only: bool,
    /// How the operator's documents are read.
    pub mapping: Mapping,
}

#[derive(Clone, Debug)]
pub struct RedisSettings {
    pub url: SecretString,
}

impl Settings {
    /// Reads the file (`Leptos.toml` of the working directory unless named) and the process's environment.
    /// Only a named file must exist, because a container may be configured by its environment alone.
    ///
    /// # Errors
    /// All wrong settings at once.
    pub fn load(path: Option<&Path>) -> Result<Self, SettingsErrors> {
        let file = path.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if path.is_none() && error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(SettingsError::file(file, &error).into()),
        };
        // A variable that is not Unicode cannot be any of ours.
        let env =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
        Self::from_sources(&text, &env)
    }

    /// The pure core of [`load`](Self::load).
    ///
    /// # Errors
    /// All wrong settings at once.
    pub fn from_sources(toml_text: &str, env: &BTreeMap<String, String>) -> Result<Self, SettingsErrors> {
        let mut sources = Sources::new(toml_text, env, &KEYS)?;
        let definitions = sources.definitions();
        let name = sources.read(&NETWORK_NAME, parse::name);
        let time_zone = sources.read(&TIME_ZONE, parse::time_zone);
        let currency = sources.read(&CURRENCY, parse::currency);
        let silent_after = sources.read(&SILENT_AFTER, parse::seconds);
        let site_addr = sources.read(&SITE_ADDR, parse::site_addr);
        let uri = sources.read(&MONGODB_URI, parse::mongodb_uri);
        let operator_db = sources.read(&OPERATOR_DB, parse::database_name);
        let own_db = sources.read(&OWN_DB, parse::own_database_name);
        let keep_events = sources.read(&KEEP_EVENTS, parse::days);
        let keep_audit = sources.read(&KEEP_AUDIT, parse::days);
        let read_only = sources.read(&READ_ONLY, parse::yes_or_no);
        let url = sources.read(&REDIS_URL, parse::redis_url);
        // If the listen address itself is wrong, only that is reported.
        let listening = site_addr.map_or_else(|| "http://localhost".into(), |addr| format!("http://{addr}"));
        let public_origin = sources.read_or(&PUBLIC_ORIGIN, &listening, parse::public_origin);
        let trusted_proxies = sources.read(&TRUSTED_PROXIES, TrustedProxies::parse);
        let max_connections = sources.read(&MAX_CONNECTIONS, parse::count);
        let max_connections_per_address = sources.read(&MAX_CONNECTIONS_PER_ADDRESS, parse::count);
        let max_sockets_per_user = sources.read(&MAX_SOCKETS_PER_USER, parse::count);
        let engine_bytes = sources.read(&ENGINE_MIB, parse::mebibytes);
        let leave_within = sources.read(&LEAVE_WITHIN, parse::grace);
        let metrics_addr = sources.read(&METRICS_ADDR, parse::metrics_addr);
        if let (Some(theirs), Some(ours)) = (&operator_db, &own_db)
            && theirs.same_as(ours)
        {
            sources.refuse(&OWN_DB, "must differ from MONGODB_DB: accounts are never kept in the operator's database");
        }
        let settings = (|| {
            let (time_zone, currency) = (time_zone?, currency?);
            let mapping = Mapping::new(definitions, &currency, &time_zone);
            Some(Self {
                network: NetworkSettings { name: name?, time_zone, currency, silent_after: silent_after? },
                server: ServerSettings {
                    site_addr: site_addr?,
                    public_origin: public_origin?,
                    trusted_proxies: trusted_proxies?,
                    max_connections: max_connections?,
                    max_connections_per_address: max_connections_per_address?,
                    max_sockets_per_user: max_sockets_per_user?,
                    engine_bytes: engine_bytes?,
                    leave_within: leave_within?,
                    metrics_addr: metrics_addr?,
                },
                mongo: MongoSettings {
                    uri: uri?,
                    operator_db: operator_db?,
                    own_db: own_db?,
                    keep_events: keep_events?,
                    keep_audit: keep_audit?,
                    read_only: read_only?,
                    mapping,
                },
                redis: RedisSettings { url: url? },
            })
        })();
        sources.finish(settings)
    }
}

const NETWORK_NAME: SettingKey =
    SettingKey::new("CHARGEDECK_NETWORK_NAME", "network", "name", Some("Charging network"));
// No default for these two, because a wrong zone or currency falsifies every figure of the day silently.
const TIME_ZONE: SettingKey = SettingKey::new("CHARGEDECK_TIME_ZONE", "network", "time_zone", None);
const CURRENCY: SettingKey = SettingKey::new("CHARGEDECK_CURRENCY", "network", "currency", None);
const SILENT_AFTER: SettingKey = SettingKey::new("CHARGEDECK_SILENT_AFTER_S", "network", "silent_after_s", Some("900"));
const SITE_ADDR: SettingKey = SettingKey::new("LEPTOS_SITE_ADDR", "server", "site_addr", Some("127.0.0.1:3000"));
const PUBLIC_ORIGIN: SettingKey = SettingKey::new("CHARGEDECK_PUBLIC_ORIGIN", "server", "public_origin", None);
const TRUSTED_PROXIES: SettingKey =
    SettingKey::new("CHARGEDECK_TRUSTED_PROXIES", "server", "trusted_proxies", Some("none"));
const MAX_CONNECTIONS: SettingKey =
    SettingKey::new("CHARGEDECK_MAX_CONNECTIONS", "server", "max_connections", Some("20000"));
const MAX_CONNECTIONS_PER_ADDRESS: SettingKey =
    SettingKey::new("CHARGEDECK_MAX_CONNECTIONS_PER_ADDRESS", "server", "max_connections_per_address", Some("1000"));
const MAX_SOCKETS_PER_USER: SettingKey =
    SettingKey::new("CHARGEDECK_MAX_SOCKETS_PER_USER", "server", "max_sockets_per_user", Some("100"));
const ENGINE_MIB: SettingKey = SettingKey::new("CHARGEDECK_ENGINE_MIB", "server", "engine_mib", Some("1024"));
const LEAVE_WITHIN: SettingKey = SettingKey::new("CHARGEDECK_LEAVE_WITHIN_S", "server", "leave_within_s", Some("5"));
const METRICS_ADDR: SettingKey = SettingKey::new("CHARGEDECK_METRICS_ADDR", "server", "metrics_addr", Some("off"));
const MONGODB_URI: SettingKey = SettingKey::new("MONGODB_URI", "mongo", "uri", Some("mongodb://127.0.0.1:27017"));
const OPERATOR_DB: SettingKey = SettingKey::new("MONGODB_DB", "mongo", "db", Some("chargedeck"));
const OWN_DB: SettingKey = SettingKey::new("CHARGEDECK_DB", "mongo", "own_db", Some("chargedeck_app"));
const KEEP_EVENTS: SettingKey = SettingKey::new("CHARGEDECK_KEEP_EVENTS_DAYS", "mongo", "keep_events_days", Some("35"));
const KEEP_AUDIT: SettingKey = SettingKey::new("CHARGEDECK_KEEP_AUDIT_DAYS", "mongo", "keep_audit_days", Some("400"));
const READ_ONLY: SettingKey = SettingKey::new("CHARGEDECK_READ_ONLY", "mongo", "read_only", Some("false"));
const REDIS_URL: SettingKey = SettingKey::new("REDIS_URL", "redis", "url", Some("redis://127.0.0.1:6379"));

/// All settings: environment variable, `[chargedeck.<table>]` key and default.
const KEYS: [SettingKey; 20] = [
    NETWORK_NAME,
    TIME_ZONE,
    CURRENCY,
    SILENT_AFTER,
    SITE_ADDR,
    PUBLIC_ORIGIN,
    TRUSTED_PROXIES,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    MAX_SOCKETS_PER_USER,
    ENGINE_MIB,
    LEAVE_WITHIN,
    METRICS_ADDR,
    MONGODB_URI,
    OPERATOR_DB,
    OWN_DB,
    KEEP_EVENTS,
    KEEP_AUDIT,
    READ_ONLY,
    REDIS_URL,
];

#[cfg(test)]
mod tests;
