//! The headers that every answer carries, and how long it may be cached.

use axum::{
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use crate::server::{
    auth::{login::CLEAR_SITE_DATA, session::cookie_name},
    config::PublicOrigin,
    csp::NO_PAGE_POLICY,
    paths::is_asset,
};

const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Within the site the referrer is sent, because a form without JavaScript uses it to lead back to its page.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), serial=(), usb=()",
    ),
];

/// Sets the headers on every answer, errors included. Only a page's own content security policy stays as it is.
pub async fn harden(State(origin): State<PublicOrigin>, request: Request, next: Next) -> Response {
    let cache = cache_policy(request.uri().path());
    let mut response = next.run(request).await;
    let lasting = response.status().is_success() || response.status().is_redirection();
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(if lasting { cache } else { NO_STORE }));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NO_PAGE_POLICY));
    if origin.is_secure() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(FOR_TWO_YEARS));
    }
    take_back_at_sign_out(headers, cookie_name(&origin));
    response
}

/// The header lines for answers that the HTTP library gives by itself.
pub fn of_unparsed(origin: &PublicOrigin) -> Bytes {
    let mut headers = ALWAYS.to_vec();
    headers.push((header::CACHE_CONTROL, NO_STORE));
    headers.push((header::CONTENT_SECURITY_POLICY, NO_PAGE_POLICY));
    if origin.is_secure() {
        headers.push((header::STRICT_TRANSPORT_SECURITY, FOR_TWO_YEARS));
    }
    headers.iter().flat_map(|(name, value)| [name.as_str(), ": ", *value, "\r\n"]).collect::<String>().into()
}

const NO_STORE: &str = "no-store";

const FOR_TWO_YEARS: &str = "max-age=63072000";

/// Cached for ever if the name changes with the content; revalidated each time for other files; else never stored.
fn cache_policy(path: &str) -> &'static str {
    if !is_asset(path) {
        NO_STORE
    } else if is_hashed(path) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    }
}

/// Built files are named `name.<hash>.ext`. The hash is 128 bits in base64, or 40 bits in base32 for the bundle.
const HASHED: [(&str, usize); 2] = [("/pkg/", 22), ("/vendor/", 8)];

fn is_hashed(path: &str) -> bool {
    let mut parts = path.rsplit('.').skip(1);
    let hash = parts.next().unwrap_or_default();
    let named = parts.next().is_some();
    let of_length = |(folder, length)| path.starts_with(folder) && hash.len() == length;
    named
        && HASHED.into_iter().any(of_length)
        && hash.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        // While a developer's build is watched, one file has underscores in place of the hash.
        && hash.bytes().any(|b| b != b'_')
}

/// Lets an answer remove the session cookie only when the user signs out. The session layer removes every cookie that
/// opens no session. But such an answer may arrive after another one that has set a new id, and a session that is
/// missing because Redis is away comes back with Redis. The removal gets the attributes with which the cookie was set,
/// because browsers ignore it otherwise for a `__Host-` name.
fn take_back_at_sign_out(headers: &mut HeaderMap, cookie: &str) {
    let signed_out = headers.contains_key(CLEAR_SITE_DATA);
    let header::Entry::Occupied(cookies) = headers.entry(header::SET_COOKIE) else { return };
    let (name, values) = cookies.remove_entry_mult();
    for value in values.collect::<Vec<_>>() {
        let taken_back =
            value.to_str().ok().filter(|text| text.strip_prefix(cookie).is_some_and(|rest| rest.starts_with("=;")));
        let secured = match taken_back {
            None => Ok(value),
            Some(_) if !signed_out => continue,
            Some(text) if cookie.starts_with("__Host-") => {
                HeaderValue::from_str(&format!("{text}; Secure; HttpOnly; SameSite=Lax"))
            }
            Some(_) => Ok(value),
        };
        if let Ok(value) = secured {
            headers.append(&name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashed_names_are_kept_for_ever() {
        let immutable = "public, max-age=31536000, immutable";
        for (path, policy) in [
            ("/pkg/chargedeck.4f0x-9_aB3cD5eF7gH9iJ1.js", immutable),
            ("/pkg/chargedeck.4f0x-9_aB3cD5eF7gH9iJ1.wasm", immutable),
            ("/vendor/charts.GIZBPVGZ.js", immutable),
            ("/vendor/charts-licences.txt", "no-cache"),
            ("/pkg/charts.GIZBPVGZ.js", "no-cache"),
            ("/pkg/chargedeck.js", "no-cache"),
            ("/pkg/4f0x-9_aB3cD5eF7gH9iJ1.js", "no-cache"),
            ("/pkg/__wasm_split.______________________.js", "no-cache"),
            ("/favicon.ico", "no-cache"),
            ("/", NO_STORE),
            ("/api/v1/snapshot/stations", NO_STORE),
        ] {
            assert_eq!(cache_policy(path), policy, "{path}");
        }
    }

    #[test]
    fn a_cookie_is_taken_back_at_sign_out_alone_with_its_attributes() {
        const TAKEN_BACK: &str = "__Host-chargedeck=; Path=/; Max-Age=0";
        const GIVEN: &str = "__Host-chargedeck=abc; Path=/";
        let kept = |signed_out: bool| {
            let mut headers = HeaderMap::new();
            headers.append(header::SET_COOKIE, HeaderValue::from_static(TAKEN_BACK));
            headers.append(header::SET_COOKIE, HeaderValue::from_static(GIVEN));
            if signed_out {
                headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
            }
            take_back_at_sign_out(&mut headers, "__Host-chargedeck");
            headers.get_all(header::SET_COOKIE).iter().map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(kept(true), [format!("{TAKEN_BACK}; Secure; HttpOnly; SameSite=Lax"), GIVEN.to_owned()]);
        assert_eq!(kept(false), [GIVEN]);
    }
}
