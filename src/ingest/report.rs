//! What an import did: counted per collection, and every refusal with its line and reason.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub dataset: String,
    pub source: String,
    /// Refused ones included.
    pub rows_read: u64,
    pub collections: BTreeMap<&'static str, Counts>,
    pub refused: Vec<Refusal>,
    /// What an operator should know about the source.
    pub notes: Vec<String>,
    pub seconds: f64,
}

/// Documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub written: u64,
    pub unchanged: u64,
    /// Changed by someone else since (`last_updated` is newer than the source's): kept as it is.
    pub kept: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    pub line: Option<u64>,
    pub reason: String,
}

/// On a terminal; the file has them all.
const SHOWN_REFUSALS: usize = 20;

impl Report {
    pub fn total(&self) -> Counts {
        self.collections.values().fold(Counts::default(), |sum, c| Counts {
            written: sum.written + c.written,
            unchanged: sum.unchanged + c.unchanged,
            kept: sum.kept + c.kept,
        })
    }

    /// Writes everything as JSON.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write the report {}", path.display()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Imported {} as `{}` in {:.1} s", self.source, self.dataset, self.seconds)?;
        writeln!(f, "{} rows read, {} refused", self.rows_read, self.refused.len())?;
        writeln!(f, "  {:<20}{:>10}{:>12}{:>18}", "", "written", "unchanged", "kept (changed)")?;
        for (name, counts) in self.collections.iter().map(|(n, c)| (*n, *c)).chain([("total", self.total())]) {
            writeln!(f, "  {name:<20}{:>10}{:>12}{:>18}", counts.written, counts.unchanged, counts.kept)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        for refusal in self.refused.iter().take(SHOWN_REFUSALS) {
            match refusal.line {
                Some(line) => writeln!(f, "refused, line {line}: {}", refusal.reason)?,
                None => writeln!(f, "refused: {}", refusal.reason)?,
            }
        }
        match self.refused.len().saturating_sub(SHOWN_REFUSALS) {
            0 => Ok(()),
            more => writeln!(f, "… and {more} more refusals; --report FILE keeps them all"),
        }
    }
}
