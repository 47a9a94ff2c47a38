//! Three members of a replica set, a Redis with a replica, three instances of ChargeDeck, and a proxy on each link.

use std::{collections::BTreeMap, time::Duration};

use bson::{Document, doc};
use chargedeck::server::{
    auth::{audit_log::Initiator, email::Email, password::Passwords, users::Users},
    config::Settings,
    mongo::{Mongo, prepare},
    redis::Redis as Keys,
};

use super::{
    http,
    proxy::{Link, Proxy},
};
use crate::support::{Mongod, Redis, Server, collections_with_images, fresh_name};

pub const EMAIL: &str = "ada@example.org";
/// Another admin than the clients use, with the same password.
pub const MALLORY: &str = "mallory@example.org";
pub const PASSWORD: &str = "correct horse battery staple";
/// The longest time that anything may take to come up on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two checks of something that takes time.
pub const LOOK: Duration = Duration::from_millis(50);

/// One process of ChargeDeck with its links.
pub struct Instance {
    pub server: Server,
    proxy: Proxy,
    redis_proxy: Proxy,
    /// From clients to the instance.
    pub clients: Link,
    /// From the instance to Redis.
    pub redis: Link,
    /// From the instance to all members of the replica set.
    pub mongo: Link,
}

impl Instance {
    /// The port at which clients reach it through the proxy.
    pub const fn port(&self) -> u16 {
        self.proxy.port()
    }
}

/// The parts of a cluster.
pub struct Plan {
    pub members: usize,
    /// More arguments for each member.
    pub mongod: &'static [&'static str],
    pub instances: usize,
    /// Guards that are off in the instances, as `CHARGEDECK_GUARDS_OFF` names them.
    pub guards_off: &'static str,
    /// Environment variables of the instances that are added or replaced.
    pub more: Vec<(&'static str, String)>,
}

impl Plan {
    pub const FULL: Self = Self { members: 3, mongod: &[], instances: 3, guards_off: "", more: Vec::new() };
    pub const SMALL: Self = Self { members: 1, mongod: &[], instances: 2, guards_off: "", more: Vec::new() };
}

pub struct Cluster {
    pub members: Vec<Mongod>,
    /// Kept alive, because the members are reached only through them.
    _proxies: Vec<Proxy>,
    /// The Redis in use, then its replica.
    pub redis: [Redis; 2],
    pub instances: Vec<Instance>,
    /// Direct access to the instances' databases, which only faults of the servers themselves affect.
    pub mongo: Mongo,
    pub uri: String,
}

impl Cluster {
    pub async fn start(plan: Plan) -> Self {
        let links: Vec<Link> = (0..plan.instances).map(|_| Link::new()).collect();
        let members: Vec<Mongod> =
            futures_util::future::join_all((0..plan.members).map(|_| Mongod::member(plan.mongod))).await;
        let mut proxies = Vec::new();
        for member in &members {
            // The names end with a delimiter, so that none is the beginning of another.
            let named = links.iter().enumerate().map(|(i, link)| (app_name(i), link.clone())).collect();
            proxies.push(Proxy::by_name(member.port(), named).await);
        }
        let hosts: Vec<String> = proxies.iter().map(|proxy| format!("127.0.0.1:{}", proxy.port())).collect();
        let configured: Vec<Document> =
            (0_i32..).zip(&hosts).map(|(i, host)| doc! { "_id": i, "host": host }).collect();
        let settings = doc! { "electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500 };
        members[0].initiate(doc! { "_id": "rs0", "members": configured, "settings": settings }).await;
        let uri = format!("mongodb://{}/?replicaSet=rs0", hosts.join(","));

        let redis = ["--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0"];
        let (primary, replica) = (Redis::start_with(&redis).await, Redis::start_with(&redis).await);
        replicate(&replica, &primary).await;

        let name = fresh_name("faults");
        let mut env = environment(&uri, &name, primary.port());
        let settings = Settings::from_sources("", &env).expect("settings made here are valid");
        let mongo = Mongo::connect(&settings.mongo).await.expect("a URI made here is valid");
        eventually("a primary", async || mongo.operation_time().await.is_ok()).await;
        collections_with_images(&mongo.operator).await;
        prepare::make(&mongo).await.expect("the database is ours");
        let hash = Passwords::default().hash(PASSWORD.into()).await.expect("a password can be hashed");
        let (users, by) = (Users::new(&mongo.own), Initiator::command_line());
        for email in [EMAIL, MALLORY] {
            let email = Email::parse(email).expect("an address");
            eventually("an account", async || users.create_admin(&email, hash.clone(), &by).await.is_ok()).await;
        }

        let mut instances = Vec::new();
        for (i, mongo) in links.into_iter().enumerate() {
            env.insert("MONGODB_URI".to_owned(), format!("{uri}&appName={}", app_name(i)));
            env.insert("CHARGEDECK_GUARDS_OFF".to_owned(), plan.guards_off.to_owned());
            instances.push(instance(env.clone(), &plan.more, mongo, primary.port()).await);
        }
        let cluster = Self { members, _proxies: proxies, redis: [primary, replica], instances, mongo, uri };
        for i in 0..cluster.instances.len() {
            cluster.ready(i).await;
        }
        cluster
    }

    /// The ports at which clients reach the instances.
    pub fn ports(&self) -> Vec<u16> {
        self.instances.iter().map(Instance::port).collect()
    }

    /// Waits until an instance says that it is ready.
    pub async fn ready(&self, i: usize) {
        let port = self.instances[i].server.port();
        let ready = async || http::get(port, "/readyz", "").await.is_ok_and(|answer| answer.status == 200);
        eventually("an instance that is ready", ready).await;
    }

    /// Waits for a primary, and returns its index.
    pub async fn primary(&self) -> usize {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            for (i, member) in self.members.iter().enumerate().filter(|(_, member)| member.runs()) {
                if member.says("isWritablePrimary").await {
                    return i;
                }
            }
            assert!(tokio::time::Instant::now() < deadline, "no primary");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The instance whose relay last opened the change stream.
    pub fn relay(&self) -> usize {
        let opened = |instance: &Instance| {
            instance.server.log().lines().rfind(|line| line.contains("the change stream is open")).map(str::to_owned)
        };
        let last = self.instances.iter().enumerate().max_by_key(|(_, instance)| opened(instance));
        last.expect("there are instances").0
    }

    /// Detaches the replica from its primary, once it follows that.
    pub async fn part_replica(&self) {
        follows(&self.redis[1]).await;
        command(&self.redis[1], &["REPLICAOF", "NO", "ONE"]).await;
    }

    /// Makes the replica, in its present state, the Redis that all instances use.
    pub fn promote_replica(&mut self) {
        self.redis.swap(0, 1);
        for instance in &self.instances {
            instance.redis_proxy.point_to(self.redis[0].port());
            instance.redis.reset();
        }
    }

    /// Makes the second Redis a replica of the first.
    pub async fn replicate(&self) {
        replicate(&self.redis[1], &self.redis[0]).await;
    }

    /// Writes to an unwatched collection until the oldest entry of the oplog is newer than everything before.
    pub async fn roll_oplog(&self) {
        let oplog = self.mongo.client.database("local").collection::<Document>("oplog.rs");
        let newest = oplog.find_one(doc! {}).sort(doc! { "$natural": -1 }).await.expect("an oplog");
        let newest = newest.and_then(|entry| entry.get_timestamp("ts").ok()).expect("an entry of it");
        let filler = "x".repeat(1 << 20);
        let rolled = async || {
            let elsewhere = self.mongo.client.database("elsewhere").collection::<Document>("filler");
            elsewhere.insert_one(doc! { "filler": &filler }).await.expect("a filler");
            let oldest = oplog.find_one(doc! {}).sort(doc! { "$natural": 1 }).await.expect("an oplog");
            oldest.and_then(|entry| entry.get_timestamp("ts").ok()).is_some_and(|oldest| oldest > newest)
        };
        eventually("an oplog that rolled on", rolled).await;
    }

    /// Connects to our keys in the Redis in use.
    pub fn keys(&self) -> Keys {
        let env = environment(&self.uri, self.mongo.operator.name(), self.redis[0].port());
        let settings = Settings::from_sources("", &env).expect("settings made here are valid");
        Keys::connect(&settings.redis.url, &settings.mongo.own_db).expect("a URL made here is valid")
    }
}

fn app_name(i: usize) -> String {
    format!("instance-{i}-")
}

fn redis_url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

fn environment(uri: &str, name: &str, redis: u16) -> BTreeMap<String, String> {
    [
        ("MONGODB_URI", uri.to_owned()),
        ("MONGODB_DB", name.to_owned()),
        ("CHARGEDECK_DB", format!("{name}_app")),
        ("REDIS_URL", redis_url(redis)),
        ("CHARGEDECK_TIME_ZONE", "Europe/London".to_owned()),
        ("CHARGEDECK_CURRENCY", "GBP".to_owned()),
        // There is no load balancer to wait for before leaving.
        ("CHARGEDECK_LEAVE_WITHIN_S", "0".to_owned()),
        // All clients use one account.
        ("CHARGEDECK_MAX_SOCKETS_PER_USER", "1000".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

async fn instance(
    mut env: BTreeMap<String, String>,
    more: &[(&'static str, String)],
    mongo: Link,
    redis: u16,
) -> Instance {
    let (clients, redis_link) = (Link::new(), Link::new());
    let redis_proxy = Proxy::new(redis, &redis_link).await;
    // Its target is set once the server has a port.
    let proxy = Proxy::new(0, &clients).await;
    env.insert("REDIS_URL".to_owned(), redis_url(redis_proxy.port()));
    env.insert("CHARGEDECK_PUBLIC_ORIGIN".to_owned(), http::origin(proxy.port()));
    // The browser side as built, and the names of its files, whatever program is built beside them.
    env.insert("LEPTOS_SITE_ROOT".to_owned(), "target/app/site".to_owned());
    env.insert("LEPTOS_HASH_FILE".to_owned(), concat!(env!("CARGO_MANIFEST_DIR"), "/target/app/hash.txt").to_owned());
    env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let server = Server::new(
        "env",
        |port, _| {
            env.insert("LEPTOS_SITE_ADDR".to_owned(), format!("127.0.0.1:{port}"));
            env.insert("CHARGEDECK_METRICS_ADDR".to_owned(), format!("{}:{port}", http::METRICS));
            let set = env.iter().map(|(key, value)| format!("{key}={value}"));
            set.chain([env!("CARGO_BIN_EXE_chargedeck").to_owned(), "serve".to_owned()]).collect()
        },
        &[],
    );
    proxy.point_to(server.port());
    Instance { server, proxy, redis_proxy, clients, redis: redis_link, mongo }
}

async fn replicate(replica: &Redis, of: &Redis) {
    command(replica, &["REPLICAOF", "127.0.0.1", &of.port().to_string()]).await;
    follows(replica).await;
}

async fn follows(replica: &Redis) {
    let linked = async || command(replica, &["INFO", "replication"]).await.contains("master_link_status:up");
    eventually("a replica that follows", linked).await;
}

/// Sends one command to a Redis and returns the answer as text.
pub async fn command(redis: &Redis, words: &[&str]) -> String {
    let client = redis::Client::open(redis.url()).expect("a URL made here is valid");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    match command.query_async(&mut connection).await.expect("Redis obeys") {
        redis::Value::BulkString(text) => String::from_utf8_lossy(&text).into_owned(),
        redis::Value::VerbatimString { text, .. } => text,
        other => format!("{other:?}"),
    }
}

/// Waits until the answer is yes.
pub async fn eventually(what: &str, ask: impl AsyncFn() -> bool) {
    eventually_within(PATIENCE, what, ask).await;
}

/// Like [`eventually`], with another limit.
pub async fn eventually_within(limit: Duration, what: &str, ask: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + limit;
    while !ask().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(LOOK).await;
    }
}
