//! What a page's address asks for, and the message if that is refused.

use leptos::prelude::*;
use leptos_router::{hooks::use_location, location::Location};

use super::{nothing, redrawn};
use crate::{domain::address::BadChoice, web::text};

/// Reads a choice from names and values.
pub type ReadChoice<T> = fn(&mut dyn Iterator<Item = (String, String)>) -> Result<T, BadChoice>;

/// Returns the choice in the address of `page`. While the next page loads, the address is already that page's, so the
/// last choice stays.
pub fn chosen<T>(page: &'static str, read: ReadChoice<T>) -> Memo<Result<T, BadChoice>>
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

/// Draws a page that has no choices. It refuses every parameter, because the page would look as if it followed it.
pub fn without_choices(page: &'static str, draw: fn() -> AnyView) -> AnyView {
    let Location { pathname, query, .. } = use_location();
    // Why the address is refused, else empty. The next page has other parameters.
    let why = Memo::new(move |before: Option<&String>| match before {
        Some(before) if pathname.with(|path| path != page) => before.clone(),
        _ => query
            .with(|query| query.into_iter().next().map_or_else(String::new, |(name, _)| BadChoice::unknown(name).0)),
    });
    redrawn(move || {
        let why = why.get();
        if why.is_empty() { draw() } else { refused(why, page) }
    })
}

/// The message why a choice is refused, with a link to the page without it.
pub fn refused(why: String, page: &'static str) -> AnyView {
    view! { <section class="panel" role="alert">{nothing(text::NOT_SELECTABLE, why, page)}</section> }.into_any()
}

#[cfg(test)]
mod tests {
    use leptos_router::{components::Router, location::RequestUrl};

    use super::*;

    #[test]
    fn a_page_without_choices_refuses_what_it_would_ignore() {
        let html = |address: &str| {
            Owner::new().with(|| {
                provide_context(RequestUrl::new(address));
                let page = || without_choices("/", || view! { <p>"all"</p> }.into_any());
                view! { <Router>{page()}</Router> }.to_html()
            })
        };
        assert!(html("/").contains("<p>all</p>"));
        let refused = html("/?station=S1");
        for part in [text::NOT_SELECTABLE, "“station”", "href=\"/\""] {
            assert!(refused.contains(part), "{part} in {refused}");
        }
        assert!(!refused.contains("<p>all</p>"), "{refused}");
    }
}
