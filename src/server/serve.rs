//! `chargedeck serve` starts the parts of the pipeline, serves, and stops in order.

use std::{io, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use leptos::prelude::get_configuration;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::server::{
    actions::Actions,
    audit,
    auth::{AuthService, session::SessionLimits, setup::FirstAdmin},
    budget::Budgets,
    config::{DEFAULT_FILE, Settings},
    event_store::{self, Events},
    followed,
    http::{headers, health::Health, open_files, server},
    hub::{self, Hub},
    mongo::{Mongo, prepare},
    queries::{App, AppParts},
    redis::{Redis, log::Log},
    relay::Relay,
    reports::Reports,
    site::{site, version},
    snapshots::Snapshots,
    socket::Sockets,
    system,
    telemetry::{causes, listener},
};

/// How long work and sockets get after the last answer. Together with the time to leave and the time for answers, it
/// is less than the half minute that most supervisors give a process to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Maximum number of connections that read metrics.
const METRICS_CONNECTIONS: usize = 100;

/// Serves until a signal asks to stop. MongoDB and Redis may be away, at the start and later; the pages say so then.
///
/// # Errors
/// If the address cannot be bound, or a URI is invalid.
pub async fn serve(settings: Settings) -> Result<()> {
    let signals = Signals::listen().context("SIGTERM and Ctrl-C")?;
    if let Err(why) = open_files::raise(settings.server.max_connections) {
        tracing::warn!("{why}");
    }
    if let Some(why) = settings.server.trusted_proxies.too_wide() {
        tracing::warn!("{why}");
    }
    let mongo = Mongo::connect(&settings.mongo).await.context("MONGODB_URI")?;
    let redis = Redis::connect(&settings.redis.url, &settings.mongo.own_db).context("REDIS_URL")?;
    let hub = Hub::new(settings.network.silent_after, settings.network.currency.clone(), settings.server.engine_bytes);
    let closing = CancellationToken::new();
    let work = TaskTracker::new();
    let log = Log::new(redis.clone());
    work.spawn(hub::follow(hub.clone(), log.clone(), redis.clone(), mongo.clone(), closing.clone()));
    work.spawn(Relay { mongo: mongo.clone(), redis: redis.clone(), log: log.clone() }.run(closing.clone()));
    work.spawn(audit::run(hub.clone(), mongo.clone(), redis.clone(), closing.clone()));
    let events = Events::of(&mongo.own);
    let keep = settings.mongo.keep_events;
    work.spawn(event_store::write(events.clone(), log.clone(), redis.clone(), hub.clone(), keep, closing.clone()));

    if let Some(addr) = settings.server.metrics_addr {
        let listener = TcpListener::bind(addr).await;
        let listener = listener.with_context(|| format!("telling metrics on {addr} (CHARGEDECK_METRICS_ADDR)"))?;
        tracing::info!(addr = %listener.local_addr()?, "metrics are served");
        let limits = server::Limits::of(METRICS_CONNECTIONS);
        work.spawn(server::serve(listener, listener::routes(), limits, closing.clone()));
    }

    let leptos = get_configuration(Some(DEFAULT_FILE))
        .or_else(|_| get_configuration(None))
        .context(DEFAULT_FILE)?
        .leptos_options;
    let app = App::from(AppParts {
        auth: AuthService::new(&mongo.own, &redis, &settings, SessionLimits::default()),
        snapshots: Snapshots::new(mongo.clone(), redis.clone(), hub.clone()),
        budgets: Budgets::new(redis.clone(), hub.clone()),
        reports: Reports::new(mongo.clone(), redis.clone(), hub.clone()),
        network: Arc::new(settings.network),
        events,
        log,
        hub,
        version: version(&leptos),
        leptos,
        closing: closing.clone(),
    });
    let sockets = Sockets::new(settings.server.max_sockets_per_user);
    // These tasks end with the process, because sockets are told to go at the very end.
    tokio::spawn(sockets.clone().rounds(app.hub.clone()));
    tokio::spawn(sockets.clone().serve_boards(app.hub.clone()));
    let keep_audit = settings.mongo.keep_audit;
    let actions = Actions::new(mongo.clone(), settings.mongo.read_only);
    work.spawn(prepare(mongo.clone(), app.auth.clone(), actions.clone(), keep_audit, closing.clone()));
    work.spawn(followed::run(app.hub.clone(), mongo.clone(), closing.clone()));
    work.spawn(tell_first_admin(app.auth.clone(), closing.clone()));
    work.spawn(system::run(app.hub.clone(), mongo.clone(), redis.clone(), sockets.clone(), closing.clone()));
    let leaving = CancellationToken::new();
    let health = Health {
        mongo: mongo.own.clone(),
        operator: mongo.operator.clone(),
        redis,
        hub: app.hub.clone(),
        leaving: leaving.clone(),
    };
    let site = site(&app, sockets.clone(), actions, health).context("CHARGEDECK_PUBLIC_ORIGIN")?;
    let addr = settings.server.site_addr;
    let listener = TcpListener::bind(addr).await.with_context(|| format!("listening on {addr}"))?;
    tracing::info!(origin = settings.server.public_origin.as_origin(), %addr, "ChargeDeck serves");
    tokio::spawn(stop_when_asked(signals, leaving, settings.server.leave_within, closing.clone()));
    let limits = server::Limits {
        per_address: settings.server.max_connections_per_address,
        proxies: settings.server.trusted_proxies,
        headers: headers::of_unparsed(&settings.server.public_origin),
        ..server::Limits::of(settings.server.max_connections)
    };
    server::serve(listener, site, limits, closing.clone()).await;
    work.close();
    let drained = tokio::time::timeout(DRAIN, async { tokio::join!(sockets.ended(), work.wait()) }).await;
    if drained.is_err() {
        tracing::warn!(sockets = sockets.len(), "stopped before everything was done");
    }
    Ok(())
}

/// Leaves at the first signal, and then stops.
async fn stop_when_asked(
    mut signals: Signals,
    leaving: CancellationToken,
    leave_within: Duration,
    stop: CancellationToken,
) {
    let signal = signals.next().await;
    leaving.cancel();
    if signal == StopSignal::Terminate && !leave_within.is_zero() {
        tracing::info!(?leave_within, "leaving");
        // A second signal means that somebody does not want to wait.
        drop(tokio::time::timeout(leave_within, signals.next()).await);
    }
    tracing::info!("stopping");
    stop.cancel();
}

/// Makes what is missing in our own database as soon as MongoDB is there. It makes nothing in the operator's
/// database, but logs what is missing there.
async fn prepare(mongo: Mongo, auth: AuthService, actions: Actions, keep_audit: Duration, stop: CancellationToken) {
    let mut warned = false;
    while !stop.is_cancelled() {
        let made = async {
            auth.users.ensure_indexes().await?;
            auth.audit.prepare(keep_audit).await?;
            actions.prepare().await?;
            anyhow::Ok(())
        };
        match made.await {
            Ok(()) => return log_missing(&mongo).await,
            Err(error) if warned => tracing::debug!(error = causes(&error), "our own indexes wait"),
            Err(error) => {
                warned = true;
                tracing::warn!(error = causes(&error), "our own indexes cannot be made yet; trying again");
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(2))).await;
    }
}

/// Logs once what the operator's database lacks. Without images figures are counted anew after changes. Without
/// indexes MongoDB reads whole collections.
async fn log_missing(mongo: &Mongo) {
    match prepare::plan(mongo).await {
        Ok(plan) if plan.is_empty() => {}
        Ok(plan) => tracing::warn!(
            images = plan.images.len(),
            indexes = plan.indexes.len(),
            of_earlier_versions = plan.drops.len(),
            "the watched database lacks images or indexes, or has indexes of an earlier version; nothing is changed there: \
             chargedeck prepare lists them and asks"
        ),
        // `chargedeck check` reports the rights that are missing.
        Err(error) => tracing::debug!(%error, "whether images and indexes are missing is not known"),
    }
}

/// If there is no admin yet, logs how the first is made. The link is logged here and nowhere else, because whoever
/// may read the server's log runs the server.
async fn tell_first_admin(auth: AuthService, stop: CancellationToken) {
    const OR: &str = "or on this machine: chargedeck admin create EMAIL";
    while !stop.is_cancelled() {
        match auth.first_admin().await {
            Ok(FirstAdmin::Exists) => return,
            Ok(FirstAdmin::ByLink { token, until }) => {
                let link = format!("{}/setup?token={}", auth.origin.as_origin(), token.expose());
                return tracing::warn!(
                    "There is no admin yet. Until {until} this link makes the first, once: {link} ({OR})"
                );
            }
            Ok(FirstAdmin::LoggedElsewhere { until }) => {
                return tracing::warn!(
                    "There is no admin yet. An instance or an earlier start has logged a link that makes the first, until \
                     {until}; a start after that logs a new one ({OR})"
                );
            }
            Err(error) => tracing::debug!(%error, "whether there is an admin cannot be asked yet; trying again"),
        }
        stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(2))).await;
    }
}

/// How a process is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopSignal {
    /// Ctrl-C, by a person who waits.
    Interrupt,
    /// SIGTERM, by a supervisor that starts another process in its place, perhaps behind a load balancer that does
    /// not know yet.
    Terminate,
}

/// The signals to stop. They are heard from the first moment on, because a process may be ended before it serves.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }
}
