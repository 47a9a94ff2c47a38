//! A status of ours as it is written into an operator's document: the mapping's inverse.

use bson::{Bson, Document, doc};

use crate::{
    domain::{collections::Collection, selection::FilterField},
    server::mapping::Mapping,
};

/// What is written, and on what condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// Our name of the field that holds the status.
    pub field: &'static str,
    /// Where the operator's documents have that field.
    pub path: String,
    /// Their word for the status that it had. The write requires it unchanged.
    pub word_before: String,
    /// Their word for the status that it gets.
    pub word: String,
}

impl Write {
    /// The condition on the document.
    pub fn was(&self) -> Document {
        doc! {&self.path: &self.word_before}
    }

    pub fn set(&self) -> Document {
        doc! {"$set": {&self.path: &self.word}}
    }

    /// The document as it is after the write.
    pub fn applied(&self, mut document: Document) -> Document {
        if let Some(value) = at(&mut document, &self.path) {
            *value = Bson::from(&self.word);
        }
        document
    }
}

/// The write that gives `document` the status `ours`. `word` is the operator's own word for it where that is known, as of a
/// status that was there before.
///
/// # Errors
/// A sentence: such documents have no status, the settings name no word for it or several, or the field is not where a
/// value can be set.
pub fn write(
    mapping: &Mapping,
    of: Collection,
    document: &Document,
    ours: &str,
    word: Option<String>,
) -> Result<Write, String> {
    let field = FilterField::Status.field(of).ok_or_else(|| format!("{of} have no status."))?;
    let word = word.map_or_else(|| mapping.word(of, ours), Ok)?;
    let path = mapping.path(of, field);
    let word_before = match at(&mut document.clone(), path) {
        Some(Bson::String(was)) => std::mem::take(was),
        Some(_) => return Err(format!("The field {path} of this document is no text, so nothing is written there.")),
        None => return Err(format!("This document has no field {path}.")),
    };
    Ok(Write { field, path: path.to_owned(), word_before, word })
}

/// The value at a path. Lists are not searched, because a path has no index into them.
fn at<'a>(mut document: &'a mut Document, path: &str) -> Option<&'a mut Bson> {
    let (outer, last) = path.rsplit_once('.').map_or((None, path), |(outer, last)| (Some(outer), last));
    for name in outer.into_iter().flat_map(|outer| outer.split('.')) {
        document = document.get_document_mut(name).ok()?;
    }
    document.get_mut(last)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::{domain::money::Currency, server::mapping::Definition};

    fn mapping(name: &str, status: &[(&str, &str)]) -> Mapping {
        let definition = Definition {
            names: [("status".to_owned(), name.to_owned())].into(),
            status: status.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
            ..Definition::default()
        };
        Mapping::new([(Collection::Clients, definition)].into(), &Currency("GBP".into()), &TimeZone::UTC)
    }

    fn of(mapping: &Mapping, document: &Document) -> Result<Write, String> {
        write(mapping, Collection::Clients, document, "BLOCKED", None)
    }

    #[test]
    fn a_status_is_written_under_their_name_in_their_word() {
        let theirs = mapping("account.state", &[("active", "ACTIVE"), ("banned", "BLOCKED")]);
        let document = doc! {"account": {"state": "active", "id": 7}};
        let banned = of(&theirs, &document).unwrap();
        assert_eq!(banned.was(), doc! {"account.state": "active"});
        assert_eq!(banned.set(), doc! {"$set": {"account.state": "banned"}});
        assert_eq!(banned.applied(document.clone()), doc! {"account": {"state": "banned", "id": 7}});
        let back = write(&theirs, Collection::Clients, &document, "INACTIVE", Some("asleep".to_owned())).unwrap();
        assert_eq!(back.set(), doc! {"$set": {"account.state": "asleep"}});
        let blocked = of(&Mapping::default(), &doc! {"status": "active"}).unwrap();
        assert_eq!((blocked.field, blocked.was()), ("status", doc! {"status": "active"}));
        assert_eq!(blocked.set(), doc! {"$set": {"status": "BLOCKED"}});
    }

    #[test]
    fn what_can_be_meant_in_two_ways_is_not_written() {
        let document = doc! {"state": "active"};
        let two = mapping("state", &[("banned", "BLOCKED"), ("fraud", "BLOCKED"), ("active", "ACTIVE")]);
        assert!(of(&two, &document).unwrap_err().contains("“banned” and “fraud”"));
        let none = mapping("state", &[("active", "ACTIVE")]);
        assert!(of(&none, &document).unwrap_err().contains("BLOCKED"));
        let one = mapping("state", &[("banned", "BLOCKED")]);
        for odd in [doc! {}, doc! {"state": ["active"]}, doc! {"state": 1}, doc! {"state": {}}] {
            assert!(of(&one, &odd).is_err(), "{odd}");
        }
        let stations = write(&Mapping::default(), Collection::Stations, &doc! {"status": "x"}, "BLOCKED", None);
        assert!(stations.unwrap_err().contains("no status"));
        let within = mapping("accounts.state", &[("banned", "BLOCKED")]);
        assert!(of(&within, &doc! {"accounts": [{"state": "active"}]}).is_err());
    }
}
