//! Requests that are answered as they stand, at least one for each method of every route. The routes are read from the
//! server's source, their methods from its answers, so a new one without a seed makes the fuzzer fail.

use std::{collections::BTreeSet, fs, path::Path};

use chargedeck::{
    server::{
        accounts::pages::audit_log,
        actions,
        paths::{ALIVE, LIVE},
    },
    web::pages::PAGES,
};

/// The public id of a client in the database.
pub const CLIENT: &str = "C-1";

/// A method, an address and a body. What begins with `$` is [filled](super::spare::Spare::fill).
pub type Seed = (String, String, String);

const GIVEN: &[(&str, &str, &str)] = &[
    ("GET", "/analytics?last=7d&by=day&against=before", ""),
    ("GET", "/activity?of=problems", ""),
    ("GET", "/payments?status=CAPTURED&method=CARD", ""),
    ("GET", "/sessions?slot=4.14@Europe/London", ""),
    ("GET", "/stations?evse=OUTOFORDER&city=Dundee", ""),
    ("GET", "/reports?from=2018-06-01&to=2018-06-30&by=station&sort=-energy", ""),
    ("GET", "/api/v1/snapshot/clients?status=ACTIVE,BLOCKED", ""),
    ("GET", "/api/v1/report.csv?last=30d&by=week", ""),
    ("GET", "/api/v1/analytics/revenue.csv?last=7d&currency=GBP", ""),
    ("GET", "/login?next=/stations", ""),
    ("GET", "/confirm?next=/users", ""),
    ("GET", "/account?done=password_changed", ""),
    ("GET", "/users/$USER", ""),
    ("GET", "/audit?action=login", ""),
    ("GET", "/invitation?token=$INVITATION", ""),
    ("GET", "/setup?token=$LINK", ""),
    (
        "POST",
        "/api/page/load",
        r#"{"ask":{"List":{"of":"clients","selection":{"status":"ACTIVE"},"min_position":null}}}"#,
    ),
    (
        "POST",
        "/api/page/load",
        r#"{"ask":{"Analytics":{"query":"last=7d&by=day&against=before&zone=UTC","currency":"GBP"}}}"#,
    ),
    ("POST", "/api/page/load", r#"{"ask":{"Activity":{"of":"all","before":"7-1"}}}"#),
    ("POST", "/api/page/load", r#"{"ask":{"Report":{"query":"last=7d&by=method"}}}"#),
    ("POST", "/login", "email=$EVE&password=$PASSWORD&next=/stations"),
    ("POST", "/logout", ""),
    ("POST", "/api/v1/session", r#"{"email":"$EVE","password":"$PASSWORD"}"#),
    ("DELETE", "/api/v1/session", ""),
    ("POST", ALIVE, ""),
    ("POST", "/confirm", "password=$PASSWORD&next=/users"),
    ("POST", "/account", "end=others"),
    ("POST", "/account/password", "current=$PASSWORD&password=$OTHER&again=$OTHER"),
    ("POST", "/users/invite", "email=new@example.org"),
    ("POST", "/users/$USER", "act=disable"),
    ("POST", "/users/$USER", "act=role&role=admin"),
    ("POST", "/users/$USER", "act=link"),
    ("POST", "/users/$USER", "act=end_sessions"),
    ("POST", "/invitation", "token=$INVITATION&password=$OTHER&again=$OTHER"),
    ("POST", "/setup", "token=$LINK&email=new@example.org&password=$OTHER&again=$OTHER"),
];

/// Requests that were once answered wrongly, or that no route takes.
pub const FOUND: &[(&str, &str, &str)] = &[
    ("GET", "/api/v1/snapshot/clients?status=ACTIVE,BLOCKED&min_position=7-1", ""),
    ("GET", "/vendor/../../etc/passwd", ""),
    ("GET", "stations", ""),
    ("HEAD", "/st%00ations", ""),
    ("GET", "/static/style.css", ""),
];

/// The seeds for these routes, each with a method that it takes.
///
/// # Panics
/// If one has no seed, or a seed has no route.
pub fn seeds(routes: &BTreeSet<(String, String)>) -> Vec<Seed> {
    let seed = |(method, address, body): &(&str, &str, &str)| {
        ((*method).to_owned(), (*address).to_owned(), (*body).to_owned())
    };
    let mut seeds: Vec<Seed> = GIVEN.iter().map(seed).collect();
    for action in actions::ALL {
        let address = format!("{}/{}?id={CLIENT}", action.of.page(), action.name);
        seeds.push(("GET".to_owned(), address.clone(), String::new()));
        seeds.push(("POST".to_owned(), address, format!("reason=owes+30.00+GBP&key={}", action.name)));
    }
    for action in actions::ALL {
        let address = format!("/api/v1/{}/{CLIENT}/{}", action.of.name(), action.name);
        seeds.push(("POST".to_owned(), address, r#"{"reason":"owes 30.00 GBP"}"#.to_owned()));
    }
    let of = |seed: &Seed| (seed.0.clone(), route_of(routes, &seed.1));
    let mut seeded: BTreeSet<_> = seeds.iter().map(of).collect();
    for route in routes {
        if matches!(route.0.as_str(), "GET" | "OPTIONS") && !route.1.contains('{') && seeded.insert(route.clone()) {
            seeds.push((route.0.clone(), route.1.clone(), String::new()));
        }
    }
    let missing: Vec<_> = routes.difference(&seeded).collect();
    assert!(missing.is_empty(), "give these a seed in tests/auth/fuzz/seeds.rs: {missing:?}");
    let gone: Vec<_> = seeded.difference(routes).collect();
    assert!(gone.is_empty(), "these seeds have no route: {gone:?}");
    seeds
}

/// The route that takes this address.
fn route_of(routes: &BTreeSet<(String, String)>, address: &str) -> String {
    let path = address.split('?').next().unwrap_or_default();
    let takes = |route: &str| {
        let parts = || route.split('/').zip(path.split('/'));
        route.split('/').count() == path.split('/').count() && parts().all(|(of, is)| of == is || of.starts_with('{'))
    };
    let mut fit: Vec<_> = routes.iter().map(|(_, route)| route).filter(|route| takes(route)).collect();
    fit.sort_by_key(|route| route.matches('{').count());
    fit.first().map_or_else(|| path.to_owned(), |route| (*route).clone())
}

/// The paths of all routes, as the server's source has them.
///
/// # Panics
/// If one stands there in a way that this function does not know.
pub fn paths() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server")];
    while let Some(file) = left.pop() {
        if file.is_dir() {
            left.extend(fs::read_dir(&file).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        // Metrics have a listener of their own.
        if file.ends_with("telemetry/listener.rs") {
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        let routes = source.split(".route(").skip(1);
        paths.extend(routes.flat_map(|route| named(route.split(',').next().unwrap_or_default().trim())));
    }
    paths
}

/// The paths that the first argument of `route` stands for.
fn named(argument: &str) -> Vec<String> {
    let literal = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match (literal, argument) {
        (Some(path), _) => vec![path.to_owned()],
        (_, "LIVE") => vec![LIVE.to_owned()],
        (_, "crate::server::paths::ALIVE") => vec![ALIVE.to_owned()],
        (_, "audit_log::PATH") => vec![audit_log::PATH.to_owned()],
        (_, "audit_page::FILE") => vec!["/api/v1/audit.csv".to_owned()],
        (_, "path") => PAGES.iter().map(|(path, ..)| (*path).to_owned()).collect(),
        (_, "&action.path()") => {
            actions::ALL.iter().map(|action| format!("{}/{}", action.of.page(), action.name)).collect()
        }
        (_, r#"&format!("/api/v1/{}/{{id}}/{}""#) => {
            actions::ALL.iter().map(|action| format!("/api/v1/{}/{{id}}/{}", action.of.name(), action.name)).collect()
        }
        _ => panic!("tests/auth/fuzz/seeds.rs does not know which path `{argument}` is"),
    }
}
