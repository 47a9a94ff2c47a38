//! Reads every document as the dashboard does. Reports which cannot be fully read, and which mapping would read them.

use std::fmt::Write;

use anyhow::Result;
use bson::{RawDocumentBuf, doc};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    census::{Census, Gap, UnreadableField},
    report::{CheckReport, Level},
};
use crate::{
    domain::{collections::Collection, ids::DocId, quality::is_implausible, text::quality},
    server::{
        mapping::{Translation, suggest, words},
        mongo::{Mongo, documents, snapshot},
        telemetry::causes,
    },
};

/// The most unread fields that are named.
const NAMED: usize = 40;

pub async fn check(mongo: &Mongo, report: &mut CheckReport) {
    for collection in Collection::ALL {
        match read(mongo, collection).await {
            Ok(census) => add_findings(mongo, collection, &census, report),
            Err(error) => report.warning(collection.name(), format!("cannot be read: {}", causes(&error))),
        }
    }
}

async fn read(mongo: &Mongo, collection: Collection) -> Result<Census> {
    let stored = mongo.operator.collection::<RawDocumentBuf>(collection.name());
    let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} documents, {msg}, {eta} left")?;
    let bar = ProgressBar::new(stored.estimated_document_count().await?).with_style(style);
    bar.set_message(collection.name());
    let mut census = Census::new(collection, mongo.operation_time().await?.instant());
    let translation = mongo.mapping.of(collection);
    let mut cursor = stored.find(doc! {}).batch_size(5000).await?;
    while cursor.advance().await? {
        let document = cursor.current();
        let row = snapshot::row(mongo, collection, document)?;
        census.add(translation, &row.id, documents::all(document), &row.fields);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(census)
}

fn add_findings(mongo: &Mongo, collection: Collection, census: &Census, report: &mut CheckReport) {
    let what = collection.name();
    let documents = census.seen.documents;
    if documents == 0 {
        return report.ok(what, "no documents");
    }
    let current = mongo.mapping.of(collection).map(Translation::definition);
    let made = suggest(collection, &census.seen, current);
    let better = current.map_or(!made.definition.is_empty(), |current| *current != made.definition);
    // Either another mapping reads it, or someone has to look at the document.
    let mend = |example: &DocId| {
        let look = format!("db.getSiblingDB({:?}).{what}.find({{_id: {}}})", mongo.operator.name(), literal(example));
        if better { vec!["the mapping below, in Leptos.toml".to_owned(), look] } else { vec![look] }
    };
    match census.partly {
        0 => report.ok(what, format!("{documents} documents, each field that is there can be read")),
        partly => report.warning(what, format!("{partly} of {documents} documents cannot be fully read")),
    }
    for (field, UnreadableField { documents: n, example, value }) in &census.unread {
        let text = format!("{field} cannot be read in {n} of {documents} documents, such as {example}: {value}");
        report.add(Level::Problem, what, text, mend(example));
    }
    for ((field, of), Gap { of: all, missing, example }) in &census.gaps {
        let Some(example) = example else { continue };
        // Some documents may lack it. If all do, a figure is empty.
        let level = if missing == all { Level::Problem } else { Level::Warning };
        report.add(
            level,
            what,
            format!("{field} is missing in {missing} of {all} {of}documents, such as {example}"),
            mend(example),
        );
    }
    for (flag, (n, example)) in &census.oddities {
        let text = format!("{n} of {documents} are marked “{}”, such as {example}", quality(flag));
        report.add(if is_implausible(flag) { Level::Warning } else { Level::Ok }, what, text, Vec::new());
    }
    if let Some(values) = census.seen.status(collection) {
        let known = words(collection);
        let strange: Vec<_> = values.words.iter().filter(|(word, _)| !known.contains(&word.as_str())).collect();
        if !strange.is_empty() {
            let list: Vec<_> = strange.iter().map(|(word, n)| format!("{word:?} ({n})")).collect();
            report.warning(what, format!("status words that count in no figure: {}", list.join(", ")));
        }
    }
    let unmapped: Vec<_> =
        census.seen.theirs.iter().filter(|(name, _)| *name != "_id" && !name.contains('.')).collect();
    if !unmapped.is_empty() {
        let list: Vec<_> =
            unmapped.iter().take(NAMED).map(|(name, values)| format!("{name} ({})", values.documents)).collect();
        let more = if unmapped.len() > NAMED { ", and more" } else { "" };
        report.ok(what, format!("fields that are not read (`names` or `show` would): {}{more}", list.join(", ")));
    }
    if better {
        for note in &made.notes {
            let _infallible = writeln!(report.mapping, "# {what}: {note}");
        }
        let _infallible = writeln!(report.mapping, "{}", made.definition.to_toml(collection));
    }
}

/// An `_id` in mongosh's syntax.
fn literal(id: &DocId) -> String {
    match serde_json::from_str::<serde_json::Value>(&id.0) {
        Ok(serde_json::Value::String(text)) => format!("{text:?}"),
        Ok(extended) if extended.is_object() => format!("EJSON.parse({:?})", id.0),
        _ => format!("ObjectId({:?})", id.0),
    }
}
