//! Tests that the tables of `docs/live.md` name all that travels, and nothing else, and that what the documents name
//! exists.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    analytics::Sums,
    collections::{Collection, Parts, Shown},
    figures::{FIGURES, FigureEntry},
    ids::DocId,
    latest::{ActivityEvent, ActivityKind},
    money::Currency,
    time::UtcMs,
};

/// The names in the first column of the table below a heading.
fn documented(heading: &str) -> BTreeSet<String> {
    // Read here, because a test may have written it.
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/live.md")).unwrap();
    let section = text.split(&format!("\n### `{heading}`\n")).nth(1).expect(heading);
    let lines = section.lines().take_while(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.strip_prefix("| `")?.split_once("` |")?.0.to_owned())).collect()
}

/// All files below a folder, without those that were installed.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let within = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.filter(|path| !path.ends_with("node_modules")).flat_map(within).collect()
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
    let topics = include_str!("../../docs/live.md");
    for collection in Collection::ALL {
        let topic = format!("\n| `{collection}` | `{}` |", collection.event());
        assert!(topics.contains(&topic), "the table of topics lacks {collection}");
        let travel: BTreeSet<String> = paths(collection.parts(), "").into_iter().collect();
        assert_eq!(documented(collection.name()), travel, "{collection}");
    }
}

/// The registry's part of the table of figures: all but what the feed adds to it.
#[test]
fn every_figure_is_documented_as_the_registry_has_it() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/live.md");
    let text = fs::read_to_string(&page).unwrap();
    let (_, rest) = text.split_once("### `overview`\n\n| figure | means |\n|---|---|\n").unwrap();
    let (table, after) = rest.split_once("| `latest` |").unwrap();
    let row = |figure: &FigureEntry| format!("| `{}` |{} |\n", figure.name, figure.text);
    let registry: String = FIGURES.iter().map(row).collect();
    if env::var_os("UPDATE_DOCS").is_some() {
        let head = &text[..text.len() - rest.len()];
        fs::write(&page, format!("{head}{registry}| `latest` |{after}")).unwrap();
    } else {
        assert_eq!(table, registry, "UPDATE_DOCS=1 writes the table");
    }
    let mut names: BTreeSet<String> = FIGURES.iter().map(|figure| figure.name.to_owned()).collect();
    names.extend(["latest", "counted_at"].map(str::to_owned));
    assert_eq!(documented("overview"), names);
}

#[test]
fn every_sum_and_event_is_documented_and_no_other() {
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
        kind: ActivityKind::Put,
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

#[test]
fn every_file_and_test_that_a_document_names_exists() {
    /// The files that one would make by the recipe for a collection.
    const TO_BE_MADE: [&str; 2] = ["src/domain/collections/tariff.rs", "src/web/pages/tariffs.rs"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_code = |path: &Path| path.extension().is_some_and(|kind| kind == "rs" || kind == "ts" || kind == "mjs");
    let code = ["src", "tests", "examples", "view", "end2end"].map(|folder| files(&root.join(folder)));
    let code: Vec<PathBuf> = code.into_iter().flatten().filter(|path| is_code(path)).collect();
    let text: String = code.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let documents = files(&root.join("docs")).into_iter().chain([root.join("README.md")]);
    let (mut paths, mut tests) = (0, 0);
    for document in documents.filter(|path| path.extension().is_some_and(|kind| kind == "md")) {
        for named in fs::read_to_string(&document).unwrap().lines().flat_map(|line| line.split('`').skip(1).step_by(2))
        {
            if is_code(Path::new(named)) && !named.contains([' ', '*']) && !TO_BE_MADE.contains(&named) {
                let exists = code.iter().any(|path| path.ends_with(named));
                assert!(exists, "{} names {named}", document.display());
                paths += 1;
            }
            let is_test = named.matches('_').count() >= 4 && !named.starts_with("chargedeck_");
            if is_test && named.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit()) {
                assert!(text.contains(&format!("fn {named}(")), "{} names the test {named}", document.display());
                tests += 1;
            }
        }
    }
    assert!(paths > 100 && tests > 100, "{paths} paths and {tests} tests: they are no longer found");
}
