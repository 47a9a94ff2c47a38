//! A card with one large figure, one line of context, and a link to the list behind it.

use leptos::prelude::*;

use super::{
    any_views,
    badge::Badge,
    bar::bar,
    cell::{amount, missing},
    figure::figure as value_of,
    nav::page_of,
    sparkline::sparkline,
};
use crate::{
    domain::{
        figures::{Counted, ListedFigure},
        money::{Currency, is_currency},
        time::Period,
    },
    web::text::Quantity,
};

/// The content of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// `None` while it is not known.
    pub value: Option<Quantity>,
    /// What the figure is compared with, or how it is counted.
    pub note: Option<String>,
    pub badges: Vec<Badge>,
    /// The currency of all its money, if it has only one. The list behind it is of this currency.
    pub currency: Option<Currency>,
    /// Remarks on some of the counted documents, each with these documents.
    pub some: Vec<(String, Counted)>,
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
    TimeSeries(Vec<Option<i64>>),
}

/// Computes a card from figures. Reactive.
pub type Draw = Box<dyn Fn() -> Figure + Send + Sync>;

#[component]
pub fn FigureCard(
    /// The figure, by which the card's title leads to the list of exactly the documents that it counts.
    listed: ListedFigure,
    title: &'static str,
    figure: Draw,
) -> impl IntoView {
    let ListedFigure { name, counted } = listed;
    let figure = Memo::new(move |_| figure());
    let day = value_of::<Period>("day");
    let href = move || figure.with(|f| href_of(counted, day(), f.currency.as_ref()));
    view! {
        <div class="panel card" data-figure=name>
            <h2><a href=href>{title}</a></h2>
            <p class="figure">{move || figure.with(value)}</p>
            <p class="note">
                <span>{move || figure.with(|f| f.note.clone().unwrap_or_default())}</span>
                {move || figure.with(|f| any_views(f.badges.clone().into_iter().map(Badge::view)))}
                {move || figure.with(|f| any_views(f.some.clone().into_iter().map(|(text, some)| view! { <a href=href_of(some, day(), None)>{text}</a> })))}
            </p>
            {move || figure.with(picture)}
        </div>
    }
}

fn href_of(counted: Counted, day: Option<Period>, currency: Option<&Currency>) -> String {
    let list = counted.selection(day);
    let list = match currency.filter(|currency| is_currency(&currency.0)) {
        Some(currency) => list.in_currency(currency),
        None => list,
    };
    page_of(counted.collection(), &list)
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
        Picture::TimeSeries(values) => sparkline(values).into_any(),
    }
}
