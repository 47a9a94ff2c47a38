//! Answers what pages, files and programs ask.
//!
//! Long, because each question passes the same steps in one order: check whether it may be answered, charge its cost,
//! read, and word the refusal. Side by side it shows that no question leaves a step out.

use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use axum::{
    extract::FromRef,
    http::{StatusCode, header::RETRY_AFTER},
};
use jiff::tz::TimeZone;
use leptos::prelude::{LeptosOptions, use_context};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::problem::{Problem, TAKES_TOO_LONG};
use crate::{
    domain::{
        address::{BadChoice, Params, Refused, clip},
        analytics,
        board::{Board, Filter},
        collections::Collection,
        latest,
        money::Currency,
        protocol::{
            frame::UNAUTHENTICATED,
            position::{ClusterTime, Position},
            snapshot::Snapshot,
        },
        range::Range,
        report::{Report, ReportParameters},
        selection::Selection,
    },
    server::{
        auth::{AuthService, CurrentAdmin, user::UserId},
        budget::{Asker, Budgets, Unaffordable},
        config::NetworkSettings,
        event_store::{self, StoredEvents},
        hub::{BoardSnapshot, Hub, Reach, zones},
        mongo,
        redis::log::Log,
        reports::{ReportError, Reports},
        snapshots::{NotBefore, SnapshotError, Snapshots},
        telemetry::causes,
    },
    web::{
        api::{AppError, Backend, Charts, EventPage, PageContext, PageData, PageRequest, ReportPage},
        pages, text,
        ui::ReportChart,
    },
};

/// How long a page waits for a report before it says that it is still being read.
const PATIENCE: Duration = Duration::from_secs(3);

/// How far MongoDB's clock may be ahead of the last time that it reported.
const AHEAD_S: i64 = 2;

/// A shared pointer, because every request and every socket holds some.
#[derive(Clone)]
pub struct App(Arc<AppParts>);

/// What an [`App`] points at.
pub struct AppParts {
    pub network: Arc<NetworkSettings>,
    pub hub: Hub,
    pub events: event_store::Events,
    pub log: Log,
    pub snapshots: Snapshots,
    pub budgets: Budgets,
    pub reports: Reports,
    pub auth: AuthService,
    pub leptos: LeptosOptions,
    /// The version of the browser's program.
    pub version: String,
    /// Cancelled when the process begins to stop.
    pub closing: CancellationToken,
}

impl From<AppParts> for App {
    fn from(shared: AppParts) -> Self {
        Self(Arc::new(shared))
    }
}

impl Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}

impl FromRef<App> for LeptosOptions {
    fn from_ref(app: &App) -> Self {
        app.leptos.clone()
    }
}

impl App {
    /// # Errors
    /// For a choice that cannot be followed, until MongoDB's time is known, and while MongoDB or Redis is away.
    pub async fn answer(&self, ask: PageRequest, admin: CurrentAdmin) -> Result<PageData, Failure> {
        let answer = match ask {
            // These two cost nothing. Their values are in memory, made once for all accounts: the figures when they
            // change, the pipeline's health each second. And an account over its budget still sees its pages.
            PageRequest::Context => PageData::of(&self.page_context(admin).await?),
            PageRequest::System => PageData::of(&self.board(&Board::System).await?.fields),
            PageRequest::List { of, selection, min_position: position, min_ct } => {
                let ct = ClusterTime(min_ct);
                PageData::of(&self.list(admin.user, of, selection, NotBefore { position, ct }).await?)
            }
            PageRequest::Analytics { query, currency } => {
                PageData::of(&self.analytics(admin.user, query, currency).await?.0)
            }
            PageRequest::Activity { of, before } => PageData::of(&self.activity(admin.user, &of, before).await?),
            PageRequest::Report { query } => match self.report_page(admin.user, &query).await {
                // A page waits on, and asks again.
                Err(Failure::Reading) => PageData::of(&None::<ReportPage>),
                page => PageData::of(&page?),
            },
        };
        Ok(answer?)
    }

    /// Refuses what reads a collection that cannot be followed. Its rows would look current, and a figure would stand
    /// beside a list of another time.
    fn followed(&self, reads: impl Fn(Collection) -> bool) -> Result<(), AppError> {
        let unfollowed = self.hub.unfollowed().into_iter().find(|collection| reads(*collection));
        unfollowed.map_or(Ok(()), |collection| Err(AppError::Unfollowed(text::unfollowed(collection))))
    }

    /// What a screen shows of a report.
    async fn report_page(&self, user: UserId, query: &str) -> Result<ReportPage, Failure> {
        let mut report = self.report(user, query, PATIENCE).await?;
        report.rows.truncate(report.shown());
        let option = match ReportChart::of(&report) {
            ReportChart::TimeSeries(series) => series.option(),
            ReportChart::Ranking(ranking) => ranking.option(),
        };
        Ok(ReportPage { report, option })
    }

    /// The report of a query as it stands in an address, with all its rows.
    ///
    /// # Errors
    /// For what cannot be followed; while MongoDB or Redis is away; the cause is logged.
    pub async fn report(&self, user: UserId, query: &str, patience: Duration) -> Result<Report, Failure> {
        self.followed(Collection::is_counted)?;
        let given = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        let params = Params::read(given, &ReportParameters::NAMES)?;
        let query =
            ReportParameters::read(|name| params.get(name), self.network.time_zone.iana_name().unwrap_or("UTC"))?;
        let period = if matches!(query.range, Range::Last(_)) { "last" } else { "from" };
        let asker = self.budgets.of(user);
        let read = [Collection::ChargingSessions, Collection::Payments].map(|of| asker.all_of(of));
        let reads = !query.by.is_time() && !self.hub.holds_documents();
        let price = if reads { read.into_iter().sum() } else { asker.of_cells() };
        asker.pay(price).await?;
        let began = Instant::now();
        let report = self.reports.report(user, query, patience).await;
        asker.settle(price, began.elapsed(), 0).await;
        report.map_err(|error| match error {
            ReportError::Zone(_) => Refused::new("zone", error.to_string()).into(),
            ReportError::Sort(_) => Refused::new("sort", error.to_string()).into(),
            ReportError::Calendar | ReportError::GivenUp(_) => Refused::new(period, error.to_string()).into(),
            ReportError::Reading => Failure::Reading,
            ReportError::Snapshot(_) | ReportError::Broken => {
                tracing::warn!(%error, "no report");
                AppError::Unavailable.into()
            }
        })
    }

    /// Events from MongoDB. What the log has after `upto` comes by the socket. They are read in the account's turn.
    /// MongoDB finds them by an index, and scans hardly more than the page.
    async fn activity(&self, user: UserId, of: &str, before: Option<Position>) -> Result<EventPage, Failure> {
        let filter = Filter::of_name(of).ok_or_else(|| AppError::Invalid(format!("no events are called “{of}”")))?;
        self.followed(|collection| Board::Activity(filter).reads(collection))?;
        let this = self.clone();
        let read = async move {
            let (upto, ct) = this.events.written_before(before, &this.log).await?;
            let StoredEvents { events, more } = this.events.page(filter, before).await?;
            let fields =
                events.iter().filter_map(|(at, line)| Some((latest::key(*at), serde_json::to_value(line).ok()?)));
            let fields = fields.chain([(latest::OLDER.to_owned(), more.into())]).collect();
            anyhow::Ok(EventPage { upto: latest::key(upto), ct, fields })
        };
        self.budgets.of(user).in_turn(units(latest::PAGE), read).await?.map_err(|error| {
            if error.downcast_ref().and_then(mongo::error_code) == Some(mongo::TIME_EXPIRED) {
                return Failure::TakesTooLong;
            }
            tracing::warn!(error = causes(&error), "no events");
            AppError::Unavailable.into()
        })
    }

    async fn page_context(&self, admin: CurrentAdmin) -> Result<PageContext, AppError> {
        let (figures, ct) = match self.overview().await {
            Err(AppError::Unfollowed(_)) => Default::default(),
            snapshot => snapshot.map(|snapshot| (snapshot.fields.clone(), snapshot.ct))?,
        };
        let now = self.hub.now().ok_or(AppError::Unavailable)?;
        let zone = &self.network.time_zone;
        Ok(PageContext {
            version: self.version.clone(),
            network: self.network.name.clone(),
            zone: zones::zone(zone, zone.iana_name().unwrap_or("UTC"), now),
            silent_after_s: i64::try_from(self.network.silent_after.as_secs()).unwrap_or(i64::MAX),
            admin: admin.email,
            now,
            unfollowed: self.hub.unfollowed(),
            figures,
            ct,
        })
    }

    /// A list's snapshot that is not older than a cluster time and a position, for which it waits a little. A
    /// position of an epoch that ended is no minimum, because the rows are of a later epoch, as for every page that
    /// its reset sends here.
    ///
    /// # Errors
    /// For a selection that cannot be asked, or takes MongoDB too long; while the position is not reached; while MongoDB
    /// or Redis is away, the cause of which is logged.
    pub async fn list(
        &self,
        user: UserId,
        collection: Collection,
        selection: Selection,
        not_before: NotBefore,
    ) -> Result<Snapshot, Failure> {
        self.followed(|read| read == collection)?;
        // The default position is of no epoch, so it counts as gone once the log was read.
        if self.hub.reach(not_before.position.unwrap_or_default()).await == Reach::NotYet {
            return Err(AppError::Unavailable.into());
        }
        // MongoDB has no rows of a time that is still to come, however often it is asked.
        let min_s = i64::from(not_before.ct.seconds());
        let ahead_s = self.hub.now().map_or(0, |now| min_s.saturating_sub(now.seconds()));
        if ahead_s > AHEAD_S {
            return Err(AppError::Unavailable.into());
        }
        let asker = self.budgets.of(user);
        // Nobody else wants rows that are newer than anything shown, and reading them takes until that time has come.
        let shared =
            selection.is_everything() && ahead_s <= 0 || self.snapshots.has(collection, &selection, not_before).await;
        let lists = lists_read(collection, &selection, shared)?;
        let shared = lists == 0;
        let documents = asker.all_of(collection).saturating_mul(lists);
        let rows = units(collection.fetched());
        let paid = documents.saturating_add(rows);
        let read = self.clone().paid_list(asker.clone(), documents, rows, (collection, selection, not_before));
        if !shared {
            return asker.in_turn(paid, read).await?;
        }
        asker.pay(paid).await?;
        read.await
    }

    /// Reads a list that was charged for looking at so many documents and sending so many rows. Refunds what was not
    /// used.
    async fn paid_list(
        self,
        asker: Asker,
        documents: u64,
        rows: u64,
        (collection, selection, not_before): (Collection, Selection, NotBefore),
    ) -> Result<Snapshot, Failure> {
        let began = Instant::now();
        let snapshot = self.snapshots.list(collection, selection, not_before).await.map_err(|error| match error {
            SnapshotError::Choice(refused) => refused.into(),
            SnapshotError::TakesTooLong => Failure::TakesTooLong,
            error => {
                tracing::warn!(%collection, %error, "no snapshot");
                AppError::Unavailable.into()
            }
        })?;
        let unsent = rows.saturating_sub(units(snapshot.rows.len()));
        asker.settle(documents, began.elapsed(), unsent).await;
        Ok(snapshot)
    }

    /// The figures of the network's zone.
    ///
    /// # Errors
    /// Until the documents are counted.
    pub async fn overview(&self) -> Result<Arc<BoardSnapshot>, AppError> {
        self.board(&Board::Overview(self.network.time_zone.iana_name().unwrap_or("UTC").to_owned())).await
    }

    /// A period's figures and how they are drawn, and the position that they are of.
    ///
    /// # Errors
    /// For an invalid query, and until the documents are counted.
    pub async fn analytics(
        &self,
        user: UserId,
        query: String,
        currency: Option<Currency>,
    ) -> Result<(Charts, Position), Failure> {
        let read: analytics::Query =
            query.parse().map_err(|_| AppError::Invalid("This is no choice of a period.".to_owned()))?;
        let currency = analytics::currency(currency.map(|currency| currency.0))?;
        let zone = TimeZone::get(&read.zone).map_err(|_| {
            let zone = clip(&read.zone);
            Refused::new("zone", format!("No time zone is called “{zone}”. Write one such as Europe/London."))
        })?;
        let zone = zones::zone(&zone, &read.zone, self.hub.now().ok_or(AppError::Unavailable)?);
        let step = read.step;
        let snapshot = self.heavy_board(user, Board::Analytics(read)).await?;
        let (head, ct, own) = (snapshot.head, snapshot.ct, self.network.currency.clone());
        // A long period has many points, so its charts are drawn off the runtime's threads.
        let charts = spawn_blocking(move || {
            let fields = snapshot.fields.clone();
            let (currency, options) = pages::options(&fields, step, &zone, currency, &own);
            Charts { query, zone, currency, fields, ct, options }
        });
        let charts = charts.await.map_err(|error| {
            tracing::error!(%error, "charts cannot be drawn");
            AppError::Unavailable
        })?;
        Ok((charts, head))
    }

    /// The values of a board that takes long. They are made in the account's turn, unless they are there.
    async fn heavy_board(&self, user: UserId, board: Board) -> Result<Arc<BoardSnapshot>, AppError> {
        let asker = self.budgets.of(user);
        if let Some(snapshot) = self.hub.current_board(&board) {
            asker.pay(asker.of_cells()).await?;
            return Ok(snapshot);
        }
        let this = self.clone();
        asker.in_turn(asker.of_cells(), async move { this.board(&board).await }).await?
    }

    /// A board's values. Waits a little for a count that is under way.
    async fn board(&self, board: &Board) -> Result<Arc<BoardSnapshot>, AppError> {
        self.followed(|collection| board.reads(collection))?;
        let counted = self.hub.board_of_now(board);
        tokio::time::timeout(std::time::Duration::from_secs(5), counted).await.map_err(|_| AppError::Unavailable)
    }
}

#[async_trait]
impl Backend for App {
    async fn answer(&self, ask: PageRequest) -> Result<PageData, AppError> {
        let admin = leptos_axum::extract::<CurrentAdmin>().await.map_err(|_| AppError::SignIn)?;
        Self::answer(self, ask, admin).await.map_err(|failure| {
            let error = AppError::from(failure.clone());
            // Leptos' own status for all errors is 500.
            if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
                let problem = Problem::from(failure);
                response.set_status(problem.status());
                if let Some(wait) = problem.wait() {
                    response.insert_header(RETRY_AFTER, wait);
                }
            }
            error
        })
    }
}

/// Why a question is not answered.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Error(#[from] AppError),
    /// A list's selection that cannot be followed.
    #[error(transparent)]
    Selection(#[from] BadChoice),
    /// Reading takes longer than the caller waited, and goes on.
    #[error("still being read")]
    Reading,
    /// MongoDB takes longer than it may.
    #[error("takes too long")]
    TakesTooLong,
}

/// The error that a page gets for it.
impl From<Failure> for AppError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refused) => Self::Refused(refused),
            Failure::Error(error) => error,
            Failure::Selection(BadChoice(why)) => Self::Invalid(why),
            Failure::Reading => Self::Unavailable,
            Failure::TakesTooLong => Self::Invalid(TAKES_TOO_LONG.to_owned()),
        }
    }
}

/// For how many lists documents are looked at: none for one that is kept already, and one more for each status that
/// nobody knows, which is looked for in a list of its own.
fn lists_read(collection: Collection, selection: &Selection, kept: bool) -> Result<u64, BadChoice> {
    let odd = selection.clone().of(collection)?.odd_statuses(collection).len();
    Ok(if kept && odd == 0 { 0 } else { units(odd).saturating_add(1) })
}

fn units(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

impl From<Unaffordable> for AppError {
    fn from(why: Unaffordable) -> Self {
        match why {
            Unaffordable::Wait(wait) => Self::TooMuch(wait.as_millis().div_ceil(1000).to_string()),
            error @ (Unaffordable::Redis(_) | Unaffordable::Ended(_)) => {
                tracing::warn!(%error, "a question is not answered");
                Self::Unavailable
            }
        }
    }
}

impl From<Unaffordable> for Failure {
    fn from(why: Unaffordable) -> Self {
        AppError::from(why).into()
    }
}

impl From<Unaffordable> for Problem {
    fn from(why: Unaffordable) -> Self {
        AppError::from(why).into()
    }
}

/// A choice in an address that cannot be followed.
impl From<Refused> for Problem {
    fn from(Refused { why, .. }: Refused) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_query", why)
    }
}

/// A report that is still being read gets the `Retry-After` of every 503.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refused) => refused.into(),
            Failure::Error(error) => error.into(),
            Failure::Selection(BadChoice(why)) => Self::new(StatusCode::BAD_REQUEST, "bad_selection", why),
            Failure::Reading => Self::new(StatusCode::SERVICE_UNAVAILABLE, "still_reading", text::REPORT_READING),
            Failure::TakesTooLong => Self::takes_too_long(),
        }
    }
}

/// A page's error in the form that programs get. Pages get its status, too.
impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        match error {
            AppError::SignIn => Self::new(StatusCode::UNAUTHORIZED, UNAUTHENTICATED, "Sign in first."),
            AppError::Unavailable => Self::unavailable(),
            AppError::Unfollowed(why) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "unfollowed", why),
            AppError::TooMuch(wait_s) => {
                const DETAIL: &str = "This account asks for more than one may. Ask again later.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_much", DETAIL)
                    .retry_after(Duration::from_secs(wait_s.parse().unwrap_or(1)))
            }
            AppError::Invalid(why) => Self::new(StatusCode::BAD_REQUEST, "bad_query", why),
            AppError::Refused(refused) => refused.into(),
            AppError::Internal { .. } => Self::of(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_that_nobody_knows_costs_as_much_as_a_list() {
        let lists = |query: &[(&str, &str)], kept| {
            let pairs = query.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
            let selection = Selection::read(&mut pairs.into_iter()).unwrap();
            lists_read(Collection::Payments, &selection, kept).ok()
        };
        assert_eq!(lists(&[], true), Some(0));
        assert_eq!(
            (lists(&[("status", "CAPTURED")], false), lists(&[("status", "CAPTURED")], true)),
            (Some(1), Some(0))
        );
        assert_eq!(lists(&[("status", "CAPTURED,odd,odder")], false), Some(3));
        assert_eq!(lists(&[("status", "odd")], true), Some(2), "what looks for it is not kept with the list");
        assert_eq!(lists(&[("evse", "AVAILABLE")], false), None, "payments have no such filter");
    }

    #[test]
    fn a_page_and_a_program_get_the_same_status_for_the_same_failure() {
        let refused = || Refused::new("zone", "No such zone.");
        for (failure, status, wait) in [
            (AppError::SignIn.into(), 401, None),
            (AppError::Unavailable.into(), 503, Some("5")),
            (AppError::Unfollowed(String::new()).into(), 503, Some("5")),
            (AppError::TooMuch("7".to_owned()).into(), 429, Some("7")),
            (AppError::Invalid(String::new()).into(), 400, None),
            (AppError::Internal { request_id: String::new() }.into(), 500, None),
            (Failure::Refused(refused()), 400, None),
            (Failure::Selection(BadChoice(String::new())), 400, None),
            (Failure::TakesTooLong, 422, None),
        ] {
            let problem = Problem::from(failure);
            assert_eq!(problem.status().as_u16(), status, "{problem:?}");
            assert_eq!(problem.wait().as_ref().map(|wait| wait.to_str().unwrap()), wait, "{problem:?}");
        }
        assert_eq!(AppError::from(Failure::Refused(refused())), AppError::Refused(refused()));
    }

    #[test]
    fn programs_are_told_that_a_report_is_still_being_read() {
        let problem = serde_json::to_value(Problem::from(Failure::Reading)).unwrap();
        let (status, code, detail) = (503, "still_reading", text::REPORT_READING);
        assert!(problem["status"] == status && problem["code"] == code && problem["detail"] == detail, "{problem}");
    }
}
