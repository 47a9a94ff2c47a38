//! One file per page. A page says which fields it shows and how; `ui` draws them, `live` keeps them true.

mod activity;
mod clients;
mod eco;
mod list;
#[cfg(feature = "ssr")]
mod login;
mod not_found;
mod overview;
mod payments;
mod sessions;
mod stations;

use leptos::prelude::*;

#[cfg(feature = "ssr")]
pub use login::login;

use crate::{model::ids::Collection, ui::page};

/// An address and what is drawn there.
type Page = (&'static str, fn() -> AnyView);

/// The pages of a signed-in admin.
pub static PAGES: [Page; 7] = [
    ("/", overview::overview),
    ("/activity", activity::activity),
    (page(Collection::Stations), stations::stations),
    (page(Collection::ChargingSessions), sessions::sessions),
    (page(Collection::Payments), payments::payments),
    (page(Collection::Clients), clients::clients),
    (page(Collection::EcoStats), eco::eco),
];

/// Draws the page at `path`.
pub fn at(path: &str) -> AnyView {
    PAGES
        .iter()
        .find(|(address, _)| *address == path)
        .map_or(not_found::not_found as fn() -> AnyView, |(_, draw)| *draw)()
}
