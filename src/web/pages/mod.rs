//! One file per page. A page defines which fields it shows and how; `ui` draws them, `live` keeps them up to date.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod activity;
mod analytics;
mod clients;
mod eco;
mod list;
mod not_found;
mod overview;
mod payments;
mod reports;
mod sessions;
mod stations;
mod system;

use std::pin::Pin;

use futures_util::FutureExt;
use leptos::{
    prelude::*,
    wasm_split::{SplitLoaderError, wasm_split},
};

#[cfg(feature = "ssr")]
pub use analytics::{Measure, Pieces, options};

use crate::{
    domain::collections::Collection,
    web::{
        paths::page,
        ui::{ANALYTICS, REPORTS, SYSTEM},
    },
};

/// An address, the function that loads its part of the browser's program, and the one that then draws it.
type Page = (&'static str, fn() -> Loading, fn() -> AnyView);
type Loading = Pin<Box<dyn Future<Output = Result<(), SplitLoaderError>>>>;

/// The pages of a signed-in admin.
pub static PAGES: [Page; 10] = [
    ("/", || Box::pin(load_overview()), || part(Box::pin(overview()))),
    ("/activity", || Box::pin(load_activity()), || part(Box::pin(activity()))),
    (ANALYTICS, || Box::pin(load_analytics()), || part(Box::pin(analytics()))),
    (page(Collection::Stations), || Box::pin(load_stations()), || part(Box::pin(stations()))),
    (page(Collection::ChargingSessions), || Box::pin(load_sessions()), || part(Box::pin(sessions()))),
    (page(Collection::Payments), || Box::pin(load_payments()), || part(Box::pin(payments()))),
    (page(Collection::Clients), || Box::pin(load_clients()), || part(Box::pin(clients()))),
    (page(Collection::EcoStats), || Box::pin(load_eco()), || part(Box::pin(eco()))),
    (REPORTS, || Box::pin(load_reports()), || part(Box::pin(reports()))),
    (SYSTEM, || Box::pin(load_system()), || part(Box::pin(system()))),
];

/// Draws the page at `path`.
pub fn at(path: &str) -> AnyView {
    PAGES
        .iter()
        .find(|(address, ..)| *address == path)
        .map_or(not_found::not_found as fn() -> AnyView, |(.., draw)| *draw)()
}

/// Returns a collection that the page at `path` needs and that cannot be followed. The page then shows nothing.
pub fn unfollowed(path: &str, unfollowed: &[Collection]) -> Option<Collection> {
    let figures = ["/", ANALYTICS, REPORTS].contains(&path);
    unfollowed.iter().copied().find(|topic| if figures { topic.is_counted() } else { page(*topic) == path })
}

/// Loads the part of the browser's program that draws the page at `path`.
///
/// # Errors
/// If it cannot be loaded: the server is away, or of another version than this page.
pub async fn ready(path: &str) -> Result<(), SplitLoaderError> {
    match PAGES.iter().find(|(address, ..)| *address == path) {
        Some((_, load, _)) => load().await,
        None => Ok(()),
    }
}

/// Draws a page whose part of the program is loaded.
fn part(draw: Pin<Box<dyn Future<Output = Result<AnyView, SplitLoaderError>>>>) -> AnyView {
    draw.now_or_never().and_then(Result::ok).unwrap_or_else(not_found::not_found)
}

/// Splits a page from the program that all pages share.
macro_rules! parts {
    ($($page:ident $part:ident $load:ident,)*) => {$(
        #[wasm_split($part, wasm_split_path = leptos::wasm_split, preload($load), fallible)]
        fn $page() -> Result<AnyView, SplitLoaderError> {
            // Preloads the part, so that the document requests it before the program does.
            #[cfg(feature = "ssr")]
            leptos::prefetch_lazy_fn_on_server(stringify!($part));
            Ok($page::$page())
        }
    )*};
}

parts! {
    overview overview load_overview,
    activity activity load_activity,
    analytics analytics load_analytics,
    stations lists load_stations,
    sessions lists load_sessions,
    payments lists load_payments,
    clients lists load_clients,
    eco lists load_eco,
    reports reports load_reports,
    system system load_system,
}
