//! Notes that a reader of the figures must know: the data is old, or some of it could not be read.

use std::collections::BTreeMap;

use leptos::prelude::*;

use crate::{
    domain::{
        collections::Collection,
        range::Day,
        time::{Period, UtcMs},
    },
    web::{
        text,
        ui::{Clock, any_views, figure, note_of_count, optional_view, page_of_analytics},
    },
};

#[component]
pub fn Notes() -> impl IntoView {
    let clock = Clock::expect();
    let newest = figure::<UtcMs>("newest_data");
    let day = figure::<Period>("day");
    let unreadable = figure::<BTreeMap<Collection, i64>>("unreadable");
    let old = move || {
        let newest = newest().filter(|at| day().is_some_and(|day| *at < day.from))?;
        let text = text::newest_data(&clock.with_zone(|zone| text::date(zone, newest)));
        let day = clock.with_zone(|zone| Day::of(zone.civil(newest)));
        Some(view! {
            <p class="note-line">
                <span>{text}</span>
                <a href=page_of_analytics(&format!("from={day}&to={day}"))>{text::TO_NEWEST}</a>
            </p>
        })
    };
    let documents = figure::<BTreeMap<Collection, i64>>("documents");
    let nothing = move || documents().is_some_and(|documents| documents.is_empty());
    let unread = move || {
        let counted: Vec<_> = unreadable()?.into_iter().filter(|(_, n)| *n > 0).collect();
        let all: i64 = counted.iter().map(|(_, n)| n).sum();
        let links = counted
            .into_iter()
            .map(|(collection, n)| view! { <a href=collection.page()>{text::documents(collection, n)}</a> });
        (all > 0).then(|| {
            view! {
                <p class="note-line warn">
                    <span>{text::unreadable_documents(all)}</span>
                    {any_views(links)}
                </p>
            }
        })
    };
    view! {
        {move || optional_view(nothing().then_some(text::NO_DOCUMENTS), |text| view! { <p class="note-line">{text}</p> })}
        {move || optional_view(old(), |view| view)}
        {note_of_count()}
        {move || optional_view(unread(), |view| view)}
    }
}
