//! What a table's cell says.

use leptos::prelude::*;

use super::{
    badge::Badge,
    each, some,
    status_mark::{Look, StatusMark},
    words::{self, Quantity},
};
use crate::model::time::UtcMs;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    main: Main,
    small: Option<String>,
    badges: Vec<Badge>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Main {
    Missing,
    Nothing,
    Text(String),
    Amount(Quantity),
    State(Look),
    /// An instant and how it reads.
    Instant(UtcMs, String),
}

impl Cell {
    const fn of(main: Main) -> Self {
        Self { main, small: None, badges: Vec::new() }
    }

    fn known<T>(value: Option<T>, main: impl FnOnce(T) -> Main) -> Self {
        Self::of(value.map_or(Main::Missing, main))
    }

    /// Where a value does not apply, so that none is missing.
    pub const fn nothing() -> Self {
        Self::of(Main::Nothing)
    }

    pub fn text(text: Option<impl Into<String>>) -> Self {
        Self::known(text, |text| Main::Text(text.into()))
    }

    pub fn amount(quantity: Option<Quantity>) -> Self {
        Self::known(quantity, Main::Amount)
    }

    pub fn state(look: Option<Look>) -> Self {
        Self::known(look, Main::State)
    }

    pub fn instant(at: Option<UtcMs>, read: impl FnOnce(UtcMs) -> String) -> Self {
        Self::known(at, |at| Main::Instant(at, read(at)))
    }

    /// A second, quieter text.
    #[must_use]
    pub fn small(mut self, text: Option<impl Into<String>>) -> Self {
        self.small = text.map(Into::into);
        self
    }

    #[must_use]
    pub fn badges(mut self, badges: impl IntoIterator<Item = Badge>) -> Self {
        self.badges.extend(badges);
        self
    }

    /// Another remark, by who is not the column.
    pub fn badge(&mut self, badge: Badge) {
        self.badges.push(badge);
    }

    /// Another quiet text behind the first, by who is not the column.
    pub fn aside(&mut self, text: String) {
        self.small = Some(match self.small.take() {
            Some(first) => format!("{first} · {text}"),
            None => text,
        });
    }

    pub fn view(self) -> AnyView {
        let main = match self.main {
            Main::Missing => missing().into_any(),
            Main::Nothing => ().into_any(),
            Main::Text(text) => text.into_any(),
            Main::Amount(quantity) => amount(quantity).into_any(),
            Main::State(look) => view! { <StatusMark look /> }.into_any(),
            Main::Instant(at, text) => view! { <time datetime=at.to_string()>{text}</time> }.into_any(),
        };
        let mut parts = vec![main];
        parts.extend(each(self.badges.into_iter().map(Badge::view)));
        parts.push(some(self.small, |text| view! { <small>{text}</small> }));
        parts.into_any()
    }
}

/// A value that is not known: a quiet dash that is spoken in words.
pub fn missing() -> impl IntoView {
    view! {
        <span class="missing">
            <span aria-hidden="true">{words::MISSING}</span>
            <span class="unseen">{words::NOT_KNOWN}</span>
        </span>
    }
}

/// A number with its unit behind it, smaller.
pub fn amount(Quantity { value, unit }: Quantity) -> impl IntoView {
    let unit = (!unit.is_empty()).then_some(unit);
    vec![value.into_any(), some(unit, |unit| view! { " " <small class="unit">{unit}</small> })]
}
