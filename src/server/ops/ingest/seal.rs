//! Adds a checksum to a document as it is imported, so that a later import sees whether someone else changed it.

use anyhow::{Context, Result};
use mongodb::bson::{Bson, Document, RawDocumentBuf};
use sha2::{Digest, Sha256};

/// A field of `source`: eight bytes of the SHA-256 of the document without this field.
const CHECKSUM: &str = "checksum";

/// The document with its checksum.
pub fn seal(mut document: Document) -> Result<RawDocumentBuf> {
    let checksum = checksum(&mut document)?;
    document.get_document_mut("source").context("an imported document has a source")?.insert(CHECKSUM, checksum);
    Ok(RawDocumentBuf::try_from(document)?)
}

/// Whether the document is exactly what an import has written.
pub fn is_sealed(document: &RawDocumentBuf) -> Result<bool> {
    let mut document = Document::try_from(document.clone())?;
    let stated = document.get_document("source").ok().and_then(|source| source.get(CHECKSUM).cloned());
    match stated {
        Some(Bson::Int64(stated)) => Ok(checksum(&mut document)? == stated),
        _ => Ok(false),
    }
}

fn checksum(document: &mut Document) -> Result<i64> {
    if let Ok(source) = document.get_document_mut("source") {
        source.remove(CHECKSUM);
    }
    let hash = Sha256::digest(RawDocumentBuf::try_from(document.clone())?.as_bytes());
    Ok(hash.iter().take(8).fold(0, |sum, byte| sum << 8 | i64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn any_change_breaks_the_seal() {
        let document = doc! { "_id": "a", "source": { "dataset": "d" }, "last_updated": 1_i64 };
        let sealed = seal(document.clone()).unwrap();
        assert!(is_sealed(&sealed).unwrap());
        let again = Document::try_from(sealed.clone()).unwrap();
        assert_eq!(seal(again.clone()).unwrap(), sealed, "sealing twice changes nothing");
        for change in [doc! { "last_updated": 2_i64 }, doc! { "note": "mine" }, doc! { "last_updated": 1_i32 }] {
            let mut changed = again.clone();
            changed.extend(change);
            assert!(!is_sealed(&RawDocumentBuf::try_from(changed).unwrap()).unwrap());
        }
        assert!(
            !is_sealed(&RawDocumentBuf::try_from(document).unwrap()).unwrap(),
            "one of an earlier version has none"
        );
    }
}
