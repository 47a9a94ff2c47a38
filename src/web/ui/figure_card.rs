//! A card with one large figure, one line of context, and a link to the list behind it.

use leptos::prelude::*;

use super::{
    any_views,
    badge::Badge,
    bar::bar,
    cell::{amount, missing},
    sparkline::sparkline,
};
use crate::web::text::{self, Quantity};

/// The content of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// `None` while it is not known.
    pub value: Option<Quantity>,
    /// What the figure is compared with, or how it is counted.
    pub note: Option<String>,
    pub badges: Vec<Badge>,
    /// Remarks on some of the counted documents, each with the address of the list of exactly these.
    pub some: Vec<(String, String)>,
    pub picture: Picture,
}

/// The picture below a figure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Picture {
    #[default]
    None,
    /// The share of a whole, in per mille.
    Share(i64),
    /// A course over time; `None` where a value is not known.
    Course(Vec<Option<i64>>),
}

/// Computes a card from figures. Reactive.
pub type Draw = Box<dyn Fn() -> Figure + Send + Sync>;

/// The address of the list of exactly the documents behind a figure. Reactive.
pub type Href = Box<dyn Fn() -> String + Send + Sync>;

#[component]
pub fn FigureCard(
    /// The figure's public name.
    name: &'static str,
    href: Href,
    figure: Draw,
) -> impl IntoView {
    let figure = Memo::new(move |_| figure());
    view! {
        <div class="panel card" data-figure=name>
            <h2><a href=href>{text::card(name)}</a></h2>
            <p class="figure">{move || figure.with(value)}</p>
            <p class="note">
                <span>{move || figure.with(|f| f.note.clone().unwrap_or_default())}</span>
                {move || figure.with(|f| any_views(f.badges.clone().into_iter().map(Badge::view)))}
                {move || figure.with(|f| any_views(f.some.clone().into_iter().map(|(text, href)| view! { <a href=href>{text}</a> })))}
            </p>
            {move || figure.with(picture)}
        </div>
    }
}

fn value(figure: &Figure) -> AnyView {
    match figure.value.clone() {
        Some(value) => amount(value).into_any(),
        None => missing().into_any(),
    }
}

fn picture(figure: &Figure) -> AnyView {
    match &figure.picture {
        Picture::None => ().into_any(),
        Picture::Share(share) => bar(*share).into_any(),
        Picture::Course(values) => sparkline(values).into_any(),
    }
}
