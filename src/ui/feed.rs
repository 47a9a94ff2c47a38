//! Events in slots that stay: what they say moves through them, so nothing is made anew for an event.

use leptos::prelude::*;

use super::{
    Clock, each,
    words::{self, Sentence},
};
use crate::model::latest::{Kind, Latest, is_problem};

/// What a slot says.
#[derive(Clone, PartialEq)]
pub struct Said {
    /// Tells events of the feed apart.
    pub key: String,
    news: Latest,
    sentence: Sentence,
    time: String,
    /// How much came to the slot since the page was drawn.
    arrivals: u32,
}

/// Says events, newest first; `before` is what the slots said last.
pub fn said(events: impl Iterator<Item = (String, Latest)>, before: Option<&Vec<Said>>, clock: &Clock) -> Vec<Said> {
    let say = |(i, (key, news)): (usize, (String, Latest))| {
        let slot = before.and_then(|before| before.get(i));
        if let Some(same) = slot.filter(|slot| slot.key == key) {
            return Said { time: clock.stamp(news.at), ..same.clone() };
        }
        let arrivals = before.map_or(0, |_| slot.map_or(0, |slot| slot.arrivals).wrapping_add(1));
        Said { sentence: words::sentence(&news), time: clock.stamp(news.at), arrivals, news, key }
    };
    events.enumerate().map(say).collect()
}

/// So many slots.
#[component]
pub fn Feed(name: &'static str, said: Memo<Vec<Said>>, #[prop(into)] slots: Signal<usize>) -> impl IntoView {
    view! { <ol class="feed" data-feed=name>{move || each((0..slots.get()).map(|i| slot(said, i))).into_any()}</ol> }
}

fn slot(said: Memo<Vec<Said>>, i: usize) -> impl IntoView {
    let part = move |read: fn(&Said) -> String| said.with(|all| all.get(i).map(read).unwrap_or_default());
    view! {
        <li
            data-id=move || part(|said| said.news.id.0.clone())
            data-op=move || part(|said| op(said.news.kind).to_owned())
            class=move || part(class)
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

/// Only the first slot is drawn with a mark of arrival: what moves on is no news.
fn class(said: &Said) -> String {
    let arrival = match said.arrivals {
        0 => "",
        n if n % 2 == 1 => "odd",
        _ => "even",
    };
    format!("{arrival}{}", if is_problem(&said.news) { " problem" } else { "" })
}
