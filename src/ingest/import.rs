//! `chargedeck import`: real history out of a file into the five collections. Safe to repeat.

use std::{path::PathBuf, time::Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use mongodb::Database;

use super::{network, preset::Preset, report::Report, rows, store};

#[derive(Clone, Debug, clap::Args)]
pub struct ImportArgs {
    /// How to read the source: `dundee`, `boulder`, or a mapping file of your own (.toml)
    #[arg(long)]
    pub preset: String,
    /// The export, CSV with a header
    pub source: PathBuf,
    /// Writes the report as JSON, every refusal included
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Reads the source, writes what differs, and says what was done.
pub async fn run(db: &Database, args: &ImportArgs) -> Result<Report> {
    let began = Instant::now();
    let preset = Preset::load(&args.preset)?;
    let source = rows::read(&args.source, &preset)?;
    let mut report = Report {
        dataset: preset.dataset.clone(),
        source: args.source.display().to_string(),
        rows_read: (source.rows.len() + source.refused.len()) as u64,
        refused: source.refused,
        ..Report::default()
    };
    let network = network::build(&preset, source.rows)?;
    report.refused.extend(network.refused);
    report.notes = network.notes;

    let bar = progress(network.documents.values().map(|wanted| wanted.len() as u64).sum())?;
    for (collection, wanted) in &network.documents {
        bar.set_message(collection.name());
        let outcome = store::write(db, *collection, wanted, |documents| bar.inc(documents)).await?;
        report.collections.insert(collection.name(), outcome.counts);
        report.refused.extend(outcome.refused);
    }
    bar.finish_and_clear();
    report.refused.sort_by_key(|refusal| refusal.line);
    report.seconds = began.elapsed().as_secs_f64();
    if let Some(path) = &args.report {
        report.save(path)?;
    }
    Ok(report)
}

/// Draws on a terminal only.
fn progress(documents: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} documents, {msg}, {eta} left")?;
    Ok(ProgressBar::new(documents).with_style(style))
}
