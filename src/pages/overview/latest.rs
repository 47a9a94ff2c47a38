//! What changed last. Twelve slots that stay; what they say moves through them, so nothing is made anew for an event.

use leptos::prelude::*;

use crate::{
    live::FigureStore,
    model::latest::{Kind, Latest, SHOWN},
    ui::{
        Clock, Empty,
        words::{self, Sentence},
    },
};

#[component]
pub fn LatestChanges() -> impl IntoView {
    let latest = expect_context::<FigureStore>().get::<Vec<Latest>>("latest");
    let clock = Clock::expect();
    let slots = (0..SHOWN).map(|i| {
        let said = Memo::new(move |before: Option<&Option<Said>>| {
            let news = latest.with(|all| all.as_ref().and_then(|all| all.get(i).cloned()))?;
            let arrivals = before.map_or(0, |before| arrivals(before.as_ref(), &news));
            Some(Said { sentence: words::sentence(&news), time: clock.stamp(news.at), arrivals, news })
        });
        view! { <Slot said /> }
    });
    let nothing = move || {
        let nothing = latest.with(|all| all.as_ref().is_none_or(Vec::is_empty));
        nothing.then(|| view! { <Empty words=words::NO_NEWS /> })
    };
    view! {
        <section class="panel latest">
            <header>
                <h2>"Latest changes"</h2>
            </header>
            <div class="body">
                <ol class="feed" data-feed="latest">{slots.collect_view()}</ol>
                {nothing}
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

#[component]
fn Slot(said: Memo<Option<Said>>) -> impl IntoView {
    let part = move |read: fn(&Said) -> String| move || said.with(|said| said.as_ref().map(read));
    view! {
        <li
            data-id=part(|said| said.news.id.0.clone())
            data-op=part(|said| op(said.news.kind).to_owned())
            class=part(|said| arrival_class(said.arrivals).to_owned())
        >
            <time datetime=part(|said| said.news.at.to_string())>{part(|said| said.time.clone())}</time>
            <span>{part(|said| said.sentence.text.clone())}</span>
            <b>{part(|said| said.sentence.amount.clone().unwrap_or_default())}</b>
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
