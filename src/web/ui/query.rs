//! What a page's address asks for, and what is said where it cannot be followed.

use leptos::prelude::*;
use leptos_router::{hooks::use_location, location::Location};

use super::nothing;
use crate::{domain::address::BadChoice, web::text};

/// Reads a choice from names and values.
pub type Read<T> = fn(&mut dyn Iterator<Item = (String, String)>) -> Result<T, BadChoice>;

/// What the address of `page` asks for. While the next page is on its way the address is that page's already, and the last
/// choice stays.
pub fn chosen<T>(page: &'static str, read: Read<T>) -> Memo<Result<T, BadChoice>>
where
    T: Clone + PartialEq + Send + Sync + 'static,
{
    let Location { pathname, query, .. } = use_location();
    Memo::new(move |before: Option<&Result<T, BadChoice>>| match before {
        Some(before) if pathname.with(|path| path != page) => before.clone(),
        _ => query.with(|query| {
            read(&mut query.into_iter().map(|(name, value)| (name.clone().into_owned(), value.to_owned())))
        }),
    })
}

/// Why a choice cannot be followed, with the way to the page without it.
pub fn refused(why: String, page: &'static str) -> AnyView {
    view! { <section class="panel" role="alert">{nothing(text::NOT_SELECTABLE, why, page)}</section> }.into_any()
}
