//! One figure: large, with one line of context, and the way to the list behind it.

use leptos::prelude::*;
use leptos_router::components::A;

use super::{
    badge::Badge,
    cell::{amount, missing},
    words::Quantity,
};

#[component]
pub fn FigureCard(
    /// The figure's public name.
    name: &'static str,
    title: &'static str,
    /// The page that lists what is behind the figure.
    href: &'static str,
    #[prop(into)] figure: Signal<Option<Quantity>>,
    /// Against what, as of when.
    #[prop(into)]
    note: Signal<Option<String>>,
    /// A remark on the figure, while there is one to make.
    #[prop(optional, into)]
    badge: Signal<Option<Badge>>,
    /// What draws the figure beside saying it.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <A href=href attr:class="panel card" attr:data-figure=name>
            <h2>{title}</h2>
            <p class="figure">
                {move || figure.get().map_or_else(|| missing().into_any(), |figure| amount(figure).into_any())}
            </p>
            <p class="note">
                <span>{move || note.get()}</span>
                {move || badge.get().map(Badge::view)}
            </p>
            {children.map(|children| children())}
        </A>
    }
    .into_any()
}
