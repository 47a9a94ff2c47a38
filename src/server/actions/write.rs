//! How one of our statuses is written into an operator's document: the inverse of the mapping.

use bson::{Bson, Document, doc};

use crate::{domain::collections::Collection, server::mapping::Mapping};

/// What is written, and on which condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The field's value as it was read. With another value the write must not apply.
    pub was: Document,
    pub set: Document,
}

/// The write that gives `document` the status `ours`.
///
/// # Errors
/// A sentence: the settings have no word for the status or several, or the field is not where a value can be set.
pub fn write(mapping: &Mapping, of: Collection, document: &Document, ours: &str) -> Result<Write, String> {
    let word = mapping.word(of, ours)?;
    let path = mapping.path(of, "status");
    let was = match at(document, path) {
        Some(Bson::String(was)) => was,
        Some(_) => return Err(format!("The field {path} of this document is no text, so nothing is written there.")),
        None => return Err(format!("This document has no field {path}.")),
    };
    Ok(Write { was: doc! {path: was}, set: doc! {"$set": {path: word}} })
}

/// The value at a path. It does not look into lists, because the path would have to name the position.
fn at<'a>(mut document: &'a Document, path: &str) -> Option<&'a Bson> {
    let (outer, last) = path.rsplit_once('.').map_or((None, path), |(outer, last)| (Some(outer), last));
    for name in outer.into_iter().flat_map(|outer| outer.split('.')) {
        document = document.get_document(name).ok()?;
    }
    document.get(last)
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
        write(mapping, Collection::Clients, document, "BLOCKED")
    }

    #[test]
    fn a_status_is_written_under_their_name_in_their_word() {
        let theirs = mapping("account.state", &[("active", "ACTIVE"), ("banned", "BLOCKED")]);
        let document = doc! {"account": {"state": "active", "id": 7}};
        let written = Write { was: doc! {"account.state": "active"}, set: doc! {"$set": {"account.state": "banned"}} };
        assert_eq!(of(&theirs, &document), Ok(written));
        let ours = Mapping::default();
        let written = Write { was: doc! {"status": "ACTIVE"}, set: doc! {"$set": {"status": "BLOCKED"}} };
        assert_eq!(of(&ours, &doc! {"status": "ACTIVE"}), Ok(written));
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
        let within = mapping("accounts.state", &[("banned", "BLOCKED")]);
        assert!(of(&within, &doc! {"accounts": [{"state": "active"}]}).is_err());
    }
}
