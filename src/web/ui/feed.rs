//! Events in slots that stay: what they say moves through them, so nothing is made anew for an event.

use leptos::prelude::*;

use super::{Clock, each};
use crate::{
    domain::latest::{Kind, Line},
    web::text::{self, Sentence},
};

/// What a slot says.
#[derive(Clone, PartialEq)]
pub struct Said {
    /// Tells events of the feed apart.
    pub key: String,
    line: Line,
    sentence: Sentence,
    time: String,
    /// How much came to the slot since the page was drawn or has caught up.
    arrivals: u32,
}

/// Says events, newest first; `before` is what the slots said last. What is caught up after a lost connection is no
/// arrival: it is not `news`.
pub fn said(
    lines: impl Iterator<Item = (String, Line)>,
    before: Option<&Vec<Said>>,
    news: bool,
    clock: &Clock,
) -> Vec<Said> {
    let say = |(i, (key, line)): (usize, (String, Line))| {
        let slot = before.and_then(|before| before.get(i));
        if let Some(same) = slot.filter(|slot| slot.key == key) {
            return Said { time: clock.stamp(line.at()), ..same.clone() };
        }
        let marked = news && before.is_some();
        let arrivals = if marked { slot.map_or(0, |slot| slot.arrivals).wrapping_add(1) } else { 0 };
        let sentence = match &line {
            Line::News(news) => text::sentence(news),
            Line::Gap { .. } => Sentence { text: text::GAP.to_owned(), amount: None },
        };
        Said { sentence, time: clock.stamp(line.at()), arrivals, line, key }
    };
    lines.enumerate().map(say).collect()
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
            data-id=move || part(|said| about(said).to_owned())
            data-op=move || part(|said| op(&said.line).to_owned())
            class=move || part(class)
        >
            <time datetime=move || part(|said| said.line.at().to_string())>{move || part(|said| said.time.clone())}</time>
            <span>{move || part(|said| said.sentence.text.clone())}</span>
            <b>{move || part(|said| said.sentence.amount.clone().unwrap_or_default())}</b>
        </li>
    }
}

/// The document, or for want of one the line's own name.
fn about(said: &Said) -> &str {
    match &said.line {
        Line::News(news) => &news.id.0,
        Line::Gap { .. } => &said.key,
    }
}

const fn op(line: &Line) -> &'static str {
    match line {
        Line::Gap { .. } => "gap",
        Line::News(news) => match news.kind {
            Kind::Put => "put",
            Kind::Patch => "patch",
            Kind::Delete => "delete",
        },
    }
}

/// Only the first slot is drawn with a mark of arrival: what moves on is no news.
fn class(said: &Said) -> String {
    let arrival = match said.arrivals {
        0 => "",
        n if n % 2 == 1 => "odd",
        _ => "even",
    };
    format!("{arrival}{}", if said.line.is_problem() { " problem" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{UtcMs, Zone};

    #[test]
    fn only_what_arrives_is_marked() {
        Owner::new().with(|| {
            let clock = Clock::new(Zone::default(), 900, RwSignal::new(UtcMs(0)));
            let lines = |keys: &str| {
                let gap = |key: char| (key.to_string(), Line::Gap { gap: UtcMs(0) });
                keys.chars().map(gap).collect::<Vec<_>>().into_iter()
            };
            let marks = |said: &[Said]| said.iter().map(class).map(|c| c.replace(" problem", "")).collect::<Vec<_>>();
            let drawn = said(lines("ba"), None, true, &clock);
            assert_eq!(marks(&drawn), ["", ""], "what was loaded");
            let arrived = said(lines("cb"), Some(&drawn), true, &clock);
            assert_eq!(marks(&arrived)[0], "odd");
            assert_eq!(marks(&said(lines("dc"), Some(&arrived), true, &clock))[0], "even");
            let caught_up = said(lines("dc"), Some(&arrived), false, &clock);
            assert_eq!(marks(&caught_up), ["", ""]);
            assert_eq!(marks(&said(lines("ed"), Some(&caught_up), true, &clock))[0], "odd");
        });
    }
}
