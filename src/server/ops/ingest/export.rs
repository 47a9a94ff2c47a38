//! A whole export: the sessions that it names, and its rows, with each session once.
//!
//! The file is read several times and never held in memory. Ids are sorted on disk, so memory stays bounded.

use std::{
    iter::Peekable,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{
    preset::Preset,
    report::Remark,
    rows::{HeldTally, Source, SourceRecord},
    sorter::{SortedEntries, Sorter},
};

pub struct Export<'a> {
    path: PathBuf,
    preset: &'a Preset,
    now: i64,
    pub tally: HeldTally,
    /// Ids of sessions with their line; 0 for a row that is refused.
    ids: Sorter,
    /// Lines that repeat a session, as text, with the line that named it first.
    repeated: Sorter,
    pub rows: u64,
    /// Rows whose session cannot be read.
    pub nameless: u64,
}

impl<'a> Export<'a> {
    pub fn open(path: &Path, preset: &'a Preset, now: i64) -> Result<Self> {
        let mut export = Self {
            path: path.to_owned(),
            preset,
            now,
            tally: HeldTally::default(),
            ids: Sorter::default(),
            repeated: Sorter::default(),
            rows: 0,
            nameless: 0,
        };
        for read in export.source()? {
            let SourceRecord { line, session, row } = read?;
            export.rows += 1;
            match session {
                Some(id) => export.ids.push(id, if row.is_ok() { line } else { 0 }).context(NO_FILE)?,
                None => export.nameless += 1,
            }
        }
        let mut first: Option<(String, u64)> = None;
        for entry in export.ids.sorted().context(NO_FILE)? {
            let (id, line) = entry.context(NO_FILE)?;
            match &first {
                _ if line == 0 => {}
                Some((known, first)) if *known == id => {
                    export.repeated.push(key(line), *first).context(NO_FILE)?;
                }
                _ => first = Some((id, line)),
            }
        }
        Ok(export)
    }

    fn source(&self) -> Result<Source<'a>> {
        Source::open(&self.path, self.preset, self.now, &self.tally)
    }

    /// The rows in the order of the file. Of several rows that name one session only the first is taken.
    pub fn rows(&mut self) -> Result<CsvRows<'_>> {
        let source = self.source()?;
        let column = self.preset.columns.session.clone();
        Ok(CsvRows { source, column, repeated: self.repeated.sorted().context(NO_FILE)?.peekable() })
    }

    /// The ids of all sessions that the file names, in order.
    pub fn ids(&mut self) -> Result<impl Iterator<Item = Result<String>> + use<'_>> {
        let ids = self.ids.sorted().context(NO_FILE)?;
        Ok(ids.map(|entry| entry.map(|(id, _)| id).context(NO_FILE)))
    }
}

const NO_FILE: &str = "cannot use a temporary file";

/// The line as a text that sorts like the number.
fn key(line: u64) -> String {
    format!("{line:020}")
}

pub struct CsvRows<'a> {
    source: Source<'a>,
    /// The column of the session's id.
    column: String,
    repeated: Peekable<SortedEntries<'a>>,
}

impl CsvRows<'_> {
    /// How many bytes of the file have been read.
    pub fn bytes(&self) -> u64 {
        self.source.bytes()
    }

    /// The earlier line that named the session of this line first; `None` if this line is the first.
    fn named_before(&mut self, line: u64) -> Result<Option<u64>> {
        let key = key(line);
        match self.repeated.next_if(|entry| entry.as_ref().map_or(true, |(repeated, _)| *repeated == key)) {
            Some(entry) => Ok(Some(entry.context(NO_FILE)?.1)),
            None => Ok(None),
        }
    }
}

impl Iterator for CsvRows<'_> {
    type Item = Result<SourceRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut read = match self.source.next()? {
            Ok(read) => read,
            Err(error) => return Some(Err(error)),
        };
        if let Ok(row) = &read.row {
            match self.named_before(row.line) {
                Ok(None) => {}
                Ok(Some(first)) => {
                    let reason = format!("the session {} stands in line {first} already", row.session);
                    let kind = "a session that stands in the file twice";
                    read.row = Err(Remark { line: Some(row.line), column: Some(self.column.clone()), kind, reason });
                }
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(read))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn however_long_the_file_is_one_row_at_a_time_is_in_memory() {
        let preset = Preset::load("dundee").unwrap();
        for rows in [3, 3000] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            let columns = "Charging event,User ID,CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh";
            writeln!(file, "{columns},Site,Model").unwrap();
            for n in 0..rows {
                writeln!(file, "{n},a,c,1,06/09/2018,20:55,06/09/2018,22:03,22.287,s,m").unwrap();
            }
            let mut export = Export::open(file.path(), &preset, 1_764_374_400_000).unwrap();
            let read = export.rows().unwrap().filter(|read| read.as_ref().unwrap().row.is_ok()).count() as u64;
            assert_eq!((export.rows, read, export.tally.most()), (rows, rows, 1));
        }
    }
}
