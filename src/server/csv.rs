//! CSV files: RFC 4180, readable by spreadsheets, streamed record by record. A text never runs as a formula, and a
//! number stays a number.

use std::{convert::Infallible, fmt, future::ready, num::NonZero};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, StreamExt, stream};

/// Tells spreadsheets that the file is UTF-8.
const BOM: &str = "\u{feff}";
/// Records that are sent together, if they are ready.
const TOGETHER: usize = 256;

/// One field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsvField {
    /// A text from people or documents. It is written so that it does not run as a formula.
    Text(String),
    /// Written with digits, a point and a minus only, however it was made.
    Number(Decimal),
    /// The value is unknown.
    Missing,
}

/// `value / 10^scale`, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub value: i64,
    pub scale: u32,
}

impl CsvField {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn number(value: Option<i64>, scale: u32) -> Self {
        value.map_or(Self::Missing, |value| Self::Number(Decimal { value, scale }))
    }

    /// Texts are always quoted, because each reader's settings decide which character separates fields.
    fn written(&self) -> String {
        match self {
            Self::Text(text) => format!("\"{}\"", defused(text).replace('"', "\"\"")),
            Self::Number(number) => number.to_string(),
            Self::Missing => String::new(),
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, scale } = *self;
        let digits = value.unsigned_abs();
        let unit = NonZero::new(10_u64.saturating_pow(scale)).unwrap_or(NonZero::<u64>::MIN);
        write!(f, "{}{}", if value < 0 { "-" } else { "" }, digits / unit)?;
        if scale == 0 { Ok(()) } else { write!(f, ".{:0width$}", digits % unit, width = scale as usize) }
    }
}

/// Characters that end a field for a spreadsheet that does not separate by commas, even within quotes. Such a
/// spreadsheet honours only the quotes of a record's own first field.
const ENDS: [char; 4] = [';', '\t', '\r', '\n'];

/// Puts an apostrophe before each part that a spreadsheet could take for a formula. That includes parts after white
/// space, and the full-width forms that some spreadsheets accept.
fn defused(text: &str) -> String {
    let whole = if text.starts_with(['\t', '\r', '\n']) { "'" } else { "" };
    let parts = text.split_inclusive(ENDS).flat_map(|part| [if is_formula(part) { "'" } else { "" }, part]);
    [whole].into_iter().chain(parts).collect()
}

fn is_formula(text: &str) -> bool {
    let invisible = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '"' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    };
    let seen = text.trim_start_matches(invisible);
    seen.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\u{2212}'])
}

/// The records as a file with this name. Every record gets `width` fields, as RFC 4180 asks.
pub fn file(name: &str, width: usize, records: impl Iterator<Item = Vec<CsvField>> + Send + 'static) -> Response {
    streamed(name, width, stream::iter(records.map(Ok::<_, Infallible>)))
}

/// As [`file()`], for records that are still being read while it is sent. If reading fails, the answer breaks off, so
/// that a part is not mistaken for the whole.
pub fn streamed<E: Into<axum::BoxError> + Send + 'static>(
    name: &str,
    width: usize,
    records: impl Stream<Item = Result<Vec<CsvField>, E>> + Send + 'static,
) -> Response {
    let parts = records.ready_chunks(TOGETHER).map(move |records| {
        let records = records.into_iter().collect::<Result<Vec<_>, E>>()?;
        Ok::<_, E>(lines(width, &records))
    });
    let chunks = stream::once(ready(Ok(Bytes::from_static(BOM.as_bytes())))).chain(parts);
    let mut response = Body::from_stream(chunks).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    // All other characters are left out. Without a name the browser takes the one in the URL.
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).collect();
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

fn lines(width: usize, records: &[Vec<CsvField>]) -> Bytes {
    let line = |record: &Vec<CsvField>| {
        let missing = std::iter::repeat_n(&CsvField::Missing, width.saturating_sub(record.len()));
        record.iter().chain(missing).map(CsvField::written).collect::<Vec<_>>().join(",") + "\r\n"
    };
    records.iter().map(line).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use proptest::prelude::*;

    async fn written(width: usize, records: Vec<Vec<CsvField>>) -> String {
        let response = file("ä report.csv", width, records.into_iter());
        assert_eq!(response.headers()[header::CONTENT_DISPOSITION], "attachment; filename=\"report.csv\"");
        String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().into()).unwrap()
    }

    fn read(text: &str) -> Vec<Vec<String>> {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).from_reader(text.trim_start_matches(BOM).as_bytes());
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    #[tokio::test]
    async fn records_are_as_rfc_4180_has_them() {
        let records = vec![
            vec![CsvField::text("a \"b\", c\r\nd"), CsvField::number(Some(-1205), 2)],
            vec![],
            vec![CsvField::text("ü"), CsvField::number(None, 2), CsvField::number(Some(7), 0)],
        ];
        let text = written(3, records).await;
        assert_eq!(text, "\u{feff}\"a \"\"b\"\", c\r\nd\",-12.05,\r\n,,\r\n\"ü\",,7\r\n");
        assert_eq!(read(&text), [["a \"b\", c\r\nd", "-12.05", ""], ["", "", ""], ["ü", "", "7"]]);
    }

    #[tokio::test]
    async fn what_breaks_off_is_not_taken_for_the_whole() {
        let records =
            stream::iter([Ok(vec![CsvField::text("a")]), Err("MongoDB is away"), Ok(vec![CsvField::text("b")])]);
        assert!(to_bytes(streamed("a.csv", 1, records).into_body(), 1 << 10).await.is_err());
    }

    #[test]
    fn no_text_is_a_formula_and_every_number_is_one() {
        let written = |text: &str| CsvField::text(text).written();
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\rx",
            "\nx",
            "  =1",
            "\u{a0}=1",
            "\u{200b}=1",
            "\u{feff}+1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            " \u{2212}1",
        ] {
            assert_eq!(written(text), format!("\"'{text}\""), "{text:?}");
        }
        for text in ["", "50340", "Lochee, East", "a=b", "'x", "1-2", "ü", "a; b"] {
            assert_eq!(written(text), format!("\"{text}\""));
        }
        for (text, defused) in [
            ("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0"),
            ("x; =1;\t+2", "x;' =1;\t'+2"),
            ("x\n=1", "x\n'=1"),
            ("\t=1", "'\t'=1"),
            ("=HYPERLINK(\"https://evil.example\")", "'=HYPERLINK(\"\"https://evil.example\"\")"),
        ] {
            assert_eq!(written(text), format!("\"{defused}\""));
        }
        let number = |value, scale| CsvField::number(Some(value), scale).written();
        assert_eq!([number(-5, 2), number(0, 3), number(1_430_170, 3)], ["-0.05", "0.000", "1430.170"]);
        assert_eq!([number(i64::MIN, 2), number(-7, 0)], ["-92233720368547758.08", "-7"]);
    }

    /// Splits a record as a spreadsheet does whose settings have another separator.
    fn cut(text: &str, separator: u8) -> Vec<String> {
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
        reader.records().flat_map(|record| record.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    proptest! {
        #[test]
        fn texts_come_back_as_they_were_or_defused(texts in prop::collection::vec("([;=+@\"'\t\r\nx -]|\\PC){0,12}", 1..6)) {
            let record: Vec<CsvField> = std::iter::once("x").chain(texts.iter().map(String::as_str)).map(CsvField::text).collect();
            let bytes = lines(record.len(), std::slice::from_ref(&record));
            let back = read(std::str::from_utf8(&bytes).unwrap());
            prop_assert_eq!(back.len(), 1);
            for (text, back) in texts.iter().zip(&back[0][1..]) {
                prop_assert_eq!(back.replace('\'', ""), text.replace('\'', ""), "apostrophes alone are added");
            }
            for separator in *b",;\t" {
                for field in cut(std::str::from_utf8(&bytes).unwrap(), separator) {
                    prop_assert!(!is_formula(&field), "{:?} of {:?}", field, texts);
                }
            }
        }
    }
}
