//! A whole in parts: a bar, and a key with the same in words and numbers.

use leptos::prelude::*;

use super::{
    any_views,
    proportion::proportion,
    status_mark::{Look, Shape, role_class},
};
use crate::{
    domain::status::{EvseStatus, Role},
    web::text,
};

/// Sorts by role, so that similar states stand together; those of one role stay in their order. Inserts one by one,
/// because there are few and a sort would add to the download.
pub fn by_role(split: Vec<(EvseStatus, i64)>) -> Vec<(EvseStatus, i64)> {
    let mut all: Vec<(EvseStatus, i64)> = Vec::new();
    for part in split {
        let at = all.partition_point(|(before, _)| rank(before.role()) <= rank(part.0.role()));
        all.insert(at, part);
    }
    all
}

/// From the role that stands first to the one that stands last.
const fn rank(role: Role) -> u8 {
    match role {
        Role::Ok => 0,
        Role::Busy => 1,
        Role::Wait => 2,
        Role::Bad => 3,
        Role::Off => 4,
    }
}

/// Draws the parts in the given order, each with a link to the documents behind it, if it has an address.
pub fn split_bar(parts: Vec<(Look, i64, String)>) -> impl IntoView {
    let shares = shares(&parts.iter().map(|(_, n, _)| *n).collect::<Vec<_>>());
    let bar = parts.iter().zip(shares).map(|((look, ..), (from, width))| {
        view! {
            <rect class=role_class(look.role) x=percent(from) width=percent(width) height="100%" />
        }
    });
    let bar = any_views(bar);
    view! {
        <svg class="split" aria-hidden="true">
            <defs>
                <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                    <rect width="3" height="6" />
                </pattern>
            </defs>
            {bar}
        </svg>
        {split_key(parts)}
    }
}

/// Draws the key: each part by shape, word and number, with a link to the documents behind it, if it has an address.
pub fn split_key(parts: Vec<(Look, i64, String)>) -> AnyView {
    let key = parts.into_iter().map(|(look, n, href)| {
        view! {
            <li>
                <a class=format!("status {}", role_class(look.role)) href=(!href.is_empty()).then_some(href)>
                    <Shape role=look.role />
                    <span>{look.word}</span>
                    <b>{text::count(n)}</b>
                </a>
            </li>
        }
    });
    view! { <ul class="split-key">{any_views(key)}</ul> }.into_any()
}

/// Returns the beginning and width of each part, in hundredths of a per cent of the whole.
fn shares(parts: &[i64]) -> Vec<(i64, i64)> {
    let whole = parts.iter().fold(0, |sum: i64, n| sum.saturating_add(*n));
    let mut sum: i64 = 0;
    parts
        .iter()
        .map(|n| {
            let from = proportion(sum, whole, 10_000);
            sum = sum.saturating_add(*n);
            (from, proportion(sum, whole, 10_000).saturating_sub(from))
        })
        .collect()
}

fn percent(hundredths: i64) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_stand_by_role_and_then_as_they_came() {
        let came = ["INOPERATIVE", "OUTOFORDER", "PLANNED", "BLOCKED", "AVAILABLE", "CHARGING"];
        let split = came.map(|code| (EvseStatus::from(code.to_owned()), 1)).to_vec();
        let sorted: Vec<_> = by_role(split).into_iter().map(|(status, _)| status.code().to_owned()).collect();
        assert_eq!(sorted, ["AVAILABLE", "CHARGING", "PLANNED", "BLOCKED", "OUTOFORDER", "INOPERATIVE"]);
    }

    #[test]
    fn parts_fill_the_bar_without_gaps() {
        let shares = shares(&[1, 1, 1]);
        assert_eq!(shares, [(0, 3333), (3333, 3333), (6666, 3334)]);
        assert_eq!(percent(3305), "33.05%");
        assert_eq!(super::shares(&[0]), [(0, 0)]);
    }
}
