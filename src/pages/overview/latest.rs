//! What changed last. Twelve slots that stay; what they say moves through them, so nothing is made anew for an event.

use leptos::prelude::*;

use crate::{
    model::latest::{Kind, Latest, SHOWN},
    ui::{
        Clock, Empty, each, figure, some,
        words::{self, Sentence},
    },
};

#[component]
pub fn LatestChanges() -> impl IntoView {
    let latest = figure::<Vec<Latest>>("latest");
    let clock = Clock::expect();
    let said = Memo::new(move |before: Option<&Vec<Said>>| {
        let slots = latest().unwrap_or_default().into_iter().enumerate().map(|(i, news)| {
            let arrivals = before.map_or(0, |before| arrivals(before.get(i), &news));
            Said { sentence: words::sentence(&news), time: clock.stamp(news.at), arrivals, news }
        });
        slots.collect()
    });
    view! {
        <section class="panel latest">
            <header>
                <h2>{words::LATEST_CHANGES}</h2>
            </header>
            <div class="body">
                <ol class="feed" data-feed="latest">{each((0..SHOWN).map(|i| slot(said, i)))}</ol>
                {move || some(said.with(Vec::is_empty).then_some(words::NO_NEWS), |words| view! { <Empty words /> })}
            </div>
        </section>
    }
}

/// What a slot says.
#[derive(Clone, PartialEq)]
struct Said {
    news: Latest,
    sentence: Sentence,
    time: String,
    /// How much news came to the slot since the page was drawn.
    arrivals: u32,
}

fn arrivals(before: Option<&Said>, news: &Latest) -> u32 {
    match before {
        Some(before) if (&before.news.id, before.news.at) == (&news.id, news.at) => before.arrivals,
        Some(before) => before.arrivals.wrapping_add(1),
        None => 1,
    }
}

fn slot(said: Memo<Vec<Said>>, i: usize) -> impl IntoView {
    let part = move |read: fn(&Said) -> String| said.with(|all| all.get(i).map(read).unwrap_or_default());
    view! {
        <li
            data-id=move || part(|said| said.news.id.0.clone())
            data-op=move || part(|said| op(said.news.kind).to_owned())
            class=move || part(|said| arrival_class(said.arrivals).to_owned())
        >
            <time datetime=move || part(|said| said.news.at.to_string())>{move || part(|said| said.time.clone())}</time>
            <span>{move || part(|said| said.sentence.text.clone())}</span>
            <b>{move || part(|said| said.sentence.amount.clone().unwrap_or_default())}</b>
        </li>
    }
}

const fn op(kind: Kind) -> &'static str {
    match kind {
        Kind::Put => "put",
        Kind::Patch => "patch",
        Kind::Delete => "delete",
    }
}

/// Only the first slot is drawn with a mark: what moves on is no news.
const fn arrival_class(n: u32) -> &'static str {
    match n {
        0 => "",
        n if n % 2 == 1 => "odd",
        _ => "even",
    }
}
