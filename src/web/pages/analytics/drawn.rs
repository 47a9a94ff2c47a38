//! What a chart shows, and how a value of its table is drawn.

use leptos::prelude::*;

use crate::{
    domain::status::Role,
    web::{
        charts::Drawing,
        text,
        ui::{Badge, Look, missing},
    },
};

/// What a chart shows, in all the ways it is told: drawn, said, and as a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    pub sentence: String,
    pub chart: Option<Drawing>,
    /// The parts of a whole, for the key below it.
    pub parts: Vec<(Look, i64, String)>,
    pub rows: Vec<Vec<Said>>,
    /// Where each drawn value leads.
    pub hrefs: Vec<String>,
    pub empty: bool,
    /// Whether some of it was derived from a tariff.
    pub derived: bool,
}

/// A cell of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// `None`: not known.
    pub text: Option<String>,
    /// Where it leads; empty: nowhere.
    pub href: String,
    /// Whether some of it was derived from a tariff.
    pub derived: bool,
}

impl Said {
    pub const fn link(text: String, href: String) -> Self {
        Self { text: Some(text), href, derived: false }
    }

    pub const fn text(text: String) -> Self {
        Self::link(text, String::new())
    }

    pub const fn maybe(text: Option<String>) -> Self {
        Self { text, href: String::new(), derived: false }
    }

    pub fn view(self) -> AnyView {
        match self.text {
            None => missing().into_any(),
            Some(text) if self.derived => view! { {text} " " {badge()} }.into_any(),
            Some(text) if self.href.is_empty() => text.into_any(),
            Some(text) => view! { <a href=self.href>{text}</a> }.into_any(),
        }
    }
}

/// What was derived says so.
pub fn badge() -> AnyView {
    Badge::new(Role::Off, text::DERIVED).why(text::DERIVED_WHY).view().into_any()
}
