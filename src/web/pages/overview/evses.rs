//! How many EVSEs are in which state. The numbers always add up to all EVSEs.

use std::collections::BTreeMap;

use leptos::prelude::*;

use crate::{
    domain::{
        collections::Collection,
        figures::in_service,
        selection::{FilterField, Selection},
        status::EvseStatus,
    },
    web::{
        text,
        ui::{Empty, Look, by_role, figure, optional_view, page_of_status, split_bar},
    },
};

#[component]
pub fn Evses() -> impl IntoView {
    let split = figure::<Vec<(EvseStatus, i64)>>("evse_split");
    let documents = figure::<BTreeMap<Collection, i64>>("documents");
    let all = move || {
        let split = split()?;
        let (in_service, all) = (in_service(&split), split.iter().fold(0, |sum: i64, (_, n)| sum.saturating_add(*n)));
        let stations = documents()?.get(&Collection::Stations).copied().unwrap_or(0);
        Some(text::in_stations(in_service, all.saturating_sub(in_service), stations))
    };
    view! {
        <section class="panel" data-figure="evse_split">
            <header>
                <h2>{text::EVSES}</h2>
                <p>{move || all().unwrap_or_default()}</p>
                <a href=Collection::Stations.page()>{text::title(Collection::Stations)}</a>
            </header>
            <div class="body">
                {move || optional_view(split(), |split| bar(ordered(split)))}
            </div>
        </section>
    }
}

fn bar(parts: Vec<(Look, i64, String)>) -> AnyView {
    if parts.is_empty() { view! { <Empty words=text::NO_EVSES /> }.into_any() } else { split_bar(parts).into_any() }
}

fn ordered(split: Vec<(EvseStatus, i64)>) -> Vec<(Look, i64, String)> {
    let part = |(status, n): (EvseStatus, i64)| {
        let stations = page_of_status(Collection::Stations, Selection::default(), FilterField::Evse, status.code());
        (Look::new(status.role(), text::evse_status(&status)), n, stations)
    };
    by_role(split).into_iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_without_a_name_leads_to_no_list() {
        let split = ["CHARGING", "odd one", "…"].map(|code| (EvseStatus::from(code.to_owned()), 1));
        let html = Owner::new().with(|| bar(ordered(split.to_vec())).to_html());
        assert!(html.contains(r#"href="/stations?evse=CHARGING""#), "{html}");
        assert!(html.contains(r#"href="/stations?evse=odd%20one""#), "{html}");
        assert_eq!((html.matches("href").count(), html.matches("<li>").count()), (2, 3), "{html}");
        assert!(html.contains("Other"), "{html}");
    }
}
