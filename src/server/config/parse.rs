//! The text of one setting -> its value, or what is wrong with it in words. Pure.

use std::{
    fmt::{self, Display},
    net::{Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use jiff::tz::TimeZone;
use mongodb::options::ConnectionString;
use redis::IntoConnectionInfo;
use secrecy::SecretString;
use url::{Host, Url};

use crate::domain::money::{Currency, is_currency};

/// A name that MongoDB accepts for a database on every platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseName(String);

impl DatabaseName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// MongoDB refuses two databases whose names differ in case alone.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The URL at which browsers reach the site: https, or http on this machine only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicOrigin(Url);

impl PublicOrigin {
    /// As a browser sends it in `Origin`: lower case, no default port, no slash at the end.
    pub fn as_origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The same place for sockets: `wss://…`, or `ws://…` on this machine.
    pub fn as_socket_origin(&self) -> String {
        // `http` -> `ws` and `https` -> `wss`: the first four letters change.
        format!("ws{}", &self.as_origin()["http".len()..])
    }

    /// False only on this machine, where the session cookie travels without TLS.
    pub fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether a request for `host` may be meant for this site. On this machine a foreign name belongs to another
    /// site, whose owner has pointed it here. Elsewhere a proxy may have written any name.
    pub fn answers_to(&self, host: &str) -> bool {
        self.is_secure() || Url::parse(&format!("http://{host}")).is_ok_and(|url| is_loopback(&url))
    }

    /// Whether an `Origin` header names this site. A loopback site goes by all the names of this machine.
    pub fn accepts(&self, origin: &str) -> bool {
        if origin == self.as_origin() {
            return true;
        }
        let Ok(other) = Url::parse(origin) else { return false };
        is_loopback(&self.0)
            && is_loopback(&other)
            && other.scheme() == self.0.scheme()
            && other.port_or_known_default() == self.0.port_or_known_default()
    }
}

impl fmt::Display for PublicOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_origin())
    }
}

pub(super) fn name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("must not be blank".into()),
        name if name.chars().count() > 80 => Err("must not be longer than 80 characters".into()),
        name if name.chars().any(char::is_control) => Err("must not hold control characters".into()),
        name => Ok(name.into()),
    }
}

pub(super) fn time_zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| "is not a time zone of the IANA database: write one such as Europe/London".into())
}

pub(super) fn currency(text: &str) -> Result<Currency, String> {
    if is_currency(text) {
        Ok(Currency(text.into()))
    } else {
        Err("is not an ISO 4217 code: write three capital letters such as GBP".into())
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    whole(text, 1..=7 * 24 * 3600, " of seconds").map(Duration::from_secs)
}

/// Seconds; 0 is allowed.
pub(super) fn grace(text: &str) -> Result<Duration, String> {
    whole(text, 0..=300, " of seconds").map(Duration::from_secs)
}

pub(super) fn days(text: &str) -> Result<Duration, String> {
    whole(text, 1..=3660, " of days").map(|days| Duration::from_secs(86_400_u64.saturating_mul(days)))
}

/// `true` or `false`.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".to_owned())
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    whole(text, 1..=1_000_000, "")
}

/// Mebibytes as bytes.
pub(super) fn mebibytes(text: &str) -> Result<usize, String> {
    whole(text, 0..=65_536_usize, " of MiB").map(|mib| mib.saturating_mul(1 << 20))
}

fn whole<N: FromStr + PartialOrd + Display>(text: &str, range: RangeInclusive<N>, what: &str) -> Result<N, String> {
    text.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("must be a whole number{what} from {} to {}", range.start(), range.end()))
}

pub(super) fn site_addr(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an IP address and a port, such as 127.0.0.1:3000".into())
}

/// A port without an address is on this machine only.
pub(super) fn metrics_addr(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    let port = text.parse::<u16>().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    port.or_else(|_| text.parse())
        .map(Some)
        .map_err(|_| "must be off, a port on this machine, or an IP address and a port, such as 127.0.0.1:9464".into())
}

pub(super) fn public_origin(text: &str) -> Result<PublicOrigin, String> {
    const SHAPE: &str = "must be scheme, host and port alone, such as https://deck.example.org";
    let url = Url::parse(text).map_err(|_| SHAPE)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || !bare || !anonymous || text.ends_with(['?', '#']) {
        return Err(SHAPE.into());
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err("must be https unless its host is this machine (127.0.0.1, localhost): browsers drop the Secure \
                    session cookie on plain http, so nobody could sign in. Set CHARGEDECK_PUBLIC_ORIGIN to the https \
                    address that browsers use"
            .into());
    }
    Ok(PublicOrigin(url))
}

pub(super) fn mongodb_uri(text: &str) -> Result<SecretString, String> {
    ConnectionString::parse(text)
        .map_err(|error| explain("mongodb://host:port or mongodb+srv://host", text, &error))?;
    Ok(text.into())
}

pub(super) fn redis_url(text: &str) -> Result<SecretString, String> {
    text.into_connection_info().map_err(|error| explain("redis://host:port", text, &error))?;
    Ok(text.into())
}

pub(super) fn database_name(text: &str) -> Result<DatabaseName, String> {
    const FORBIDDEN: &[char] = &['/', '\\', '.', ' ', '"', '$', '*', '<', '>', ':', '|', '?', '\0'];
    if text.is_empty() || text.len() > 63 || text.contains(FORBIDDEN) {
        return Err("is not a MongoDB database name: 1 to 63 bytes without / \\ . \" $ * < > : | ? or blanks".into());
    }
    if matches!(text, "admin" | "config" | "local") {
        return Err("is one of MongoDB's own databases".into());
    }
    Ok(DatabaseName(text.into()))
}

/// Our database's name is also the hash tag of our Redis keys, where braces have a meaning.
pub(super) fn own_database_name(text: &str) -> Result<DatabaseName, String> {
    if text.contains(['{', '}']) {
        return Err("must not hold braces: it is part of the names of the Redis keys".into());
    }
    database_name(text)
}

/// The text without what may be a password. Between the scheme and the last `@` only the user's name stays. The query
/// is removed, since drivers accept secrets there too.
pub(super) fn mask(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return if text.contains('@') { "…".into() } else { text.into() };
    };
    let (user, place) = match rest.rsplit_once('@') {
        Some((user_info, place)) => {
            let user = user_info.split_once(':').map_or("", |(user, _)| user);
            (format!("{user}:***@"), place)
        }
        None => (String::new(), rest),
    };
    match place.split_once('?') {
        Some((place, _)) => format!("{scheme}://{user}{place}?…"),
        None => format!("{scheme}://{user}{place}"),
    }
}

/// The driver's reason may quote the URI, so it is included only if there is nothing to hide.
fn explain(shape: &str, text: &str, error: &dyn fmt::Display) -> String {
    if text.contains(['@', '?']) {
        format!("is not a URI like {shape} (percent-encode special characters in user name and password)")
    } else {
        format!("is not a URI like {shape}: {error}")
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
