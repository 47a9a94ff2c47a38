//! What a list shows of all there is: each part with the way to the list without it.

use leptos::prelude::*;

use super::{
    Clock, each,
    nav::{page, page_of},
    words,
};
use crate::model::{ids::Collection, selection::Selection};

/// Plain links, which work before any script runs.
pub fn chips(collection: Collection, selection: &Selection) -> AnyView {
    let clock = Clock::expect();
    let parts = selection.parts().map(|(part, wanted)| {
        let text = words::displayable(clock.with_zone(|zone| words::part(collection, part, wanted, zone)).into());
        let href = page_of(collection, &selection.clone().without(part));
        (href, words::remove(&text), text.into_owned(), "×")
    });
    let all = (page(collection).to_owned(), words::SHOW_ALL.to_owned(), words::SHOW_ALL.to_owned(), "");
    let links = parts.chain([all]).map(|(href, label, text, sign)| {
        view! { <li><a href=href aria-label=label><span>{text}</span><b aria-hidden="true">{sign}</b></a></li> }
    });
    view! { <ul class="chips" aria-label=words::SHOWN>{each(links)}</ul> }.into_any()
}
