//! Reports: figures of any period, grouped by choice, as a table that stays up to date while it is open, and as a
//! file.

mod behind;
mod chart;
mod choices;
mod follow;
mod table;

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use self::{choices::choices, follow::follow, table::Table};
use crate::web::{
    api::{AppError, PageData, PageRequest},
    text,
    ui::{REPORTS, answered},
};

pub fn reports() -> AnyView {
    let location = use_location();
    let (path, search) = (location.pathname, location.search);
    // While another page loads, the last choice stays.
    let chosen = Memo::new(move |before: Option<&String>| match before {
        Some(before) if path.get() != REPORTS => before.clone(),
        _ => search.get(),
    });
    let asked = chosen.get_untracked();
    view! {
        {choices()}
        {answered(PageRequest::Report { query: asked.clone() }, text::REPORTS, move |answer| {
            match answer.and_then(PageData::read) {
                Err(error) if !matches!(error, AppError::Refused(_)) => Err(error),
                // The table says what was wrong with the choice.
                first => {
                    let followed = follow(first, asked.clone(), chosen);
                    Ok(view! { <Table followed /> }.into_any())
                }
            }
        })}
    }
    .into_any()
}
