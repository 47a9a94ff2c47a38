//! Texts that many documents share, each kept once under a number. A text that nobody uses any more is forgotten, so
//! memory follows what documents hold now.

use std::hash::{BuildHasher, RandomState};

use hashbrown::{HashTable, hash_table::Entry};

/// The number of a text. [`Code::NONE`] stands for no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code(u32);

impl Code {
    pub const NONE: Self = Self(0);

    /// At most [`Texts::codes`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

pub struct Texts {
    hasher: RandomState,
    codes: HashTable<u32>,
    /// By code; the first stands for no text.
    all: Vec<SharedText>,
    free: Vec<u32>,
    /// Bytes of the texts themselves.
    bytes: usize,
}

#[derive(Default)]
struct SharedText {
    text: Box<str>,
    uses: u32,
}

/// Approximate bytes that the allocator takes beside a text's own.
pub const ALLOCATED: usize = 16;

impl Texts {
    pub fn new(hasher: RandomState) -> Self {
        Self { hasher, codes: HashTable::new(), all: vec![SharedText::default()], free: Vec::new(), bytes: 0 }
    }

    /// The text's number, which counts as used until it is [given back](Self::release). An empty text counts as none.
    pub fn take(&mut self, text: Option<&str>) -> Code {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Code::NONE };
        let Self { hasher, codes, all, free, bytes } = self;
        let hash = hasher.hash_one(text);
        let rehash = |code: &u32| hasher.hash_one(&*all[*code as usize].text);
        match codes.entry(hash, |code| *all[*code as usize].text == *text, rehash) {
            Entry::Occupied(known) => {
                let code = *known.get();
                all[code as usize].uses += 1;
                Code(code)
            }
            Entry::Vacant(empty) => {
                let new = SharedText { text: text.into(), uses: 1 };
                *bytes += text.len() + ALLOCATED;
                let code = if let Some(code) = free.pop() {
                    empty.insert(code);
                    all[code as usize] = new;
                    code
                } else {
                    let code = u32::try_from(all.len()).unwrap_or(u32::MAX);
                    empty.insert(code);
                    all.push(new);
                    code
                };
                Code(code)
            }
        }
    }

    /// Gives back what [`take`](Self::take) returned.
    pub fn release(&mut self, code: Code) {
        let Self { hasher, codes, all, free, bytes } = self;
        let Some(known) = all.get_mut(code.index()).filter(|_| code != Code::NONE) else { return };
        known.uses -= 1;
        if known.uses > 0 {
            return;
        }
        let SharedText { text, .. } = std::mem::take(known);
        *bytes -= text.len() + ALLOCATED;
        if let Ok(entry) = codes.find_entry(hasher.hash_one(&*text), |known| *known == code.0) {
            entry.remove();
        }
        free.push(code.0);
    }

    pub fn get(&self, code: Code) -> Option<&str> {
        self.nth(code.index())
    }

    /// The text with this number, as [`get`](Self::get).
    pub fn nth(&self, index: usize) -> Option<&str> {
        self.all.get(index).filter(|_| index > 0).map(|known| &*known.text)
    }

    /// One more than the largest code.
    pub const fn codes(&self) -> usize {
        self.all.len()
    }

    pub fn bytes(&self) -> usize {
        let kept = self.all.capacity() * size_of::<SharedText>() + self.free.capacity() * size_of::<u32>();
        self.codes.allocation_size() + kept + self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_forgotten_when_nobody_uses_it() {
        let mut texts = Texts::new(RandomState::new());
        let [dundee, perth] = ["Dundee", "Perth"].map(|text| texts.take(Some(text)));
        assert_eq!(texts.take(Some("Dundee")), dundee);
        assert_eq!((texts.take(None), texts.take(Some("")), texts.get(Code::NONE)), (Code::NONE, Code::NONE, None));
        texts.release(dundee);
        assert_eq!((texts.get(dundee), texts.get(perth)), (Some("Dundee"), Some("Perth")), "used once more");
        let before = texts.bytes;
        texts.release(dundee);
        texts.release(Code::NONE);
        assert_eq!(before - texts.bytes, "Dundee".len() + ALLOCATED);
        assert_eq!(texts.take(Some("Stirling")), dundee, "its number is used again");
        assert_eq!(
            texts.get(texts.codes.iter().copied().map(Code).find(|code| *code != perth).unwrap()),
            Some("Stirling")
        );
        assert_eq!((texts.codes.len(), texts.codes()), (2, 3));
    }
}
