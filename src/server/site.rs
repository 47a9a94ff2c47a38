//! All routes of the server, put together.

use std::{
    convert::Infallible,
    fs,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    path::Path,
    sync::Arc,
};

use any_spawner::Executor;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::map_response_with_state,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::{ResponseOptions, render_app_async_with_context};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt, service_fn};
use tower_http::services::ServeDir;

use super::{
    accounts::documents::AccountPages,
    actions::{self, Actions},
    files::{charts_csv, report},
    http::{health, router, snapshot::snapshot},
    problem::Problem,
    queries::App,
};
use crate::{
    server::{
        auth::CurrentAdmin,
        csp,
        paths::{LIVE, is_asset},
        socket::{self, Sockets},
    },
    web::{
        api::{AppError, Backend, PageRequest, PageResult},
        app,
        charts::Bundle,
        pages,
    },
};

/// The site with every layer.
///
/// # Errors
/// Never for an origin that the settings accepted.
pub fn site(
    app: &App,
    sockets: Sockets,
    actions: Actions,
    health: health::Health,
) -> Result<Router, tower_http::csrf::ConfigError> {
    // Pages load their data as tasks of this runtime. A second call in the process changes nothing.
    _ = Executor::init_tokio();
    let context = Arc::new(socket::Context {
        auth: app.auth.clone(),
        hub: app.hub.clone(),
        sockets,
        closing: app.closing.clone(),
    });
    let mut router = Router::new()
        .route("/api/page/load", post(load))
        .route("/api/v1/snapshot/{topic}", get(snapshot))
        .route("/api/v1/analytics/{file}", get(charts_csv))
        .route("/api/v1/report", get(report::json))
        .route("/api/v1/report.csv", get(report::csv))
        .route(LIVE, get(socket::live).with_state(context))
        .fallback_service(files(&app.leptos.site_root, get(not_found).with_state(app.clone())));
    let bundle = bundle(&app.leptos.site_root);
    for (path, ..) in pages::PAGES {
        let bundle = bundle.clone();
        router = router.route(path, get(async |State(app), admin, request| page(app, bundle, admin, request).await));
    }
    let documents = AccountPages {
        auth: app.auth.clone(),
        budgets: app.budgets.clone(),
        network: app.network.clone(),
        leptos: app.leptos.clone(),
    };
    let leaving = health.leaving.clone();
    let router = router
        .with_state(app.clone())
        .merge(router::routes(documents.clone()))
        .merge(actions::routes(documents, actions))
        .merge(health::routes(health));
    let router = router::layers(router, &app.auth)?;
    Ok(router.layer(map_response_with_state(leaving, last_answer)))
}

/// While the process leaves, each connection closes after its answer. A load balancer may assign connections and not
/// requests. A client would then keep using its connection here until it closes under a request.
async fn last_answer(State(leaving): State<CancellationToken>, mut response: Response) -> Response {
    if leaving.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What [`load`](crate::web::api::load) takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoadBody {
    #[serde(rename = "ask")]
    _ask: PageRequest,
}

/// The server function of pages. It refuses what is no question of ours, because Leptos would report a server error.
async fn load(State(app): State<App>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    if head.headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        const DETAIL: &str = "Send JSON, as application/json.";
        return Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_body", DETAIL).into_response();
    }
    let Ok(body) = to_bytes(body, router::MAX_BODY).await else {
        return Problem::of(StatusCode::BAD_REQUEST).into_response();
    };
    if let Err(error) = serde_json::from_slice::<LoadBody>(&body) {
        return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", format!("No such question: {error}."))
            .into_response();
    }
    let request = Request::from_parts(head, Body::from(body));
    leptos_axum::handle_server_fns_with_context(move || provide_context(backend(&app)), request).await.into_response()
}

/// The longest path of a file of the site, bytes.
const FILE_PATH_MAX: usize = 200;

/// Files of the site. leptos_axum's own handler does not serve them, because a file that it serves while a page waits
/// in the same thread takes that page's headers, its policy among them. What can be no file is never looked for, because
/// ServeDir takes it for a fault of the server's that a file system refuses a name: of 256 bytes, or to HEAD one with U+0000.
fn files(
    site: &str,
    missing: MethodRouter,
) -> impl Service<Request<Body>, Response = Response, Error = Infallible, Future: Send> + Clone + use<> {
    let files = ServeDir::new(site).append_index_html_on_directories(false).precompressed_br().precompressed_gzip();
    let files = files.fallback(missing.clone());
    service_fn(move |request: Request<Body>| {
        let (files, missing) = (files.clone(), missing.clone());
        async move {
            let path = request.uri().path();
            if is_asset(path) && path.len() <= FILE_PATH_MAX {
                files.oneshot(request).await.map(IntoResponse::into_response)
            } else {
                missing.oneshot(request).await
            }
        }
    })
}

/// Renders a page with what it needs to know before it is drawn.
async fn page(app: App, bundle: Option<Bundle>, admin: CurrentAdmin, request: Request<Body>) -> Response {
    let context = PageResult(app.answer(PageRequest::Context, admin).await.map_err(AppError::from));
    let (options, path) = (app.leptos.clone(), request.uri().path().to_owned());
    // The page is sent whole, because without JavaScript nothing would put late parts into their places.
    let draw = render_app_async_with_context(
        move || {
            provide(&app, bundle.as_ref());
            provide_context(context.clone());
        },
        move || app::shell(options.clone(), &path),
    );
    draw(request).await
}

/// Renders the page that says that there is no such page. A client that is not signed in gets only an error.
async fn not_found(State(app): State<App>, admin: Result<CurrentAdmin, Problem>, request: Request<Body>) -> Response {
    match admin {
        Ok(admin) => (StatusCode::NOT_FOUND, page(app, None, admin, request).await).into_response(),
        Err(_) => Problem::of(StatusCode::NOT_FOUND).into_response(),
    }
}

/// The version of the browser's program. The build names its files by their content, and lists their hashes beside the
/// server's program. Where it does not, all versions are one.
pub fn version(options: &LeptosOptions) -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let hashes = fs::read_to_string(program.with_file_name(options.hash_file.as_ref())).unwrap_or_default();
    format!("{:x}", BuildHasherDefault::<DefaultHasher>::default().hash_one(hashes))
}

/// The script that draws charts, named by the hash of its content.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "the build names it")]
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

/// The backend that answers pages.
fn backend(app: &App) -> Arc<dyn Backend> {
    Arc::new(app.clone())
}

/// Provides what pages find in their context, and sets the page's policy, whose nonce is new for every answer.
fn provide(app: &App, bundle: Option<&Bundle>) {
    provide_context(backend(app));
    if let Some(bundle) = bundle {
        provide_context(bundle.clone());
    }
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    let reload = app.leptos.reload_port.to_string();
    let reload = ["localhost", "127.0.0.1"].map(|host| format!("ws://{host}:{reload}"));
    let watched = std::env::var_os("LEPTOS_WATCH").is_some();
    let connect: Vec<&str> = if watched { reload.iter().map(String::as_str).collect() } else { Vec::new() };
    if let Ok(policy) = HeaderValue::from_str(&csp::page_policy(&nonce, &app.auth.origin, &connect)) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}
