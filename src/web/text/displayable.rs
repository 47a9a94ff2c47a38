//! Texts of documents as a page can show them.

use std::borrow::Cow;

/// The text without what a page cannot show: what pads its end goes, and inside `�` stands for it. HTML has no U+0000, so
/// a text of nothing else would be no text in the document, and the browser would not find it there. Marks that turn the
/// direction of writing would turn what stands beside the text, too.
pub fn displayable(text: Cow<'static, str>) -> Cow<'static, str> {
    if !text.contains(is_odd) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.trim_end_matches(is_odd).chars() {
        if !is_odd(c) {
            shown.push(c);
        } else if !shown.ends_with(char::REPLACEMENT_CHARACTER) {
            shown.push(char::REPLACEMENT_CHARACTER);
        }
    }
    shown.into()
}

/// Control characters but for white space; and overrides, embeddings and isolates of direction.
const fn is_odd(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_no_page_can_show_is_replaced_and_padding_goes() {
        for (text, shown) in [
            ("Dundee", "Dundee"),
            ("", ""),
            ("\0", ""),
            ("\0\0\0\0", ""),
            ("AB-12\0\0\0", "AB-12"),
            ("\0AB", "\u{fffd}AB"),
            ("A\0\0B", "A\u{fffd}B"),
            ("A\u{1b}[31mB\u{7}", "A\u{fffd}[31mB"),
            ("A\u{85}B\u{7f}", "A\u{fffd}B"),
            ("evil\u{202e}gpj.exe", "evil\u{fffd}gpj.exe"),
            ("a\u{2066}b\u{2069}c", "a\u{fffd}b\u{fffd}c"),
            ("1 High Street\r\nDundee\t", "1 High Street\r\nDundee\t"),
            ("שלום\u{200f} עולם 👩\u{200d}🔧", "שלום\u{200f} עולם 👩\u{200d}🔧"),
        ] {
            assert_eq!(displayable(text.into()), shown, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn once_displayable_it_stays(text in "([\\x00-\\x1f\u{202a}-\u{202e}ab]|\\PC){0,20}") {
            let shown = displayable(text.into());
            prop_assert!(!shown.contains(is_odd));
            prop_assert_eq!(displayable(shown.clone()), shown);
        }
    }
}
