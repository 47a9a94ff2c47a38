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
        ui::{Clock, Empty, Feed, feed_items, figure, optional_view, page_of_activity},
    },
};

#[component]
pub fn LatestChanges() -> impl IntoView {
    let latest = figure::<Vec<ActivityEvent>>("latest");
    let clock = Clock::expect();
    let live = expect_context::<Live>();
    let items = Memo::new(move |before: Option<&Vec<_>>| {
        let keyed = latest()
            .unwrap_or_default()
            .into_iter()
            .map(|news| (format!("{}{}", news.id, news.at), FeedEntry::News(news)));
        feed_items(keyed, before, live.is_news(), &clock)
    });
    view! {
        <section class="panel latest">
            <header>
                <h2>{text::LATEST_CHANGES}</h2>
                <a href=page_of_activity(Filter::default())>{text::ALL_ACTIVITY}</a>
            </header>
            <div class="body">
                <Feed name="latest" items slots=SHOWN />
                {move || optional_view(items.with(Vec::is_empty).then_some(text::NO_NEWS), |words| view! { <Empty words /> })}
            </div>
        </section>
    }
}
