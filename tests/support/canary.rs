//! Finds a text in whatever a server says, however it is escaped there.

use mongodb::bson::{Binary, Bson, spec::BinarySubtype};

/// Whether `said` holds `text`: as it is, with escapes of JSON, HTML or addresses, in base64 or in hexadecimal digits.
pub fn tells(said: &[u8], text: &str) -> bool {
    let as_bytes = (0..3).map(|before| base64(text, before)).chain([hex(text)]);
    let forms: Vec<String> = [text.to_owned()].into_iter().chain(as_bytes).collect();
    let holds = |said: &[u8]| {
        let said = String::from_utf8_lossy(said);
        forms.iter().any(|form| said.contains(form.as_str()))
    };
    // JSON may stand in an attribute of HTML, or in another JSON's text.
    let mut said = said.to_owned();
    for _ in 0..3 {
        let plain = unescaped(&said);
        if holds(&said) || plain == said {
            break;
        }
        said = plain;
    }
    holds(&said)
}

/// The characters of a base64 text that stand for `text` alone if `before` bytes come before it, modulo 3.
fn base64(text: &str, before: usize) -> String {
    let bytes = [&vec![0; before], text.as_bytes()].concat();
    let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    let binary = Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes });
    binary.into_canonical_extjson()["$binary"]["base64"].as_str().unwrap()[from..to].to_owned()
}

fn hex(text: &str) -> String {
    text.bytes()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let escape = if matches!(byte, b'\\' | b'&' | b'%') { escape(&text[at..]) } else { None };
        let (what, length) = escape.unwrap_or((u32::from(*byte), 1));
        match char::from_u32(what).filter(|_| length > 1) {
            Some(char) => plain.extend(char.to_string().bytes()),
            None => plain.push(*byte),
        }
        at += length;
    }
    plain
}

/// The character that the escape at the beginning of the text stands for, and the escape's length.
fn escape(text: &[u8]) -> Option<(u32, usize)> {
    let number = |from: usize, to: usize, radix: u32| {
        let digits = str::from_utf8(text.get(from..to)?).ok()?;
        u32::from_str_radix(digits, radix).ok().map(|number| (number, to))
    };
    let end = || text.iter().take(10).position(|byte| *byte == b';');
    match text {
        [b'\\', b'u', ..] => number(2, 6, 16),
        [b'\\', other, ..] => Some((u32::from(*other), 2)),
        [b'%', ..] => number(1, 3, 16),
        [b'&', b'#', b'x' | b'X', ..] => number(3, end()?, 16).map(|(number, to)| (number, to + 1)),
        [b'&', b'#', ..] => number(2, end()?, 10).map(|(number, to)| (number, to + 1)),
        _ => text.starts_with(b"&amp;").then_some((u32::from(b'&'), 5)),
    }
}
