//! All routes of the server, put together.

use std::{fs, path::Path, sync::Arc};

use any_spawner::Executor;
use axum::{
    Router,
    body::Body,
    extract::{Query, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::{ResponseOptions, render_app_async_with_context};
use serde::Deserialize;
use tower_http::services::ServeDir;
use tower_sessions::Session;

use super::{
    app::{App, Asked},
    charts_csv::charts_csv,
    documents::Documents,
    headers, health, report, router,
    snapshot::snapshot,
};
use crate::{
    app,
    auth::{guard::LIVE, local_path::local_path, session::Activity},
    charts::Bundle,
    pages, socket,
    ui::words,
};

/// The site with every layer.
///
/// # Errors
/// Never for an origin that the settings took.
pub fn site(app: App, health: health::Health) -> Result<Router, tower_http::csrf::ConfigError> {
    // Pages load their data as tasks of this runtime. Said again by the next site of a process, which changes nothing.
    _ = Executor::init_tokio();
    let mut router = Router::new()
        .route("/api/page/{*function}", post(functions))
        .route("/api/v1/snapshot/{topic}", get(snapshot))
        .route("/api/v1/analytics/{file}", get(charts_csv))
        .route("/api/v1/report", get(report::json))
        .route("/api/v1/report.csv", get(report::csv))
        .route(LIVE, get(socket::live))
        .route("/login", get(login))
        .fallback_service(files(&app.leptos.site_root).fallback(get(not_found).with_state(app.clone())));
    let bundle = bundle(&app.leptos.site_root);
    for (path, ..) in pages::PAGES {
        let (context, options, bundle) = (app.clone(), app.leptos.clone(), bundle.clone());
        // Whole at once: without JavaScript nothing would put late parts into their places.
        let draw = render_app_async_with_context(
            move || provide(&context, bundle.as_ref()),
            move || app::shell(options.clone(), path),
        );
        router = router.route(path, get(draw));
    }
    let documents = Documents { doors: app.doors.clone(), network: app.network.clone(), leptos: app.leptos.clone() };
    let router = router.with_state(app.clone()).merge(router::routes(documents)).merge(health::routes(health));
    router::layers(router, &app.doors)
}

/// Server functions.
async fn functions(State(app): State<App>, request: Request<Body>) -> Response {
    leptos_axum::handle_server_fns_with_context(move || provide_context(app.clone()), request).await.into_response()
}

#[derive(Deserialize)]
struct LoginQuery {
    error: Option<String>,
    /// How long tries are turned away.
    minutes: Option<String>,
    #[serde(default)]
    next: String,
}

/// `GET /login`; whoever is signed in already is led on.
async fn login(State(app): State<App>, session: Session, Query(query): Query<LoginQuery>) -> Response {
    let next = local_path(&query.next);
    match app.doors.admit(&session, Activity::Program).await {
        Ok(Some(_)) => return Redirect::to(&next).into_response(),
        Ok(None) => {}
        // The form is shown all the same; sending it tells what is wrong.
        Err(error) => tracing::warn!(%error, "a session could not be checked"),
    }
    let minutes = query.minutes.and_then(|minutes| minutes.parse().ok());
    let error = query.error.map(|code| words::sign_in_error(&code, minutes));
    let html = Owner::new_root(None).with(|| pages::login(app.leptos, error, next).to_html());
    ([(header::CONTENT_SECURITY_POLICY, headers::FORM_POLICY)], Html(html)).into_response()
}

/// Files of the site. Not by leptos_axum's own handler: a file that it serves while a page waits in the same thread takes
/// that page's headers, its policy among them.
fn files(site: &str) -> ServeDir {
    ServeDir::new(site).append_index_html_on_directories(false).precompressed_br().precompressed_gzip()
}

/// The page that says there is no such page.
async fn not_found(State(app): State<App>, request: Request<Body>) -> Response {
    let context = app.clone();
    let path = request.uri().path().to_owned();
    let draw =
        render_app_async_with_context(move || provide(&context, None), move || app::shell(app.leptos.clone(), &path));
    (StatusCode::NOT_FOUND, draw(request).await).into_response()
}

/// What charts are drawn with, named by the hash of its content.
fn bundle(site: &str) -> Option<Bundle> {
    let names = fs::read_dir(Path::new(site).join("vendor")).into_iter().flatten();
    let mut names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = names.find(|name| name.starts_with("charts.") && name.ends_with(".js"));
    if name.is_none() {
        tracing::warn!(
            site,
            "charts will not be drawn: the site has no vendor/charts.*.js (end2end/charts.mjs builds it)"
        );
    }
    Some(Bundle { path: Arc::from(format!("/vendor/{}", name?)), preload })
}

fn preload(path: &str) {
    if let Some(response) = use_context::<ResponseOptions>()
        && let Ok(link) = HeaderValue::from_str(&format!("<{path}>; rel=preload; as=script"))
    {
        response.insert_header(header::LINK, link);
    }
}

/// What pages find in their context; and the page's policy, whose nonce is new for every answer.
fn provide(app: &App, bundle: Option<&Bundle>) {
    provide_context(app.clone());
    provide_context(Asked::default());
    if let Some(bundle) = bundle {
        provide_context(bundle.clone());
    }
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    let reload = app.leptos.reload_port.to_string();
    let reload = ["localhost", "127.0.0.1"].map(|host| format!("ws://{host}:{reload}"));
    let watched = std::env::var_os("LEPTOS_WATCH").is_some();
    let connect: Vec<&str> = if watched { reload.iter().map(String::as_str).collect() } else { Vec::new() };
    if let Ok(policy) = HeaderValue::from_str(&headers::page_policy(&nonce, &app.doors.origin, &connect)) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}
