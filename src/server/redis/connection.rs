//! The only way to Redis: a cheap handle that connects in the background and reconnects by itself, and the names of
//! our keys.
//!
//! While Redis is away every command fails within [`TIMEOUT`]; nothing waits for it to return.

use std::{io, sync::Arc, time::Duration};

use redis::{
    Client, IntoConnectionInfo, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSub},
    io::tcp::TcpSettings,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;

use super::subscription::Subscription;
use crate::server::config::DatabaseName;

/// The longest that connecting, or one command, may take. The client's own defaults (1 s and 500 ms) are short enough
/// to fail while a loaded Redis still works.
pub const TIMEOUT: Duration = Duration::from_secs(2);

/// How often the connection is tried. A Redis that is back stays unnoticed for at most this time.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A handle to Redis; clones share one connection.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    manager: ConnectionManager,
    prefix: Arc<str>,
    /// Ends with the last clone.
    _heartbeat: Arc<AbortOnDropHandle<()>>,
}

impl Redis {
    /// Begins to connect and returns at once, whether Redis is there or not. Call it inside the runtime.
    ///
    /// # Errors
    /// The URL is no Redis URL.
    pub fn connect(url: &SecretString, own_db: &DatabaseName) -> RedisResult<Self> {
        let tcp = TcpSettings::default().set_nodelay(true);
        // Without a limit the kernel waits a quarter of an hour for data sent to a machine that vanished.
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(2 * TIMEOUT);
        let client = Client::open(url.expose_secret().into_connection_info()?.set_tcp_settings(tcp))?;
        // The manager does not retry, because a command must fail soon. The heartbeat tries again.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT));
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        let heartbeat = AbortOnDropHandle::new(tokio::spawn(beat(manager.clone())));
        Ok(Self {
            client,
            manager,
            prefix: format!("{{chargedeck:{own_db}}}:").into(),
            _heartbeat: Arc::new(heartbeat),
        })
    }

    /// A connection for commands and scripts. It is shared, so nothing that blocks or subscribes belongs on it.
    pub fn connection(&self) -> ConnectionManager {
        self.manager.clone()
    }

    /// A connection of its own for Pub/Sub. It does not reconnect. Its stream ends, and the caller asks again.
    ///
    /// # Errors
    /// Redis is away, or did not answer within [`TIMEOUT`].
    pub async fn pubsub(&self) -> RedisResult<PubSub> {
        match tokio::time::timeout(TIMEOUT, self.client.get_async_pubsub()).await {
            Ok(connected) => connected,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        }
    }

    /// The messages of these channels, as [`pubsub`](Self::pubsub). While nobody takes them, some are lost.
    ///
    /// # Errors
    /// As [`pubsub`](Self::pubsub).
    pub async fn subscribe(&self, channels: &[&str]) -> RedisResult<Subscription> {
        let mut pubsub = self.pubsub().await?;
        pubsub.subscribe(channels).await?;
        Ok(Subscription::new(pubsub.into_on_message()))
    }

    /// The full name of one of our keys or channels. All share one hash tag, so that one script may touch several of
    /// them on a cluster, and installations that share a Redis stay apart.
    pub fn key(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.prefix)
    }

    /// # Errors
    /// Redis is away, or did not answer within [`TIMEOUT`].
    pub async fn ping(&self) -> RedisResult<()> {
        redis::cmd("PING").exec_async(&mut self.connection()).await
    }
}

/// Keeps the connection up, so that the first request after an outage does not have to fail. Logs once when Redis
/// goes and once when it comes.
async fn beat(mut manager: ConnectionManager) {
    let mut ticks = tokio::time::interval(HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut up = None;
    loop {
        ticks.tick().await;
        match redis::cmd("PING").exec_async(&mut manager).await {
            Ok(()) if up != Some(true) => {
                tracing::info!("Redis answers");
                up = Some(true);
            }
            Err(error) if up != Some(false) => {
                tracing::warn!(%error, "Redis is away; trying again every second");
                up = Some(false);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::Settings;

    #[tokio::test]
    async fn connecting_to_nobody_returns_at_once_and_commands_fail_soon() {
        let env = [("CHARGEDECK_TIME_ZONE", "UTC"), ("CHARGEDECK_CURRENCY", "EUR"), ("CHARGEDECK_DB", "ours")];
        let env = env.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let settings = Settings::from_sources("", &env).unwrap();
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let redis = Redis::connect(&format!("redis://127.0.0.1:{port}").into(), &settings.mongo.own_db).unwrap();
        assert_eq!(redis.key("log:1"), "{chargedeck:ours}:log:1");
        tokio::time::timeout(2 * TIMEOUT, redis.ping()).await.expect("fails within its time-out").unwrap_err();
        redis.pubsub().await.map(|_| ()).unwrap_err();
    }
}
