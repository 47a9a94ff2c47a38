//! What a chart shows, and how a cell of its table is drawn.

use leptos::prelude::*;

use crate::{
    domain::status::Role,
    web::{
        charts::Drawing,
        text,
        ui::{Badge, Look, missing},
    },
};

/// What a chart shows in all its forms: as a drawing, a sentence and a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChartView {
    pub sentence: String,
    pub chart: Option<Drawing>,
    /// The parts of a whole, for the key below the chart.
    pub parts: Vec<(Look, i64, String)>,
    pub rows: Vec<Vec<ChartText>>,
    /// The address that each drawn value leads to; empty if there is none.
    pub hrefs: Vec<String>,
    pub empty: bool,
    /// Whether some of it was derived from a tariff.
    pub derived: bool,
}

/// A cell of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartText {
    /// `None` if it is not known.
    pub text: Option<String>,
    /// The address it leads to; empty if there is none.
    pub href: String,
    /// Whether some of it was derived from a tariff.
    pub derived: bool,
}

impl ChartText {
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

/// The badge of derived values.
pub fn badge() -> AnyView {
    Badge::new(Role::Off, text::DERIVED).why(text::DERIVED_WHY).view().into_any()
}
