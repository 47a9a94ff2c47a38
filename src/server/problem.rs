//! Errors as clients see them: RFC 9457 `application/problem+json`, or a plain page for people. They hold a code and
//! a request id, never a cause. The cause is logged where it was found, under the same request id.
//!
//! Each layer has errors of its own. Where one ends a request, a `From` beside it makes the [`Problem`].
//!
//! - `domain`: `BadChoice` and `Refused`, a choice in an address that cannot be followed, with the reason in words;
//!   `EmailRefused` and `PasswordRefused`, worded by `domain::text` for forms and the command line.
//! - `config`: `SettingsErrors`. The process does not start, so no client sees them.
//! - `redis` and `mongo`: the drivers' errors, and `LogError`. They hold causes and are logged, never sent.
//! - `auth`: `Unavailable`, a backend does not answer; `ChangeRefused`, worded by forms.
//! - `snapshots`, `reports`, `budget`: `SnapshotError`, `ReportError`, `Unaffordable`: why there is no answer.
//! - `queries`: `AppError`, which is all that pages see of these three; `Failure`, which is also a refused choice.
//! - `actions`: `ActionRefused`, why nothing was done, and `Invalid`, what is malformed in a request.

use std::{borrow::Cow, time::Duration};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use serde::Serialize;
use tower_http::request_id::RequestId;

use crate::server::{csp::FORM_POLICY, paths::is_page};

/// Why a question that takes too long is not answered.
pub const TAKES_TOO_LONG: &str = "MongoDB takes longer than ten seconds for this. Choose less, or try again when it has \
     less to do. Lists need indexes, which “chargedeck prepare” makes.";

/// What a client may know of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    title: Cow<'static, str>,
    /// Stable, so that programs can rely on it.
    code: Cow<'static, str>,
    /// A sentence for people.
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: Cow<'static, str>,
    /// When to try again; sent in a header.
    #[serde(skip)]
    retry_after: Option<Duration>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, title: title(status), code: code.into(), detail: detail.into(), retry_after: None }
    }

    /// An error that its status describes completely.
    pub fn of(status: StatusCode) -> Self {
        let title = title(status);
        let code = title.to_lowercase().replace([' ', '-'], "_").replace('\'', "");
        Self { status, title, code: code.into(), detail: "".into(), retry_after: None }
    }

    /// MongoDB or Redis is away.
    pub fn unavailable() -> Self {
        const DETAIL: &str = "ChargeDeck cannot reach its database or cache. Try again in a few seconds.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", DETAIL)
    }

    /// MongoDB was not done in the time that a question has. It gets no `Retry-After`, because it would take as long
    /// again.
    pub fn takes_too_long() -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "takes_too_long", TAKES_TOO_LONG)
    }

    /// A client that tries again earlier gets the same answer.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// When to try again, as a header's value. A client without it tries again at once.
    pub fn wait(&self) -> Option<HeaderValue> {
        let unavailable = (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(Duration::from_secs(5));
        let seconds = self.retry_after.or(unavailable)?.as_millis().div_ceil(1000);
        Some(HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)))
    }
}

/// [`render`] writes the body, because it knows who asked, and when to try again.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of every error that has none, whichever layer made it.
pub async fn render(request: Request, next: Next) -> Response {
    // Whatever the method was, because a form that was sent is answered with a page, too.
    let page = is_page(&Method::GET, request.uri().path()) && wants_html(request.headers());
    let asked = request.method().is_safe();
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).map(str::to_owned);
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>().or_else(|| bare(&response)) else {
        return response;
    };
    let id = id.unwrap_or_default();
    let rendered = if page { problem.page(&id, asked) } else { problem.json(&id) };
    let (mut parts, _) = response.into_parts();
    let (body_parts, body) = rendered.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(body_parts.headers);
    if let Some(wait) = problem.wait() {
        parts.headers.insert(header::RETRY_AFTER, wait);
    }
    Response::from_parts(parts, body)
}

impl Problem {
    fn json(&self, request_id: &str) -> Response {
        #[derive(Serialize)]
        struct ProblemBody<'a> {
            r#type: &'static str,
            #[serde(flatten)]
            problem: &'a Problem,
            request_id: &'a str,
        }
        let body = ProblemBody { r#type: "about:blank", problem: self, request_id };
        // Serialising strings and a number cannot fail.
        let text = serde_json::to_string(&body).unwrap_or_default();
        ([(header::CONTENT_TYPE, "application/problem+json")], Body::from(text)).into_response()
    }

    /// The detail may quote the request; all else is our own words and the id that we made. A temporary error makes
    /// the page ask again by itself, but only if it was `asked` for: what was sent may have been done.
    fn page(&self, request_id: &str, asked: bool) -> Response {
        let Self { title, detail, status, .. } = self;
        let detail = detail.replace('&', "&amp;").replace('<', "&lt;");
        let (refresh, again) = match (*status == StatusCode::SERVICE_UNAVAILABLE, asked) {
            (true, true) => {
                ("<meta http-equiv=\"refresh\" content=\"5\">", "This page tries again by itself every five seconds.")
            }
            (true, false) => ("", "Your change may not have been saved. Go back, check, and send it again if needed."),
            _ => ("", ""),
        };
        let link = if asked { "<a href=\"\">Try again</a>" } else { "" };
        let html = Html(format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">{refresh}\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title} · ChargeDeck</title>\
             <script src=\"/theme.js\"></script><link rel=\"stylesheet\" href=\"/assets/problem.css\">\
             <link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\"></head>\
             <body><main><h1>{title}</h1><p>{detail} {again}</p>\
             <nav>{link}<a href=\"/\">Overview</a></nav>\
             <p><small>Request {request_id}</small></p></main></body></html>"
        ));
        ([(header::CONTENT_SECURITY_POLICY, FORM_POLICY)], html).into_response()
    }
}

/// The problem for an error answer without a body, or with the plain words of a library.
fn bare(response: &Response) -> Option<Problem> {
    let status = response.status();
    let error = status.is_client_error() || status.is_server_error();
    let empty = response.body().size_hint().exact() == Some(0);
    (error && (empty || is_plain(response.headers()))).then(|| Problem::of(status))
}

/// Whether these are a library's words, as of a path that is no UTF-8. Ours are JSON or a page.
fn is_plain(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

fn wants_html(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

fn title(status: StatusCode) -> Cow<'static, str> {
    status.canonical_reason().unwrap_or("Error").into()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::to_bytes, extract::Path, middleware::from_fn, routing::get};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_path_that_is_no_text_is_refused_as_other_bad_input_is() {
        let named = get(|Path(name): Path<String>| async { name });
        let router = Router::new().route("/{name}", named).layer(from_fn(render));
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = "/%FF".parse().unwrap();
        request.extensions_mut().insert(RequestId::new(HeaderValue::from_static("r-1")));
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = to_bytes(answer.into_body(), 1 << 10).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&problem["code"], &problem["request_id"]), (&"bad_request".into(), &"r-1".into()));
    }

    #[tokio::test]
    async fn whichever_layer_cannot_answer_now_says_when_to_come_back() {
        let time_out = get(|| async { StatusCode::SERVICE_UNAVAILABLE });
        let router = Router::new().route("/", time_out).layer(from_fn(render));
        let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "5");
    }
}
