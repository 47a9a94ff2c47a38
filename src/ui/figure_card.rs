//! One figure: large, with one line of context, and the way to the list behind it.

use leptos::prelude::*;
use leptos_router::components::A;

use super::{
    badge::Badge,
    bar::bar,
    cell::{amount, missing},
    sparkline::sparkline,
    words::Quantity,
};

/// What a card says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// `None` while it is not known.
    pub value: Option<Quantity>,
    /// Against what, as of when.
    pub note: Option<String>,
    pub badge: Option<Badge>,
    pub picture: Picture,
}

/// What draws a figure beside saying it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Picture {
    #[default]
    None,
    /// Of a whole, in per mille.
    Share(i64),
    Course(Vec<i64>),
}

#[component]
pub fn FigureCard(
    /// The figure's public name.
    name: &'static str,
    title: &'static str,
    /// The page that lists what is behind the figure.
    href: &'static str,
    figure: Memo<Figure>,
) -> impl IntoView {
    let value = move || match figure.with(|f| f.value.clone()) {
        Some(value) => amount(value).into_any(),
        None => missing().into_any(),
    };
    let picture = move || {
        figure.with(|f| match &f.picture {
            Picture::None => ().into_any(),
            Picture::Share(share) => bar(*share).into_any(),
            Picture::Course(values) => sparkline(values).into_any(),
        })
    };
    view! {
        <A href=href attr:class="panel card" attr:data-figure=name>
            <h2>{title}</h2>
            <p class="figure">{value}</p>
            <p class="note">
                <span>{move || figure.with(|f| f.note.clone())}</span>
                {move || figure.with(|f| f.badge.clone()).map(Badge::view)}
            </p>
            {picture}
        </A>
    }
}
