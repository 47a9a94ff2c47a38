//! The parts of a list's selection, each with a link to the list without that part.

use leptos::prelude::*;

use super::{Clock, any_views, nav::page_of};
use crate::{
    domain::{collections::Collection, selection::Selection},
    web::text,
};

/// Plain links, which work before any script runs.
pub fn chips(collection: Collection, selection: &Selection) -> AnyView {
    let clock = Clock::expect();
    let parts = selection.parts().map(|(part, wanted)| {
        let text = text::displayable(clock.with_zone(|zone| text::part(collection, part, wanted, zone)).into());
        let href = page_of(collection, &selection.clone().without(part));
        (href, text::remove(&text), text.into_owned(), "×")
    });
    let all = (collection.page().to_owned(), text::SHOW_ALL.to_owned(), text::SHOW_ALL.to_owned(), "");
    let links = parts.chain([all]).map(|(href, label, text, sign)| {
        view! { <li><a href=href aria-label=label><span>{text}</span><b aria-hidden="true">{sign}</b></a></li> }
    });
    view! { <ul class="chips" aria-label=text::SHOWN>{any_views(links)}</ul> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        selection::{Criterion, FilterField},
        time::{UtcMs, Zone},
    };

    #[test]
    fn a_chip_leads_to_the_list_without_its_part_alone() {
        let selection = Selection::default()
            .with(FilterField::Status, Criterion::one_of(["FAILED"]))
            .with(FilterField::Client, Criterion::one_of(["C-1"]));
        let html = Owner::new().with(|| {
            provide_context(Clock::new(Zone::default(), 900, RwSignal::new(UtcMs(0))));
            chips(Collection::Payments, &selection).to_html()
        });
        for (href, text) in [
            ("/payments?client=C-1", "<span>Status: Failed</span>"),
            ("/payments?status=FAILED", "<span>Client: C-1</span>"),
            ("/payments", "<span>Show all</span>"),
        ] {
            let chip = html.split("<li>").find(|chip| chip.contains(text)).expect(&html);
            assert!(chip.contains(&format!("href=\"{href}\"")), "{text}: {chip}");
        }
    }
}
