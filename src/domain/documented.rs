//! Tests that the tables of `docs/live.md` name all that travels, and nothing else.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    analytics::Sums,
    cells::Cells,
    collections::{Collection, Parts, Shown},
    figures::{Viewpoint, figures},
    ids::DocId,
    latest::{ActivityEvent, Kind},
    money::Currency,
    time::{Period, UtcMs},
};

/// The names in the first column of the table below a heading.
fn documented(heading: &str) -> BTreeSet<String> {
    let text = include_str!("../../docs/live.md");
    let section = text.split(&format!("\n### `{heading}`\n")).nth(1).expect(heading);
    let lines = section.lines().take_while(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.strip_prefix("| `")?.split_once("` |")?.0.to_owned())).collect()
}

fn keys(value: &impl Serialize) -> BTreeSet<String> {
    let value = serde_json::to_value(value).unwrap();
    value.as_object().unwrap().keys().cloned().collect()
}

fn paths(parts: Parts, within: &str) -> Vec<String> {
    let path = |(name, shown): (&str, Shown)| {
        let path = format!("{within}{name}");
        let inner = if let Shown::Within(parts) = shown { paths(parts, &format!("{path}.")) } else { Vec::new() };
        [path].into_iter().chain(inner)
    };
    parts.iter().copied().flat_map(path).collect()
}

#[test]
fn every_field_that_travels_is_documented_and_no_other() {
    for collection in Collection::ALL {
        let travel: BTreeSet<String> = paths(collection.parts(), "").into_iter().collect();
        assert_eq!(documented(collection.name()), travel, "{collection}");
    }
}

#[test]
fn every_figure_is_documented_and_no_other() {
    let day = Period { from: UtcMs(0), to: UtcMs(1) };
    let at = Viewpoint { now: UtcMs(0), day, week_before: day, silent_after_s: 900 };
    let mut told = keys(&figures(&Cells::default(), &at));
    told.extend(["latest", "counted_at"].map(str::to_owned));
    assert_eq!(documented("overview"), told);

    let in_pounds = || [(Currency("GBP".to_owned()), 1)].into();
    let sums = Sums {
        energy_unknown: 1,
        energy_left_out: 1,
        energy_doubtful: 1,
        revenue: in_pounds(),
        amount_unknown: 1,
        derived_minor: in_pounds(),
        ..Sums::default()
    };
    assert_eq!(documented("analytics"), keys(&sums));

    let latest = ActivityEvent {
        collection: Collection::Clients,
        id: DocId(String::new()),
        kind: Kind::Put,
        at: UtcMs(0),
        label: None,
        status: None,
        changed: Vec::new(),
        money: None,
        energy: None,
        detail: None,
    };
    assert_eq!(documented("activity"), keys(&latest));
}
