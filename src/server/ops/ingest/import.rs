//! `chargedeck import`: brings real history from a file into the collections. Safe to repeat.
//!
//! Rows are written in batches as they are read. The documents that are derived from sessions are made afterwards
//! from all that the database holds, see [`super::derived`].

use std::{collections::BTreeMap, path::PathBuf, time::Instant};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use mongodb::Database;

use super::{
    derived,
    documents::{Builder, payment_id},
    export::Export,
    gone::{NOT_IN_SOURCE, Reaper},
    preset::{Holds, Preset, WhenGone},
    report::{DocumentCounts, ImportReport, Pen, Remark},
    rows::SessionRow,
    seal::seal,
    store::{self, NewDocument},
};
use crate::domain::{collections::Collection, quality};

#[derive(Clone, Debug, Default, clap::Args)]
pub struct ImportArgs {
    /// How to read the source: `dundee`, `boulder`, or a mapping file of your own (.toml)
    #[arg(long, required_unless_present = "print_preset")]
    pub preset: Option<String>,
    /// The export, CSV with a header
    #[arg(required_unless_present = "print_preset")]
    pub source: Option<PathBuf>,
    /// Prints a shipped preset, to copy and change, and does nothing else
    #[arg(long, value_name = "NAME", conflicts_with_all = ["preset", "source"])]
    pub print_preset: Option<String>,
    /// The source holds all sessions of the dataset: those it lacks are marked or removed, as the preset says
    #[arg(long, conflicts_with = "add")]
    pub full: bool,
    /// The source holds some sessions: those it lacks stay
    #[arg(long)]
    pub add: bool,
    /// Exit code 0 although rows were refused (else it is 3)
    #[arg(long)]
    pub allow_refused: bool,
    /// Writes every refused and every doubtful row, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub remarks: Option<PathBuf>,
    /// Writes the summary as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Rows in memory at a time.
const BATCH: usize = 1000;

/// Reads the source, writes what differs, and reports what was done, also if it was stopped half-way.
///
/// # Errors
/// If the preset or the source cannot be read. Nothing was written then. Or if the report or the remarks cannot be written.
pub async fn run(db: &Database, args: &ImportArgs) -> Result<ImportReport> {
    let (began, now) = (Instant::now(), Timestamp::now().as_millisecond());
    let preset = Preset::load(args.preset.as_deref().context("--preset is missing")?)?;
    let source = args.source.as_ref().context("the source is missing")?;
    let full = args.full || !args.add && preset.file.holds == Holds::Full;
    let mut export = Export::open(source, &preset, now)?;
    let mut builder = Builder { preset: &preset, places: BTreeMap::new() };
    for read in export.rows()? {
        if let Ok(row) = read?.row {
            builder.learn(row);
        }
    }
    let report = ImportReport {
        dataset: preset.dataset.clone(),
        source: source.display().to_string(),
        rows_read: export.rows,
        full,
        ..ImportReport::default()
    };
    let reaper = Reaper { db, preset: &preset, now };
    let mut run = Run { db, builder, reaper, report, pen: Pen::new(args.remarks.as_deref())? };
    let bar = progress(std::fs::metadata(source).map_or(0, |file| file.len()))?;
    let written = run.all(&mut export, full, &bar).await;
    bar.finish_and_clear();
    let Run { mut report, pen, .. } = run;
    pen.finish()?;
    report.stopped = written.err().map(|error| format!("{error:#}"));
    report.most_rows_held = export.tally.most();
    report.seconds = began.elapsed().as_secs_f64();
    if let Some(path) = &args.report {
        report.save(path)?;
    }
    Ok(report)
}

struct Run<'a> {
    db: &'a Database,
    builder: Builder<'a>,
    reaper: Reaper<'a>,
    report: ImportReport,
    pen: Pen,
}

impl Run<'_> {
    async fn all(&mut self, export: &mut Export<'_>, full: bool, bar: &ProgressBar) -> Result<()> {
        self.rows(export, bar).await?;
        if full {
            self.gone(export).await?;
        }
        self.derived().await
    }

    /// Writes sessions and payments, in the order of the file.
    async fn rows(&mut self, export: &mut Export<'_>, bar: &ProgressBar) -> Result<()> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut rows = export.rows()?;
        while let Some(read) = rows.next().transpose()? {
            match read.row {
                Ok(row) => batch.push(row),
                Err(remark) => self.pen.refuse(&mut self.report, remark)?,
            }
            if batch.len() == BATCH {
                self.write(&mut batch).await?;
                bar.set_position(rows.bytes());
            }
        }
        self.write(&mut batch).await
    }

    async fn write(&mut self, batch: &mut Vec<SessionRow>) -> Result<()> {
        let (mut sessions, mut payments, mut unpaid) = (Vec::new(), Vec::new(), Vec::new());
        for mut row in batch.drain(..) {
            let cost = self.builder.cost(&row);
            let (line, session) = (Some(row.line), self.builder.session(&row, cost.as_ref()));
            if quality::is_excess(row.energy) {
                let reason = "more than a session can take; it is kept, with a flag".to_owned();
                let column = Some(self.builder.preset.columns.energy.column.clone());
                row.doubts.push(Remark { line, column, kind: "over 250 kWh", reason });
            }
            match cost.filter(|cost| cost.is_paid).zip(row.end) {
                Some((cost, end)) => {
                    payments.push(NewDocument { line, document: seal(self.builder.payment(&row, end, &cost))? });
                }
                None => unpaid.push(self.builder.key(&payment_id(&row))),
            }
            sessions.push(NewDocument { line, document: seal(session)? });
            row.doubts.into_iter().try_for_each(|doubt| self.pen.doubt(&mut self.report, doubt))?;
        }
        for (collection, wanted) in [(Collection::ChargingSessions, sessions), (Collection::Payments, payments)] {
            let outcome = store::write(self.db, collection, &wanted).await?;
            self.count(collection, outcome.counts, outcome.refused)?;
        }
        let counts = self.reaper.reap(Collection::Payments, &unpaid, self.builder.preset.file.gone).await?;
        self.count(Collection::Payments, counts, Vec::new())
    }

    /// Reaps the sessions that a full export lacks. If it is unsure what the export names, no session counts as gone.
    async fn gone(&mut self, export: &mut Export<'_>) -> Result<()> {
        if export.rows == 0 || export.nameless > 0 {
            let why = if export.rows == 0 { "it has no rows" } else { "the session of some rows cannot be read" };
            self.report.notes.push(format!("no session is taken as gone from this full export, because {why}"));
            return Ok(());
        }
        let counts = self.reaper.sessions(export.ids()?).await?;
        let gone = counts.iter().map(|(_, counts)| counts.gone).sum::<u64>();
        if gone > 0 && self.builder.preset.file.gone == WhenGone::Mark {
            let note = format!("{gone} documents are no longer in the source: they stay, marked {NOT_IN_SOURCE}");
            self.report.notes.push(note);
        }
        counts.into_iter().try_for_each(|(collection, counts)| self.count(collection, counts, Vec::new()))
    }

    async fn derived(&mut self) -> Result<()> {
        let contradicted = self.builder.places.values().filter(|place| place.contradicted).count();
        if contradicted > 0 {
            let note =
                format!("{contradicted} stations have several sites or models in the source; the newest row is taken");
            self.report.notes.push(note);
        }
        for derived in derived::write(self.db, &self.builder, &self.reaper).await? {
            self.count(derived.collection, derived.counts, derived.refused)?;
        }
        Ok(())
    }

    fn count(&mut self, collection: Collection, counts: DocumentCounts, refused: Vec<Remark>) -> Result<()> {
        *self.report.collections.entry(collection.name()).or_default() += counts;
        refused.into_iter().try_for_each(|remark| self.pen.refuse(&mut self.report, remark))
    }
}

/// A progress bar, which is drawn on a terminal only.
fn progress(bytes: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes}, {eta} left")?;
    Ok(ProgressBar::new(bytes).with_style(style))
}
