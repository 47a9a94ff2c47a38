//! Makes texts of documents displayable.

use std::borrow::Cow;

/// Returns the text without characters that a page cannot show: at its end they are removed, elsewhere `�` replaces
/// them. HTML has no U+0000, so a text of nothing else would leave no text node, and hydration would not find it.
/// Bidirectional controls would also reorder the text beside it.
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

/// Control characters other than white space, and bidirectional overrides, embeddings and isolates.
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
