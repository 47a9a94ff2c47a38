//! The rows of a source, read one by one as a preset says: typed, or refused with line, column and reason.

mod clock;
mod held;
mod mapping;
mod row;

use std::{fs::File, path::Path};

use anyhow::{Context, Result, bail};
use csv::{ReaderBuilder, StringRecord};

pub use self::held::HeldTally;
use self::mapping::PresetColumns;
pub use self::row::{SessionRow, SourceRecord, StationDetails};
use super::{
    preset::{Delimiter, Preset},
    report::Remark,
};

/// An open file.
pub struct Source<'a> {
    reader: csv::Reader<File>,
    mapping: PresetColumns<'a>,
    record: StringRecord,
}

impl<'a> Source<'a> {
    /// Fails if no row could be right: the file cannot be read, or a column is missing.
    pub fn open(path: &Path, preset: &'a Preset, now: i64, tally: &HeldTally) -> Result<Self> {
        let open = |delimiter: Delimiter| -> Result<(csv::Reader<File>, StringRecord)> {
            let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
            let mut reader = ReaderBuilder::new().flexible(true).delimiter(delimiter.0).from_reader(file);
            let header = reader.headers().with_context(|| format!("cannot read the header of {}", path.display()))?;
            let header = header.clone();
            Ok((reader, header))
        };
        // Takes the delimiter with which all columns are found, else the one with which the header has the most.
        let mut best: Option<(csv::Reader<File>, StringRecord)> = None;
        let named = preset.file.delimiter.as_ref().map_or(&Delimiter::USUAL[..], std::slice::from_ref);
        for delimiter in named {
            let (reader, header) = open(*delimiter)?;
            if let Ok(mapping) = PresetColumns::new(preset, &header, now, tally) {
                return Ok(Self { reader, mapping, record: StringRecord::new() });
            }
            if best.as_ref().is_none_or(|(_, found)| header.len() > found.len()) {
                best = Some((reader, header));
            }
        }
        let Some((reader, header)) = best else { bail!("no delimiter is known") };
        let mapping = PresetColumns::new(preset, &header, now, tally)?;
        Ok(Self { reader, mapping, record: StringRecord::new() })
    }

    /// How many bytes of the file have been read.
    pub fn bytes(&self) -> u64 {
        self.reader.position().byte()
    }
}

impl Iterator for Source<'_> {
    /// An error if the file cannot be read to its end.
    type Item = Result<SourceRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.reader.read_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => {
                let line = self.record.position().map_or(0, csv::Position::line);
                Some(Ok(self.mapping.read(&self.record, line)))
            }
            Err(error) if error.is_io_error() => Some(Err(error).context("the source cannot be read to its end")),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                let (kind, reason) = ("a row that is not text", error.to_string());
                let remark = Remark { line: Some(line), column: None, kind, reason };
                Some(Ok(SourceRecord { line, session: None, row: Err(remark) }))
            }
        }
    }
}

#[cfg(test)]
mod tests;
