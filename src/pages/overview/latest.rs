//! What changed last.

use leptos::prelude::*;

use crate::{
    live::Live,
    model::latest::{Latest, Line, SHOWN},
    ui::{Clock, Empty, Feed, figure, page_of_activity, said, some, words},
};

#[component]
pub fn LatestChanges() -> impl IntoView {
    let latest = figure::<Vec<Latest>>("latest");
    let clock = Clock::expect();
    let live = expect_context::<Live>();
    let said = Memo::new(move |before: Option<&Vec<_>>| {
        let keyed =
            latest().unwrap_or_default().into_iter().map(|news| (format!("{}{}", news.id, news.at), Line::News(news)));
        said(keyed, before, live.is_news(), &clock)
    });
    view! {
        <section class="panel latest">
            <header>
                <h2>{words::LATEST_CHANGES}</h2>
                <a href=page_of_activity(Default::default())>{words::ALL_ACTIVITY}</a>
            </header>
            <div class="body">
                <Feed name="latest" said slots=SHOWN />
                {move || some(said.with(Vec::is_empty).then_some(words::NO_NEWS), |words| view! { <Empty words /> })}
            </div>
        </section>
    }
}
