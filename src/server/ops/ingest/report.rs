//! What an import did: what became of the rows, documents counted per collection, and what is refused or doubtful.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::{Context, Result};
use serde::Serialize;

/// Something about a row that an operator should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Line in the file, from 1, the header included.
    pub line: Option<u64>,
    pub column: Option<String>,
    /// The name of its kind, by which remarks are grouped.
    #[serde(skip)]
    pub kind: &'static str,
    pub reason: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, &self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, {column}: {}", self.reason),
            (Some(line), None) => write!(f, "line {line}: {}", self.reason),
            (None, _) => f.write_str(&self.reason),
        }
    }
}

/// The remarks of one kind: how many there are, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RemarkKind {
    pub count: u64,
    pub first: Vec<Remark>,
}

/// Remarks by kind. What is kept does not grow with the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Remarks(pub BTreeMap<&'static str, RemarkKind>);

/// How many remarks of each kind are kept.
const FIRST: usize = 5;

impl Remarks {
    pub fn add(&mut self, remark: Remark) {
        let kind = self.0.entry(remark.kind).or_default();
        kind.count += 1;
        if kind.first.len() < FIRST {
            kind.first.push(remark);
        }
    }

    pub fn count(&self) -> u64 {
        self.0.values().map(|kind| kind.count).sum()
    }

    /// The kept remarks, by line.
    pub fn first(&self) -> Vec<&Remark> {
        let mut first: Vec<_> = self.0.values().flat_map(|kind| &kind.first).collect();
        first.sort_by_key(|remark| remark.line);
        first
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
        for (name, kind) in &self.0 {
            writeln!(f, "{what}, {name}: {}", kind.count)?;
            kind.first.iter().try_for_each(|remark| writeln!(f, "  {remark}"))?;
            if kind.count > kind.first.len() as u64 {
                writeln!(f, "  … --remarks FILE keeps them all")?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ImportReport {
    pub dataset: String,
    pub source: String,
    /// Refused rows included.
    pub rows_read: u64,
    /// Whether the import looked for documents that the source no longer holds.
    pub full: bool,
    pub collections: BTreeMap<&'static str, DocumentCounts>,
    /// Rows that did not become a session.
    pub refused: Remarks,
    /// What is odd about rows that did become one.
    pub doubtful: Remarks,
    /// Why it ended before its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// What an operator should know about the source.
    pub notes: Vec<String>,
    /// The most rows that were in memory at a time.
    pub most_rows_held: usize,
    pub seconds: f64,
}

/// Numbers of documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DocumentCounts {
    pub added: u64,
    pub corrected: u64,
    pub unchanged: u64,
    /// Someone else has changed them since their import, so they are kept as they are.
    pub kept: u64,
    /// Their row or session is gone, so they were marked or removed.
    pub gone: u64,
}

impl DocumentCounts {
    pub const fn written(&self) -> u64 {
        self.added + self.corrected + self.gone
    }
}

impl std::ops::AddAssign for DocumentCounts {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.corrected += other.corrected;
        self.unchanged += other.unchanged;
        self.kept += other.kept;
        self.gone += other.gone;
    }
}

impl ImportReport {
    pub fn total(&self) -> DocumentCounts {
        let mut total = DocumentCounts::default();
        self.collections.values().for_each(|counts| total += *counts);
        total
    }

    /// Writes the report as JSON.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write the report {}", path.display()))
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = if self.full { "a full export" } else { "an addition" };
        writeln!(f, "Imported {} as `{}`, {holds}, in {:.1} s", self.source, self.dataset, self.seconds)?;
        writeln!(
            f,
            "{} rows read, {} refused, {} remarks on others",
            self.rows_read,
            self.refused.count(),
            self.doubtful.count()
        )?;
        write!(f, "  {:<20}", "")?;
        for title in ["added", "corrected", "unchanged", "kept", "gone"] {
            write!(f, "{title:>11}")?;
        }
        writeln!(f)?;
        for (name, c) in self.collections.iter().map(|(n, c)| (*n, *c)).chain([("total", self.total())]) {
            write!(f, "  {name:<20}")?;
            for count in [c.added, c.corrected, c.unchanged, c.kept, c.gone] {
                write!(f, "{count:>11}")?;
            }
            writeln!(f)?;
        }
        if self.total().kept > 0 {
            writeln!(f, "note: kept documents were changed by someone else since they were imported")?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))?;
        self.doubtful.write(f, "doubtful")?;
        self.refused.write(f, "refused")?;
        let Some(error) = &self.stopped else { return Ok(()) };
        writeln!(f, "stopped: {error}")?;
        writeln!(
            f,
            "  Clients, stations and eco figures may not fit the sessions yet. The same command again makes good for it."
        )
    }
}

/// Takes remarks as they come, into the report, and into a file if one is named.
pub struct Pen {
    file: Option<BufWriter<File>>,
}

#[derive(Serialize)]
struct RemarkLine<'a> {
    is: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    remark: &'a Remark,
}

impl Pen {
    pub fn new(path: Option<&Path>) -> Result<Self> {
        let create =
            |path: &Path| File::create(path).with_context(|| format!("cannot write the remarks {}", path.display()));
        Ok(Self { file: path.map(create).transpose()?.map(BufWriter::new) })
    }

    pub fn refuse(&mut self, report: &mut ImportReport, remark: Remark) -> Result<()> {
        self.write("refused", &remark)?;
        report.refused.add(remark);
        Ok(())
    }

    pub fn doubt(&mut self, report: &mut ImportReport, remark: Remark) -> Result<()> {
        self.write("doubtful", &remark)?;
        report.doubtful.add(remark);
        Ok(())
    }

    pub fn finish(mut self) -> Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush).context("cannot write the remarks")
    }

    fn write(&mut self, is: &'static str, remark: &Remark) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        serde_json::to_writer(&mut *file, &RemarkLine { is, kind: remark.kind, remark })?;
        file.write_all(b"\n").context("cannot write the remarks")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_kind_are_kept_and_all_are_counted() {
        let mut remarks = Remarks::default();
        for line in 1..=1000 {
            let kind = if line % 2 == 0 { "even" } else { "odd" };
            remarks.add(Remark { line: Some(line), column: None, kind, reason: line.to_string() });
        }
        assert_eq!((remarks.count(), remarks.first().len()), (1000, 2 * FIRST));
        let report = ImportReport { refused: remarks, ..ImportReport::default() }.to_string();
        assert!(report.contains("refused, even: 500\n  line 2: 2\n"), "{report}");
    }
}
