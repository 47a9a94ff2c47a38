//! Random documents of any kind, including what an operator's database may hold and should not.

use chargedeck::domain::collections::{Collection, Parts, Shown};
use mongodb::bson::{
    Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, RawDocumentBuf, Regex, Timestamp, doc,
    oid::ObjectId, spec::BinarySubtype,
};
use rand::{RngExt, rngs::ChaCha8Rng, seq::IndexedRandom};

/// The text in all places that nothing may read. Wherever it turns up, something has leaked.
pub const CANARY: &str = "canary-77ab";
/// [`raw`] turns this text into invalid UTF-8.
pub const NO_TEXT: &str = "no-text";

fn text(rng: &mut ChaCha8Rng) -> String {
    let texts = [
        "",
        "\u{0}",
        "ACTIVE",
        "COMPLETED",
        "\u{202e}abc",
        "é\u{301}",
        NO_TEXT,
        "<script>",
        "=1+1",
        "2026-01-01",
        "GBP",
    ];
    match rng.random_range(0..12) {
        0 => "x".repeat(3000),
        _ => (*texts.choose(rng).unwrap()).to_owned(),
    }
}

/// The deepest value, some levels below the 100 of which MongoDB tells that it takes them.
const DEEPEST: usize = 96;

/// Returns a value within as many documents and lists.
fn deep(rng: &mut ChaCha8Rng, levels: usize) -> Bson {
    let last = if rng.random() { CANARY.into() } else { Bson::Null };
    (0..levels).fold(last, |inner, _| if rng.random() { doc! {"a": inner}.into() } else { vec![inner].into() })
}

/// Returns a random value of any type. Texts below the top hold the canary, because no list of shown fields names
/// them.
pub fn value(rng: &mut ChaCha8Rng, depth: usize) -> Bson {
    if depth == 0 && rng.random_ratio(1, 60) {
        let levels = rng.random_range(1..=DEEPEST);
        return deep(rng, levels);
    }
    let hidden = |rng: &mut ChaCha8Rng| match rng.random_range(0..6) {
        // As JSON and HTML escape it.
        0 => format!("\"\u{0}<{CANARY}>"),
        1 => format!("{NO_TEXT}{CANARY}"),
        _ => CANARY.to_owned(),
    };
    let inner = |rng: &mut ChaCha8Rng| if depth == 0 { text(rng) } else { hidden(rng) };
    let number = [0, 1, -1, i64::MAX, i64::MIN, 1 << 53, 4_600_000_000_000_000, 1_000_000_000_000];
    match rng.random_range(0..if depth < 5 { 19 } else { 16 }) {
        0 => Bson::Null,
        1 => rng.random::<bool>().into(),
        2 => rng.random::<i32>().into(),
        3 | 4 => (*number.choose(rng).unwrap()).into(),
        5 => {
            (*[0.0, -0.0, 0.1, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, f64::MAX, 1e18].choose(rng).unwrap()).into()
        }
        6 | 7 => inner(rng).into(),
        8 => {
            DateTime::from_millis(*[0, i64::MIN, i64::MAX, 1_790_000_000_000, -62_135_596_800_001].choose(rng).unwrap())
                .into()
        }
        9 => DateTime::from_millis(DateTime::now().timestamp_millis() - rng.random_range(0..1_000_000_000)).into(),
        10 => ObjectId::new().into(),
        11 => {
            ["NaN", "Infinity", "1E+6144", "-0", "1234.00"].choose(rng).unwrap().parse::<Decimal128>().unwrap().into()
        }
        // Without subtype 7, because MongoDB refuses an invalid column.
        12 => {
            let secret = format!("{CANARY:.<16}").into_bytes();
            let bytes = if depth == 0 { rng.random::<[u8; 16]>().to_vec() } else { secret };
            Binary { subtype: BinarySubtype::from(rng.random_range(0..7)), bytes }.into()
        }
        13 => Bson::RegularExpression(Regex { pattern: CANARY.try_into().unwrap(), options: "i".try_into().unwrap() }),
        14 => Bson::Timestamp(Timestamp { time: rng.random(), increment: rng.random() }),
        15 => match rng.random_range(0..4) {
            0 => Bson::MinKey,
            1 => Bson::MaxKey,
            2 => Bson::JavaScriptCode(CANARY.to_owned()),
            _ => Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope {
                code: CANARY.to_owned(),
                scope: doc! {"a": CANARY},
            }),
        },
        16 => {
            // Only the top list may be wide, because wide lists in wide lists would exceed the size of a document.
            let wide = if depth == 0 && rng.random_ratio(1, 20) { 3000 } else { rng.random_range(0..5) };
            (0..wide).map(|_| value(rng, depth + 1)).collect::<Vec<_>>().into()
        }
        _ => {
            let names = ["a", "status", "uid", "", "secret", "$set", "a.b"];
            (0..rng.random_range(0..5))
                .map(|_| ((*names.choose(rng).unwrap()).to_owned(), value(rng, depth + 1)))
                .collect::<Document>()
                .into()
        }
    }
}

/// Returns a random document of a collection: some of its fields with any value, and canaries in fields that nothing
/// reads.
pub fn document_of(rng: &mut ChaCha8Rng, collection: Collection) -> Document {
    let mut document = document(rng, collection.parts());
    let travels = |name: &str| collection.shown_fields().any(|shown| shown == name);
    for field in collection.fields().iter().filter(|field| !travels(field.name)) {
        if rng.random_ratio(3, 4) {
            document.insert(field.name, CANARY);
        }
    }
    document
}

/// Returns a random document with some of these fields. Fields with parts are mostly filled with documents, and
/// further fields are added.
fn document(rng: &mut ChaCha8Rng, parts: Parts) -> Document {
    let mut document = doc! {"secret": CANARY, CANARY: true};
    for (name, shown) in parts {
        if rng.random_ratio(1, 4) {
            continue;
        }
        let value = match shown {
            Shown::Within(parts) if rng.random_ratio(1, 4) => self::document(rng, parts).into(),
            Shown::Within(parts) if rng.random_ratio(3, 4) => {
                let some = rng.random_range(0..4);
                (0..some).map(|_| Bson::from(self::document(rng, parts))).collect::<Vec<_>>().into()
            }
            Shown::Values if rng.random_ratio(3, 4) => {
                let some = rng.random_range(0..4);
                (0..some).map(|_| value(rng, 0)).collect::<Vec<_>>().into()
            }
            // A list of texts is sent to pages, and so are known names within a document. Neither may hold a canary.
            Shown::Within(_) | Shown::Values => Some(value(rng, 1))
                .filter(|value| value.as_array().is_none() && value.as_document().is_none())
                .unwrap_or(CANARY.into()),
            Shown::Value => value(rng, 0),
        };
        document.insert(*name, value);
    }
    document
}

/// Returns the document's bytes, with invalid UTF-8 in place of [`NO_TEXT`].
pub fn raw(document: &Document) -> RawDocumentBuf {
    let mut bytes = RawDocumentBuf::try_from(document).unwrap().into_bytes();
    for at in 0..bytes.len().saturating_sub(NO_TEXT.len()) {
        if bytes[at..].starts_with(NO_TEXT.as_bytes()) {
            bytes[at..at + 2].copy_from_slice(&[0xe9, 0xff]);
        }
    }
    RawDocumentBuf::from_bytes(bytes).unwrap()
}
