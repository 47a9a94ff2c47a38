//! What changed last.

use leptos::prelude::*;

use crate::{
    domain::{
        board::Filter,
        latest::{ActivityEvent, FeedEntry, SHOWN},
    },
    web::{
        live::Live,
        text,
        ui::{Clock, Empty, Feed, feed_items, figure, fresh, optional_view, page_of_activity, reading},
    },
};

#[component]
pub fn LatestChanges() -> impl IntoView {
    let latest = figure::<Vec<ActivityEvent>>("latest");
    let clock = Clock::expect();
    let live = expect_context::<Live>();
    let read = reading(true);
    let lines = move || {
        let keyed = |event: ActivityEvent| (format!("{}{}", event.id, event.at), FeedEntry::Event(event));
        latest().unwrap_or_default().into_iter().map(keyed).collect::<Vec<_>>()
    };
    let items =
        Memo::new(move |before: Option<&Vec<_>>| feed_items(lines(), before, read.get(), live.is_news(), &clock));
    let waits = Memo::new(move |_| {
        let newest = items.with(|items| items.first().map(|newest| newest.key.clone()));
        let waiting = newest.map_or(0, |newest| lines().iter().take_while(|(key, _)| *key != newest).count());
        text::arrived(waiting, SHOWN)
    });
    view! {
        <section class="panel latest held">
            <header>
                <h2>{text::LATEST_CHANGES}</h2>
                {fresh(waits, Box::new(move || read.set(false)))}
                <a href=page_of_activity(Filter::default())>{text::ALL_ACTIVITY}</a>
            </header>
            <div class="body">
                <Feed name="latest" items slots=SHOWN />
                {move || optional_view(items.with(Vec::is_empty).then_some(text::NO_NEWS), |words| view! { <Empty words /> })}
            </div>
        </section>
    }
}
