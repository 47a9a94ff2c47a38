//! Sorts more texts than memory should hold: full chunks go into temporary files, which are merged as they are read.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
    mem,
};

/// A text and a number, sorted by both.
pub type SortEntry = (String, u64);

#[derive(Debug, Default)]
pub struct Sorter {
    chunk: Vec<SortEntry>,
    runs: Vec<File>,
}

/// The most entries in memory.
const CHUNK: usize = 32_768;

impl Sorter {
    pub fn push(&mut self, text: String, number: u64) -> io::Result<()> {
        self.chunk.push((text, number));
        if self.chunk.len() < CHUNK { Ok(()) } else { self.spill() }
    }

    fn spill(&mut self) -> io::Result<()> {
        let mut chunk = mem::take(&mut self.chunk);
        if chunk.is_empty() {
            return Ok(());
        }
        chunk.sort_unstable();
        let mut run = BufWriter::new(tempfile::tempfile()?);
        for (text, number) in chunk {
            run.write_all(&(text.len() as u64).to_le_bytes())?;
            run.write_all(text.as_bytes())?;
            run.write_all(&number.to_le_bytes())?;
        }
        self.runs.push(run.into_inner().map_err(io::IntoInnerError::into_error)?);
        Ok(())
    }

    /// All entries in order. It can be called again.
    pub fn sorted(&mut self) -> io::Result<SortedEntries<'_>> {
        self.spill()?;
        let mut sorted = SortedEntries { runs: Vec::with_capacity(self.runs.len()), next: BinaryHeap::new() };
        for (at, file) in self.runs.iter().enumerate() {
            let mut file: &File = file;
            file.rewind()?;
            let mut run = BufReader::new(file);
            sorted.next.extend(entry(&mut run)?.map(|entry| Reverse((entry, at))));
            sorted.runs.push(run);
        }
        Ok(sorted)
    }
}

#[derive(Debug)]
pub struct SortedEntries<'a> {
    runs: Vec<BufReader<&'a File>>,
    /// The next entry of each run.
    next: BinaryHeap<Reverse<(SortEntry, usize)>>,
}

impl Iterator for SortedEntries<'_> {
    type Item = io::Result<SortEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((first, at)) = self.next.pop()?;
        match self.runs.get_mut(at).map_or(Ok(None), entry) {
            Ok(following) => self.next.extend(following.map(|entry| Reverse((entry, at)))),
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(first))
    }
}

/// The next entry of a run; `None` at its end.
fn entry(run: &mut BufReader<&File>) -> io::Result<Option<SortEntry>> {
    let mut eight = [0; 8];
    match run.read_exact(&mut eight) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = usize::try_from(u64::from_le_bytes(eight)).map_err(io::Error::other)?;
    let mut text = vec![0; length];
    run.read_exact(&mut text)?;
    run.read_exact(&mut eight)?;
    let text = String::from_utf8(text).map_err(io::Error::other)?;
    Ok(Some((text, u64::from_le_bytes(eight))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_one_chunk_is_merged_in_order_and_can_be_read_again() {
        let mut sorter = Sorter::default();
        let many = 3 * CHUNK as u64 + 7;
        // 7919 is prime and does not divide the number, so each text occurs once, in no order.
        for n in 0..many {
            sorter.push(format!("{:08}", n * 7919 % many), n).unwrap();
            assert!(sorter.chunk.len() < CHUNK, "a full chunk leaves memory");
        }
        for _ in 0..2 {
            let texts: Vec<_> = sorter.sorted().unwrap().map(|entry| entry.unwrap().0).collect();
            assert_eq!(texts.len() as u64, many);
            assert!(texts.is_sorted() && texts.first().is_some_and(|first| first == "00000000"));
        }
        assert_eq!(sorter.runs.len(), 4);
        assert_eq!(Sorter::default().sorted().unwrap().count(), 0);
    }

    #[test]
    fn equal_texts_follow_each_other_by_number() {
        let mut sorter = Sorter::default();
        for (text, number) in [("b", 1), ("a", 9), ("b", 0), ("ä", 2)] {
            sorter.push(text.to_owned(), number).unwrap();
        }
        let sorted: Vec<_> = sorter.sorted().unwrap().map(Result::unwrap).collect();
        assert_eq!(sorted, [("a", 9), ("b", 0), ("b", 1), ("ä", 2)].map(|(text, number)| (text.to_owned(), number)));
    }
}
