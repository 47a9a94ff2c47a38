//! One file per page. A page defines which fields it shows and how; `ui` draws them, `live` keeps them up to date.

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
pub use analytics::{ChartMeasure, Pieces, options};

use crate::{
    domain::collections::Collection,
    web::ui::{ANALYTICS, REPORTS, SYSTEM},
};

/// An address, the function that loads its part of the browser's program, and the one that then draws it.
type PageEntry = (&'static str, fn() -> Loading, fn() -> AnyView);
type Loading = Pin<Box<dyn Future<Output = Result<(), SplitLoaderError>>>>;

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
    unfollowed.iter().copied().find(|topic| if figures { topic.is_counted() } else { topic.page() == path })
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

/// Makes [`PAGES`] of lines such as `address => page in part, loader;`, and splits each page from the program that
/// all pages share.
macro_rules! pages {
    ($($address:expr => $page:ident in $part:ident, $load:ident;)+) => {
        /// The pages of a signed-in admin.
        pub static PAGES: [PageEntry; [$($address),+].len()] =
            [$(($address, || Box::pin($load()), || part(Box::pin($page())))),+];

        $(
            #[wasm_split($part, wasm_split_path = leptos::wasm_split, preload($load), fallible)]
            fn $page() -> Result<AnyView, SplitLoaderError> {
                // Preloads the part, so that the document requests it before the program does.
                #[cfg(feature = "ssr")]
                leptos::prefetch_lazy_fn_on_server(stringify!($part));
                Ok($page::$page())
            }
        )+
    };
}

pages! {
    "/" => overview in overview, load_overview;
    "/activity" => activity in activity, load_activity;
    ANALYTICS => analytics in analytics, load_analytics;
    Collection::Stations.page() => stations in lists, load_stations;
    Collection::ChargingSessions.page() => sessions in lists, load_sessions;
    Collection::Payments.page() => payments in lists, load_payments;
    Collection::Clients.page() => clients in lists, load_clients;
    Collection::EcoStats.page() => eco in lists, load_eco;
    REPORTS => reports in reports, load_reports;
    SYSTEM => system in system, load_system;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{text, ui::document_title};

    #[test]
    fn every_collection_has_a_page_and_a_place_in_the_navigation() {
        for collection in Collection::ALL {
            let path = collection.page();
            assert!(PAGES.iter().any(|(address, ..)| *address == path), "{collection} has no page");
            assert_eq!(document_title(path), format!("{} · {}", text::title(collection), text::PRODUCT));
        }
    }
}
