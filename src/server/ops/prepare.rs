//! `chargedeck prepare`: lists what it would make in the operator's database, with sizes, asks, and makes it.

use std::{
    fmt,
    io::{self, BufRead, IsTerminal, Write},
};

use anyhow::{Context, Result, bail};
use bson::Document;

use crate::{
    domain::collections::Collection,
    server::mongo::{
        Mongo,
        prepare::{self, New, PreparePlan},
    },
};

#[derive(Clone, Copy, Debug, clap::Args)]
pub struct PrepareArgs {
    /// Do it without asking, for scripts
    #[arg(long)]
    pub yes: bool,
    /// Drop no index of an earlier version
    #[arg(long)]
    pub keep_indexes: bool,
}

/// Lists the changes, asks, and makes them.
///
/// # Errors
/// MongoDB does not answer or refuses, or there is no terminal to ask at.
pub async fn run(mongo: &Mongo, args: PrepareArgs) -> Result<()> {
    let mut plan = prepare::plan(mongo).await.context("looking at the database")?;
    if args.keep_indexes {
        plan.drops.clear();
    }
    let mut out = io::stdout();
    write!(out, "{}", PlanText { plan: &plan, db: mongo.operator.name() })?;
    if !args.yes {
        if plan.is_empty() {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            bail!("nothing was made, because nobody can be asked here: chargedeck prepare --yes does not ask");
        }
        write!(out, "\nGo on? [y/N] ")?;
        out.flush()?;
        let answer = tokio::task::spawn_blocking(|| answer(io::stdin().lock())).await??;
        if !answer {
            return Ok(writeln!(out, "Nothing was made.")?);
        }
    }
    if !plan.is_empty() {
        writeln!(out, "\nAt work; large indexes take minutes.")?;
    }
    prepare::carry_out(mongo, &plan).await.context("not all of it was made; chargedeck prepare goes on from here")?;
    writeln!(out, "Done. `serve` does the same again for a collection that is made anew.")?;
    Ok(())
}

fn answer(mut input: impl BufRead) -> io::Result<bool> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// A plan in words.
struct PlanText<'a> {
    plan: &'a PreparePlan,
    db: &'a str,
}

impl fmt::Display for PlanText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PreparePlan { images, indexes, drops, absent, unfollowed, full } = self.plan;
        for (collection, what) in unfollowed {
            writeln!(f, "{collection} is {what}, so nothing can be made for it; `chargedeck check` says what to do.")?;
        }
        for collection in full {
            writeln!(f, "{collection} has so many indexes that none of ours is added: MongoDB takes 64.")?;
        }
        if !absent.is_empty() {
            writeln!(f, "Not there yet, and prepared by `serve` when they come: {}.", names(absent))?;
        }
        if self.plan.is_empty() {
            return writeln!(f, "In the database {} nothing is to be made.", self.db);
        }
        writeln!(f, "In the database {} ChargeDeck would", self.db)?;
        if !images.is_empty() {
            writeln!(f, "  switch on change-stream images of {}", names(images))?;
        }
        for New { collection, keys, bytes } in indexes {
            writeln!(f, "  make an index of {collection}, {}{}", fields(keys), about(*bytes))?;
        }
        for (collection, index) in drops {
            let refuses = if index.unique { ", which refuses a second equal value" } else { "" };
            writeln!(f, "  drop the index {} of {collection}{refuses}", index.name)?;
        }
        if !drops.is_empty() {
            writeln!(f, "Those that it would drop are as earlier versions made them; --keep-indexes drops none.")?;
        }
        if !indexes.is_empty() {
            let all: u64 = indexes.iter().filter_map(|new| new.bytes).sum();
            writeln!(f, "The new indexes take about {} in all. None of them can refuse a write.", size(all))?;
        }
        if !images.is_empty() {
            writeln!(f, "Images take as much room as the documents that change, for as long as MongoDB keeps them.")?;
        }
        Ok(())
    }
}

fn names(collections: &[Collection]) -> String {
    collections.iter().map(|collection| collection.name()).collect::<Vec<_>>().join(", ")
}

fn fields(keys: &Document) -> String {
    format!("{{{}}}", keys.iter().map(|(field, n)| format!("{field}: {n}")).collect::<Vec<_>>().join(", "))
}

fn about(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| format!(", about {}", size(bytes)))
}

/// Bytes as people say them.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..10_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        10_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for (typed, yes) in
            [("y\n", true), ("yes\r\n", true), ("\n", false), ("", false), ("no\n", false), ("yy", false)]
        {
            assert_eq!(answer(typed.as_bytes()).unwrap(), yes, "{typed:?}");
        }
    }

    #[test]
    fn sizes_are_said_as_people_say_them() {
        let sizes = [0, 4_001, 999_999, 1_550_000, 24_000_000, 12_000_000_000].map(size);
        assert_eq!(sizes, ["0 kB", "5 kB", "1000 kB", "1.5 MB", "24 MB", "12 GB"]);
    }
}
