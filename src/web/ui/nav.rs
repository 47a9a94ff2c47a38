//! The navigation. An entry is added when its page exists.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{any_views, icon::Icon};
use crate::{
    domain::{
        board::{Filter, OF},
        collections::Collection,
        selection::{Criterion, FilterField, Selection},
        status::REST,
    },
    web::text::{self, OVERVIEW},
};

/// The path of the shown page. While the next page loads, the address is already that page's.
#[derive(Clone, Copy)]
pub struct OpenPage(pub RwSignal<String>);

pub struct NavItem {
    pub path: &'static str,
    pub title: &'static str,
    icon: Icon,
    /// Whether a phone shows it only under “More”.
    minor: bool,
}

const fn place(path: &'static str, title: &'static str, icon: Icon, minor: bool) -> NavItem {
    NavItem { path, title, icon, minor }
}

const fn list(of: Collection, icon: Icon, minor: bool) -> NavItem {
    place(of.page(), text::title(of), icon, minor)
}

static NOW: &[NavItem] = &[
    place("/", OVERVIEW, Icon::Overview, false),
    place(ACTIVITY, text::ACTIVITY, Icon::Activity, true),
    place(ANALYTICS, text::charts::ANALYTICS, Icon::Analytics, true),
];
static NETWORK: &[NavItem] = &[
    list(Collection::Stations, Icon::Stations, false),
    list(Collection::ChargingSessions, Icon::Sessions, false),
    list(Collection::Payments, Icon::Payments, false),
    list(Collection::Clients, Icon::Clients, true),
];
static INSIGHT: &[NavItem] =
    &[list(Collection::EcoStats, Icon::Eco, true), place(REPORTS, text::REPORTS, Icon::Reports, true)];
static OPERATIONS: &[NavItem] = &[place(SYSTEM, text::SYSTEM, Icon::System, true)];

/// The page of events.
pub const ACTIVITY: &str = "/activity";

/// The page of reports.
pub const REPORTS: &str = "/reports";

/// The page of the system's own health.
pub const SYSTEM: &str = "/system";

/// The page of the admin's own account.
pub const ACCOUNT: &str = "/account";

/// The page of all accounts.
pub const USERS: &str = "/users";

/// The page that lists what was done to accounts, and by whom.
pub const AUDIT_LOG: &str = "/audit";

/// The page of charts.
pub const ANALYTICS: &str = "/analytics";

/// The address of a period's charts. `period` is a query string.
pub fn page_of_analytics(period: &str) -> String {
    format!("{ANALYTICS}?{period}")
}

/// The address of the list of a collection's documents that match the selection.
pub fn page_of(collection: Collection, selection: &Selection) -> String {
    match (collection.page(), selection.to_string()) {
        (page, query) if query.is_empty() => page.to_owned(),
        (page, query) => format!("{page}?{query}"),
    }
}

/// The address of the list of the documents that match the selection and have a status. Empty for the status under
/// which figures count all that they do not name.
pub fn page_of_status(collection: Collection, selection: Selection, field: FilterField, status: &str) -> String {
    if status == REST {
        return String::new();
    }
    page_of(collection, &selection.with(field, Criterion::one_of([status])))
}

/// The address of the events that the filter selects.
pub fn page_of_activity(filter: Filter) -> String {
    match filter {
        Filter::All => ACTIVITY.to_owned(),
        filter => format!("{ACTIVITY}?{OF}={}", filter.name()),
    }
}

/// The heading of the page at `path`.
pub fn heading(path: &str) -> &'static str {
    let path = path.trim_end_matches('/');
    [NOW, NETWORK, INSIGHT, OPERATIONS]
        .into_iter()
        .flatten()
        .find(|place| place.path.trim_end_matches('/') == path)
        .map_or("", |place| place.title)
}

/// The title of the document at `path`.
pub fn document_title(path: &str) -> String {
    let heading = match heading(path) {
        "" => text::NOT_FOUND.0,
        heading => heading,
    };
    format!("{heading} · {}", text::PRODUCT)
}

#[component]
pub fn Nav() -> impl IntoView {
    let group = |name: &'static str, places: &'static [NavItem]| {
        view! {
            <p class="group" aria-hidden="true">{name}</p>
            <ul aria-label=name>{any_views(places.iter().map(item))}</ul>
        }
    };
    view! {
        <nav class="nav" aria-label=text::NAVIGATION>
            {group(text::NOW, NOW)}
            {group(text::NETWORK, NETWORK)}
            {group(text::INSIGHT, INSIGHT)}
            {group(text::OPERATIONS, OPERATIONS)}
        </nav>
    }
}

/// Links to the account pages. Only the server draws those, so a link leaves the browser's program.
#[component]
pub fn AccountsNav() -> impl IntoView {
    let path = use_location().pathname;
    let link = |(to, title): (&'static str, &'static str)| {
        let current = move || path.with(|path| path.starts_with(to)).then_some("page");
        view! {
            <a href=to rel="external" aria-current=current>{title}</a>
        }
    };
    let places = [(ACCOUNT, text::ACCOUNT), (USERS, text::USERS), (AUDIT_LOG, text::AUDIT_LOG)];
    view! {
        <nav class="accounts-nav" aria-label=text::ADMINISTRATION>{any_views(places.into_iter().map(link))}</nav>
    }
}

/// The entries that a phone's bar leaves out.
#[component]
pub fn MinorNav() -> impl IntoView {
    let minor = NOW.iter().chain(NETWORK).chain(INSIGHT).chain(OPERATIONS).filter(|place| place.minor);
    view! {
        <nav class="minor-nav" aria-label=text::MORE_PLACES>
            <ul>{any_views(minor.map(|place| view! { <li>{link(place)}</li> }))}</ul>
        </nav>
    }
}

fn item(place: &'static NavItem) -> impl IntoView {
    view! { <li class=if place.minor { "minor" } else { "" }>{link(place)}</li> }
}

fn link(place: &'static NavItem) -> impl IntoView {
    // Pages that only the server draws have no `OpenPage`; their address never changes.
    let path = use_context::<OpenPage>().map_or_else(|| use_location().pathname.into(), |OpenPage(path)| path.into());
    let current = move || Signal::with(&path, |path: &String| path == place.path).then_some("page");
    view! {
        <a href=place.path aria-current=current>
            {place.icon.view()}
            <span>{place.title}</span>
        </a>
    }
}
