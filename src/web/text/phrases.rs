//! Fixed phrases: names of pages, headings, instructions, and the states of the connection.
//!
//! Long, because it is one list: whoever looks for a phrase, or translates them, finds all of them here.

use super::{count, money::money};
use crate::{
    domain::{
        address::Refused,
        board::Filter,
        collections::{Collection, Order, evse_number},
        money::{Money, Watt},
        protocol::window::{Fate, Waiting},
        status::EvseStatus,
        time::{UtcMs, Zone},
    },
    web::{api::AppError, live::ConnectionState},
};

pub const PRODUCT: &str = "ChargeDeck";
pub const OVERVIEW: &str = "Overview";
pub const NOT_FOUND: (&str, &str) = ("Page not found", "No page has this address. It may be old or mistyped.");
pub const TO_OVERVIEW: &str = "To the Overview";
pub const EMAIL: &str = "E-mail";
pub const PASSWORD: &str = "Password";
/// Names the period of a total.
pub const ALL_TIME: &str = "All time";
pub const ADMINS_ONLY: &str = "Admins only. Ask whoever runs this server for an account.";
pub const PLACES: &str = "Pages and account";
pub const CONNECTION: &str = "Connection";
pub const MORE: &str = "More";
pub const SIGN_IN: &str = "Sign in";
pub const NOT_SIGNED_IN: &str = "E-mail or password is wrong.";
pub const NO_SIGN_IN_NOW: &str = "Signing in is not possible right now. Try again in a moment.";
pub const SIGN_OUT: &str = "Sign out";
pub const SKIP: &str = "Skip to content";
pub const RETRY_NOW: &str = "Retry now";
pub const TRY_AGAIN: &str = "Try again";
pub const LOAD_AGAIN: &str = "Load again";
pub const NOT_LOADED: &str =
    "The page could not be loaded, because the server does not answer. It opens as soon as the server is back.";
pub const PART_NOT_LOADED: &str = "The page could not be loaded: the server answers, but the part of the program that draws the page did not come. It opens as soon as that comes.";
pub const RESTORED: &str = "The database was restored to an earlier state. What you see is what it holds now.";
pub const STAY: &str = "Stay here";
pub const STOPPED: &str = "This page has stopped updating. Reload it.";
pub const NOT_LIVE: &str = "As of loading. Without JavaScript this page does not update.";
pub const DERIVED: &str = "derived";
pub const DERIVED_WHY: &str = "computed from a tariff, because the source has no payments";
pub const NAVIGATION: &str = "Main";
pub const MORE_PLACES: &str = "More pages";
pub const NOW: &str = "Now";
pub const NETWORK: &str = "Network";
pub const INSIGHT: &str = "Insight";
pub const OPERATIONS: &str = "Operations";
pub const SYSTEM: &str = "System";
pub const ADMINISTRATION: &str = "Administration";
pub const ACCOUNT: &str = "Account";
pub const USERS: &str = "Users";
pub const AUDIT_LOG: &str = "Audit log";
pub const PIPELINE: &str = "Data pipeline";
pub const AFTER_COMMIT: &str = "after commit";
pub const NOT_KNOWN_NOW: &str = "Not known now";
pub const THEME: &str = "Theme";
/// The system's theme, light, dark.
pub const THEMES: [&str; 3] = ["System", "Light", "Dark"];
pub const LATEST_CHANGES: &str = "Latest changes";
pub const ACTIVITY: &str = "Activity";
pub const ALL_ACTIVITY: &str = "All activity";
pub const FILTERS: &str = "Filters";
pub const ALL: &str = "All";
pub const OLDER: &str = "Older events";
/// MongoDB no longer had the events, or had only part of them.
pub const GAP: &str = "Changes before this may be missing here; lists and figures are complete";
pub const OLDER_COME: &str = "Loading older events";
pub const OLDER_FAILED: &str = "Couldn’t load older events. Try again";
pub const EVSES: &str = "EVSEs";
pub const PER_QUARTER: &str = "kWh per quarter hour";
pub const TODAY: &str = "Today";
pub const AS_TABLE: &str = "As a table";
pub const SAVE_PNG: &str = "Save as a picture (PNG)";
pub const SAVE_CSV: &str = "Save as a file for spreadsheets (CSV)";
pub const CHART_COMES: &str = "Loading the chart";
pub const NO_CHART: &str = "The chart could not be loaded. The table below says the same.";
pub const NO_DATA: &str = "No data";
pub const HOUR_FROM: &str = "Hour from";
pub const HOW_COMPUTED: &str = "How this is computed";
pub const DELETED: &str = "deleted";
pub const ECO_FORMULA: [&str; 3] = [
    "Petrol saved is the energy in kWh times the litres a combustion car burns for the distance that 1 kWh drives.",
    "CO₂ avoided is that petrol's CO₂ less the CO₂ of generating the energy. It is negative where the grid is dirtier than petrol, and is shown so.",
    "Trees are CO₂ avoided divided by what one urban tree seedling binds when grown for 10 years. Each period keeps the factors it was computed with.",
];

/// The title of a collection's page.
pub const fn title(collection: Collection) -> &'static str {
    match collection {
        Collection::Clients => "Clients",
        Collection::Stations => "Stations",
        Collection::Payments => "Payments",
        Collection::ChargingSessions => "Sessions",
        Collection::EcoStats => "Eco",
    }
}

/// The titles of cards.
pub mod card {
    pub const ACTIVE_SESSIONS: &str = "Active sessions";
    pub const LIVE_POWER: &str = "Power now";
    pub const ENERGY_TODAY: &str = "Energy today";
    pub const REVENUE_TODAY: &str = "Revenue today";
    pub const SESSIONS_TODAY: &str = "Sessions today";
    pub const CLIENTS: &str = "Active clients";
    pub const OPEN_PAYMENTS: &str = "Open payments";
    pub const FAILED_PAYMENTS: &str = "Failed payments";
}

/// `Last Monday`
pub fn last(weekday: &str) -> String {
    format!("Last {weekday}")
}

/// What a day's chart shows, for screen readers.
pub fn day_summary(today: &str, weekday: &str, before: &str) -> String {
    format!("Energy per quarter of an hour. Today so far {today}, last {weekday} {before} in all.")
}

/// `Loading Stations`
pub fn loading(what: &str) -> String {
    format!("Loading {what}")
}

/// One document of a collection, and several.
pub const fn nouns(collection: Collection) -> (&'static str, &'static str) {
    match collection {
        Collection::Clients => ("client", "clients"),
        Collection::Stations => ("station", "stations"),
        Collection::Payments => ("payment", "payments"),
        Collection::ChargingSessions => ("session", "sessions"),
        Collection::EcoStats => ("eco period", "eco periods"),
    }
}

/// `2 sessions`
pub fn documents(collection: Collection, n: i64) -> String {
    let (one, many) = nouns(collection);
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// How a list is sorted.
pub const fn order(collection: Collection) -> &'static str {
    match collection.order() {
        Order::Ascending(_) => "by name",
        Order::Newest(_) => "newest first",
    }
}

/// `50 of 19,227, newest first`
pub fn shown(shown: usize, total: Option<i64>, collection: Collection) -> String {
    let shown = i64::try_from(shown).unwrap_or(i64::MAX);
    match total {
        Some(total) => format!("{} of {}, {}", count(shown), count(total.max(shown)), order(collection)),
        None => format!("{}, {}", count(shown), order(collection)),
    }
}

/// An empty list: what is missing, and what to do next.
pub const fn empty(collection: Collection) -> (&'static str, &'static str) {
    match collection {
        Collection::Clients => {
            ("No clients yet", "Clients appear here as soon as your systems write to the clients collection.")
        }
        Collection::Stations => {
            ("No stations yet", "Stations appear here as soon as your systems write to the stations collection.")
        }
        Collection::Payments => {
            ("No payments yet", "Payments appear here as soon as your systems write to the payments collection.")
        }
        Collection::ChargingSessions => (
            "No sessions yet",
            "Sessions appear here as soon as one starts. To look at past ones, import them with “chargedeck import”.",
        ),
        Collection::EcoStats => {
            ("No eco figures yet", "They follow completed sessions, one document per day, month and in total.")
        }
    }
}

pub const NO_NEWS: (&str, &str) = ("Nothing has changed yet", "Changes in the database appear here as they happen.");
/// Shown while the database is empty.
pub const NO_DOCUMENTS: &str = "The database is empty. What your systems write to its collections appears here at once; “chargedeck import” brings past sessions, and “chargedeck check” tells whether everything is set up.";
pub const NO_EVSES: (&str, &str) = ("No EVSEs yet", "They appear with the first station that has one.");
pub const NO_ENERGY: &str = "No session has ended today or on this day last week.";
pub const ENERGY_GAPS: &str = "Gaps: sessions ended, but none reports its energy.";

/// The name of a filter of events.
pub const fn filter(filter: Filter) -> &'static str {
    match filter {
        Filter::All => "All",
        Filter::Of(collection) => title(collection),
        Filter::Problems => "Problems",
    }
}

/// The label of a feed's button, which holds the feed still or releases what waits.
pub fn paused(paused: bool, new: usize) -> String {
    match (paused, new) {
        (false, _) => "Pause".to_owned(),
        (true, 0) => "Resume".to_owned(),
        (true, new) => format!("Resume: {}", waiting(new)),
    }
}

/// `3 new`
pub fn waiting(n: usize) -> String {
    quantified(n, "new")
}

/// How many events wait in a feed that knows of at most `most`: `3 new`, `12 or more new`. Empty if none waits.
pub fn arrived(n: usize, most: usize) -> String {
    match n {
        0 => String::new(),
        n if n < most => waiting(n),
        n => quantified(n, "or more new"),
    }
}

fn quantified(n: usize, what: &str) -> String {
    format!("{} {what}", count(i64::try_from(n).unwrap_or(i64::MAX)))
}

/// What releasing a held list will change: `3 new, 1 left`. Empty if nothing waits.
pub fn waits(Waiting { new, left, deleted, moved }: Waiting) -> String {
    let all = [(new, "new"), (left, "left"), (deleted, "deleted"), (moved, "moved")];
    all.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| quantified(n, what)).collect::<Vec<_>>().join(", ")
}

/// What became of a row that is held where it was.
pub const fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Stays => "",
        Fate::Moved => "now elsewhere in the list",
        Fate::Pushed => "now further down",
        Fate::Left => "no longer in this list",
        Fate::Deleted => DELETED,
    }
}

/// `unreadable: status, energy_wh`
pub fn unreadable(fields: &[String]) -> String {
    format!("unreadable: {}", fields.join(", "))
}

/// A field of the operator's own: `nickname: Old mill`.
pub fn other(name: &str, value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => format!("{name}: {text}"),
        // Written with the serialiser of requests, because a pretty-printer would add to the download.
        other => format!("{name}: {}", serde_json::to_string(other).unwrap_or_default()),
    }
}

/// `All times Europe/London`
pub fn all_times(zone: &str) -> String {
    format!("All times {zone}")
}

/// The header of every printed page: `Demo · All times Europe/London · As of 6 Sep 2018, 14:02`
pub fn paper(network: &str, zone: &Zone, now: UtcMs) -> String {
    let (date, time) = (super::date(zone, now), super::clock_time(zone, now));
    format!("{network} · {} · As of {date}, {time}", all_times(&zone.name))
}

/// Amounts of several currencies, never added: `£12.40 and €3.00`.
pub fn amounts(amounts: &[Money]) -> String {
    amounts.iter().map(money).collect::<Vec<_>>().join(" and ")
}

pub const FIGURES: &str = "Figures";
pub const NOTHING_CAPTURED: &str = "nothing captured yet";
pub const CAPTURED_TODAY: &str = "captured minus refunded";
pub const CREATED_TODAY: &str = "created today";
pub const NONE_OPEN: &str = "no open payments";
pub const AMOUNT_NOT_KNOWN: &str = "amount not known";
pub const EVSES_NOT_KNOWN: &str = "EVSEs not known";
pub const LEFT_OUT: &str = "excluded";
pub const DOUBTFUL: &str = "questionable";
pub const AHEAD: &str = "in the future";
/// Explanations of why a document is not in a sum, or is in it with a remark.
pub const NO_POWER_WHY: &str = "active sessions without a power reading";
pub const NO_RATING_WHY: &str = "EVSEs without a rated power";
pub const NO_ENERGY_WHY: &str = "completed sessions without an energy reading";
pub const LEFT_OUT_WHY: &str = "completed sessions with impossible energy or times; they are marked in the list";
pub const DOUBTFUL_WHY: &str = "over 250 kWh, or faster than a connector; in the sum, and marked in the list";
pub const NO_AMOUNT_WHY: &str = "payments without an amount or a currency";
pub const AHEAD_WHY: &str = "sessions that start more than an hour from now";
pub const TO_NEWEST: &str = "Show that day";
pub const TO_NEWEST_DATA: &str = "Show the newest day with data";

/// `on 152 EVSEs`
pub fn on_evses(n: i64) -> String {
    format!("on {} EVSEs", count(n))
}

/// `52 for more than 8 h`
pub fn running_over(n: i64, hours: u8) -> String {
    format!("{} for more than {hours} h", count(n))
}

/// `41 for more than a day`
pub fn long_active(n: i64) -> String {
    format!("{} for more than a day", count(n))
}

/// `3 waiting to start`
pub fn pending(n: i64) -> String {
    format!("{} waiting to start", count(n))
}

/// `5 blocked`
pub fn blocked(n: i64) -> String {
    format!("{} blocked", count(n))
}

/// `of 1,930 kW installed`
pub fn installed(power: Watt) -> String {
    format!("of {} installed", super::power_figure(power))
}

/// The remark on a saved picture with derived money.
pub fn derived_picture() -> String {
    format!("{DERIVED}: {DERIVED_WHY}")
}

/// `2 excluded`
pub fn remark(n: i64, what: &str) -> String {
    format!("{} {what}", count(n))
}

/// `+4.1% vs last Thursday, same time`
pub fn against(before: i64, now: i64, weekday: &str) -> String {
    match super::change(before, now) {
        Some(change) => format!("{change} vs last {weekday}, same time"),
        None => format!("none last {weekday}, same time"),
    }
}

/// `31 completed`
pub fn completed(n: i64) -> String {
    format!("{} completed", count(n))
}

/// `of 1,204 in all`
pub fn of_all(n: i64) -> String {
    format!("of {} in all", count(n))
}

/// `and €36.40`
pub fn and(amounts: &str) -> String {
    format!("and {amounts}")
}

/// `152 in 63 stations`, `151 in service and 1 removed, in 63 stations`
pub fn in_stations(in_service: i64, removed: i64, stations: i64) -> String {
    let stations = documents(Collection::Stations, stations);
    match removed {
        0 => format!("{} in {stations}", count(in_service)),
        _ => format!("{} in service and {} removed, in {stations}", count(in_service), count(removed)),
    }
}

/// Shown when the newest data is older than today.
pub fn newest_data(date: &str) -> String {
    format!("Newest data: {date}. Nothing has started or ended today.")
}

/// Shown while the figures lack what changed since they were counted.
pub fn counted_at(zone: &Zone, at: UtcMs) -> String {
    let time = super::clock_time(zone, at);
    format!("Figures counted at {time}, and again every few seconds: MongoDB keeps no images of some changes.")
}

/// The number of documents that could be read only in part.
pub fn unreadable_documents(n: i64) -> String {
    if n == 1 {
        "1 document could only be read in part:".to_owned()
    } else {
        format!("{} documents could only be read in part:", count(n))
    }
}

/// The name of an EVSE: its number at the station if its uid begins with the station's id, else its uid.
pub fn evse(uid: &str, station: Option<&str>) -> String {
    format!("EVSE {}", evse_number(uid, station))
}

pub const NO_EVSE: &str = "No EVSEs";

/// `Unknown since 13:21`
pub fn unknown_since(heard: Option<&str>) -> String {
    heard.map_or_else(|| "Unknown".to_owned(), |at| format!("Unknown since {at}"))
}

/// The state of some EVSEs: `Charging` if it is all of them, `1 of 2 charging` if some.
pub fn some_of(status: &EvseStatus, n: usize, all: usize) -> String {
    let word = super::evse_status(status);
    if n == all { word.into_owned() } else { format!("{n} of {all} {}", word.to_ascii_lowercase()) }
}

/// The connection in a few words.
pub fn connection_state(state: ConnectionState, zone: &Zone) -> String {
    match state {
        ConnectionState::Connecting => "Connecting".to_owned(),
        ConnectionState::Live { .. } => "Live".to_owned(),
        ConnectionState::CatchingUp => "Catching up".to_owned(),
        ConnectionState::Refused => "Not updating".to_owned(),
        ConnectionState::Unfollowed(topic) => format!("{topic} not followed"),
        ConnectionState::Outdated => "Other version".to_owned(),
        ConnectionState::Stale { since: None } => "Stale".to_owned(),
        ConnectionState::Stale { since: Some(since) } => format!("Stale since {}", super::clock_time(zone, since)),
        ConnectionState::Offline { since, .. } => format!("Offline since {}", super::clock_time(zone, since)),
    }
}

/// The lag: `9 ms`, `1.2 s`.
pub fn lag(ms: u32) -> String {
    if ms < 1000 { format!("{ms}\u{a0}ms") } else { format!("{}\u{a0}s", super::numbers::fixed(ms.into(), 3, 1)) }
}

/// What the connection's state means for the reader. `None` while it is as it should be.
pub fn stale(state: ConnectionState, zone: &Zone) -> Option<String> {
    let since = |at: UtcMs| super::clock_time(zone, at);
    match state {
        ConnectionState::Stale { since: at } => {
            let since = at.map_or_else(|| "yet".to_owned(), |at| format!("since {}", since(at)));
            Some(format!("No updates from the database {since}. What you see may be older than it looks."))
        }
        ConnectionState::Refused => Some(
            "Not all of this page is kept up to date, because your account has too many different pages open. Close \
             one of them, in any browser, and this page goes on by itself."
                .to_owned(),
        ),
        ConnectionState::Unfollowed(topic) => Some(unfollowed(topic)),
        ConnectionState::Outdated => Some(
            "ChargeDeck was updated, so this page gets no more changes. It reloads by itself when nobody is using it. \
             If it does not, reload it."
                .to_owned(),
        ),
        ConnectionState::Offline { since: at, retry_in_s } => Some(format!(
            "Connection lost at {}. What you see is as of then. Next try in {retry_in_s}\u{a0}s.",
            since(at)
        )),
        _ => None,
    }
}

/// Why nothing of a collection is shown.
pub fn unfollowed(topic: Collection) -> String {
    format!(
        "In MongoDB {topic} is a view or a time series, and it does not report its changes. ChargeDeck cannot follow it, so no \
         figures, charts and rows of it are shown: they would be out of date. Everything else goes on. \
         `chargedeck check` says what to do."
    )
}

/// What a screen reader says when the connection has changed for good.
pub const fn announced(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Stale { .. } => "Live data is stale",
        ConnectionState::Offline { .. } => "Connection lost, trying again",
        ConnectionState::Refused => "Not all of this page is kept up to date",
        ConnectionState::Unfollowed(_) => "A collection cannot be followed",
        ConnectionState::Outdated => "ChargeDeck was updated: reload this page",
        ConnectionState::Live { .. } => "Live",
        ConnectionState::Connecting | ConnectionState::CatchingUp => "",
    }
}

/// What went wrong, and what to do about it.
pub fn error(error: AppError) -> (&'static str, String) {
    match error {
        AppError::SignIn => ("You are signed out", "Sign in again to go on.".to_owned()),
        AppError::Unavailable => (
            "Data unavailable",
            "The database or the cache does not answer. ChargeDeck keeps trying; try again in a moment.".to_owned(),
        ),
        AppError::Unfollowed(why) | AppError::Invalid(why) | AppError::Refused(Refused { why, .. }) => {
            ("This cannot be shown", why)
        }
        AppError::TooMuch(wait_s) => ("Too many requests", format!("Try again in {wait_s}\u{a0}s.")),
        AppError::Internal { request_id } => (
            "Something went wrong",
            if request_id.is_empty() {
                "Try again in a moment.".to_owned()
            } else {
                format!("Try again. If it stays, tell whoever runs this server: request {request_id}.")
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_how_much_of_it_is_shown() {
        assert_eq!(shown(50, Some(19_227), Collection::ChargingSessions), "50 of 19,227, newest first");
        assert_eq!(shown(3, None, Collection::Stations), "3, by name");
        assert_eq!(shown(3, Some(2), Collection::Clients), "3 of 3, newest first", "the total lags, never the list");
    }

    #[test]
    fn removed_evses_are_told_beside_those_in_service() {
        assert_eq!(in_stations(152, 0, 63), "152 in 63 stations");
        assert_eq!(in_stations(151, 1, 1), "151 in service and 1 removed, in 1 station");
    }

    #[test]
    fn what_waits_is_counted_by_what_it_is() {
        assert_eq!(waits(Waiting { new: 3, left: 1, ..Waiting::default() }), "3 new, 1 left");
        assert_eq!(waits(Waiting { new: 0, left: 0, deleted: 1200, moved: 1 }), "1,200 deleted, 1 moved");
        assert_eq!(waits(Waiting::default()), "");
    }

    #[test]
    fn an_evse_is_short_where_the_station_stands_beside_it() {
        assert_eq!(evse("ST-035-1", Some("ST-035")), "EVSE 1");
        assert_eq!(evse("50340", Some("50340")), "EVSE 50340");
        assert_eq!(evse("A7", None), "EVSE A7");
    }

    #[test]
    fn lag_is_read_at_a_glance() {
        assert_eq!([lag(9), lag(1249)], ["9\u{a0}ms", "1.2\u{a0}s"]);
    }
}
