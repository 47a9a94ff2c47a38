//! ChargeDeck's layers with a handful of routes behind them, and a browser that knows only requests and answers.
//!
//! Long, because whatever a test does as a browser or an admin stands here.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::Html,
    routing::{get, post},
};
use chargedeck::server::{
    accounts::documents::AccountPages,
    actions::{self, Actions},
    auth::{
        AuthService, ConfirmedAdmin, CurrentAdmin,
        audit_log::{self, Initiator},
        email::Email,
        password::Passwords,
        session::SessionLimits,
        user::UserId,
    },
    budget::Budgets,
    config::Settings,
    http::{
        health::{self, Health},
        router,
    },
    hub::Hub,
    mongo::Mongo,
    redis::connection::Redis,
};
use futures_util::TryStreamExt;
use leptos::prelude::LeptosOptions;
use mongodb::{
    Database,
    bson::{Document, doc},
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{exports::pieces, support};

pub const ADA: &str = "ada@example.org";
pub const PASSWORD: &str = "correct horse battery staple";
/// A text that only people with access may read.
pub const TREASURE: &str = "eleven stations are charging";

pub struct App {
    pub auth: AuthService,
    pub redis: Redis,
    pub db: Database,
    /// The database that is watched.
    pub theirs: Database,
    pub router: Router,
    pub leaving: CancellationToken,
}

/// The settings of an [`App`]. [`AppSetup::default`] is what most tests need.
pub struct AppSetup {
    pub mongodb_uri: String,
    pub redis_url: String,
    pub origin: &'static str,
    pub trusted_proxies: &'static str,
    pub limits: SessionLimits,
    pub own_db: String,
    /// The settings' file.
    pub file: &'static str,
    pub read_only: bool,
}

impl AppSetup {
    pub async fn default() -> Self {
        Self {
            mongodb_uri: support::mongod().await.uri(),
            redis_url: support::redis().await.url(),
            origin: "http://127.0.0.1:3000",
            trusted_proxies: "none",
            limits: SessionLimits::default(),
            own_db: support::fresh_name("doors"),
            file: "",
            read_only: false,
        }
    }

    /// The database that is watched.
    pub fn operator_db(&self) -> String {
        format!("{}_theirs", self.own_db)
    }

    /// The environment variables of a server with these settings.
    pub fn environment(&self) -> BTreeMap<String, String> {
        [
            ("MONGODB_URI", self.mongodb_uri.as_str()),
            ("MONGODB_DB", &self.operator_db()),
            ("CHARGEDECK_READ_ONLY", if self.read_only { "true" } else { "false" }),
            ("CHARGEDECK_DB", &self.own_db),
            ("REDIS_URL", &self.redis_url),
            ("CHARGEDECK_PUBLIC_ORIGIN", self.origin),
            ("CHARGEDECK_TRUSTED_PROXIES", self.trusted_proxies),
            ("CHARGEDECK_TIME_ZONE", "Europe/London"),
            ("CHARGEDECK_CURRENCY", "GBP"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }
}

impl App {
    pub async fn new() -> Self {
        Self::at(&AppSetup::default().await).await
    }

    pub async fn at(setup: &AppSetup) -> Self {
        let settings = Settings::from_sources(setup.file, &setup.environment()).unwrap();
        let db = mongodb::Client::with_uri_str(&setup.mongodb_uri).await.unwrap().database(&setup.own_db);
        let redis = Redis::connect(&settings.redis.url, &settings.mongo.own_db).unwrap();
        let auth = AuthService::new(&db, &redis, &settings, setup.limits);
        let leaving = CancellationToken::new();
        let hub = Hub::new(Duration::ZERO, settings.network.currency.clone(), settings.server.engine_bytes);
        let documents = AccountPages {
            auth: auth.clone(),
            budgets: Budgets::new(redis.clone(), hub.clone()),
            network: Arc::new(settings.network.clone()),
            leptos: LeptosOptions::builder().output_name("chargedeck").build(),
        };
        let health =
            Health { mongo: db.clone(), operator: db.clone(), redis: redis.clone(), hub, leaving: leaving.clone() };
        let mongo = Mongo::connect(&settings.mongo).await.unwrap();
        let theirs = mongo.operator.clone();
        let actions = Actions::new(mongo, settings.mongo.read_only);
        let inside = behind()
            .merge(router::routes(documents.clone()))
            .merge(actions::routes(documents, actions))
            .merge(health::routes(health));
        let router = router::layers(inside, &auth).unwrap();
        Self { auth, redis, db, theirs, router, leaving }
    }

    /// An app with an admin [`ADA`] whose password is [`PASSWORD`].
    pub async fn with_ada() -> Self {
        let app = Self::new().await;
        app.add(ADA).await;
        app
    }

    pub async fn add(&self, email: &str) -> UserId {
        self.auth.users.ensure_indexes().await.unwrap();
        // Uses a separate hasher, because the tests count the hashes of the other.
        let hash = Passwords::default().hash(PASSWORD.into()).await.unwrap();
        self.auth
            .users
            .create_admin(&Email::parse(email).unwrap(), hash, &Initiator::command_line())
            .await
            .unwrap()
            .expect("a new address")
    }

    /// Changes an account behind ChargeDeck's back.
    pub async fn alter(&self, email: &str, set: Document) {
        let users = self.db.collection::<Document>("users");
        let result = users.update_one(doc! { "email": email }, doc! { "$set": set }).await.unwrap();
        assert_eq!(result.matched_count, 1);
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.into()).unwrap() }
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.send(request(Method::GET, path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await
    }

    pub async fn login(&self, email: &str, password: &str) -> Answer {
        self.send(login_request(email, password)).await
    }

    /// Logs in as [`ADA`]. Returns the cookie as a browser sends it back.
    pub async fn enter(&self) -> String {
        let answer = self.login(ADA, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
        answer.cookie()
    }

    pub async fn form(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        self.form_at("http://127.0.0.1:3000", path, cookie, fields).await
    }

    pub async fn form_at(&self, origin: &str, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = request(Method::POST, path)
            .header(header::COOKIE, cookie)
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(body.into()).unwrap()).await
    }

    pub async fn login_from(&self, address: &str, email: &str, password: &str) -> Answer {
        self.send(from(address, login_request(email, password))).await
    }

    /// Returns the audit log, oldest entry first.
    pub async fn entries(&self) -> Vec<Document> {
        let log = self.db.collection::<Document>(audit_log::COLLECTION);
        log.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap().try_collect().await.unwrap()
    }

    /// Makes MongoDB refuse every further entry.
    pub async fn close_the_log(&self) {
        self.auth.audit.prepare(Duration::from_secs(3600)).await.unwrap();
        let never = doc! { "collMod": audit_log::COLLECTION, "validator": { "never": true } };
        self.db.run_command(never).await.unwrap();
    }

    /// Returns our keys in Redis that hold sessions.
    pub async fn session_keys(&self) -> Vec<String> {
        redis::cmd("KEYS")
            .arg(self.redis.key("session:*").replace('{', "\\{"))
            .query_async(&mut self.redis.connection())
            .await
            .unwrap()
    }
}

/// The routes of a small ChargeDeck.
fn behind() -> Router {
    let page = |admin: CurrentAdmin| async move { Html(format!("<p>{}: {TREASURE}</p>", admin.email)) };
    Router::new()
        .route("/", get(page))
        .route("/stations", get(page))
        .route("/live", get(|| async { TREASURE }))
        .route("/api/overview", post(|| async { TREASURE }))
        .route("/api/v1/snapshot/stations", get(|| async { TREASURE }))
        // A handler whose author forgot to check who is signed in.
        .route("/forgotten", get(|| async { TREASURE }).post(|| async { TREASURE }))
        .route("/api/v1/treasure.csv", get(|| async { TREASURE }))
        .route("/api/v1/pieces.csv", get(pieces))
        .route("/api/v1/sensitive", post(|_: ConfirmedAdmin| async { TREASURE }))
        .route(
            "/panic",
            get(async || -> StatusCode { panic!("on purpose") }).post(async || -> StatusCode { panic!("on purpose") }),
        )
        .route("/pkg/chargedeck.js", get(|| async { "export default 1" }))
}

/// Makes a request as if it came from this address.
pub fn from(address: &str, mut request: Request<Body>) -> Request<Body> {
    let peer = SocketAddr::new(address.parse().unwrap(), 40_000);
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

pub fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:3000")
}

pub fn login_request(email: &str, password: &str) -> Request<Body> {
    let body = serde_json::json!({ "email": email, "password": password }).to_string();
    let head = request(Method::POST, "/api/v1/session").header(header::CONTENT_TYPE, "application/json");
    head.header(header::CONTENT_LENGTH, body.len()).body(body.into()).unwrap()
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn set_cookie(&self) -> &str {
        self.header("set-cookie")
    }

    /// `name=value`
    pub fn cookie(&self) -> String {
        self.set_cookie().split(';').next().unwrap().to_owned()
    }

    /// Returns the problem document without the request id, in which alone two of the same kind may differ.
    pub fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        let mut problem: Value = serde_json::from_str(&self.body).unwrap();
        let id = problem.as_object_mut().unwrap().remove("request_id").unwrap();
        assert_eq!(id, self.header("x-request-id"));
        problem
    }

    pub fn code(&self) -> String {
        self.problem()["code"].as_str().unwrap().to_owned()
    }
}

/// Asks until the answer is yes, and fails after `limit`.
pub async fn until<F: Future<Output = bool>>(limit: Duration, what: &str, ask: impl Fn() -> F) {
    let asking = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(limit, asking).await.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"));
}
