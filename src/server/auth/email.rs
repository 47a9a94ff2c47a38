//! The address by which an account is found, and which addresses a new account may have.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::domain::credentials::EmailRefused;

/// An address in the form in which accounts are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Converts to lower case and trims blanks. Refuses only what cannot be an address at all, because only arriving
    /// mail shows whether it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let email = text.trim().to_lowercase();
        let (local, domain) = email.rsplit_once('@')?;
        let fits = email.len() <= 254 && !local.is_empty() && !domain.is_empty();
        (fits && !email.chars().any(|c| c.is_whitespace() || c.is_control())).then_some(Self(email))
    }

    /// An address for a new account. A reader sees every character of it, and cannot mistake it for another.
    ///
    /// # Errors
    /// It is no address, or it could be mistaken for another.
    pub fn of_new(text: &str) -> Result<Self, EmailRefused> {
        let email = Self::parse(text).ok_or(EmailRefused::NoAddress)?;
        if looks_like_another(&email.0) { Err(EmailRefused::LookAlike) } else { Ok(email) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text has invisible characters, characters that are another way to write others (NFKC), or letters of
/// several alphabets, some of which look the same.
fn looks_like_another(text: &str) -> bool {
    let mut alphabets = text.chars().filter_map(alphabet);
    let first = alphabets.next();
    text.chars().any(is_unseen) || !text.nfkc().eq(text.chars()) || alphabets.any(|alphabet| Some(alphabet) != first)
}

/// Characters that a display may ignore (Default_Ignorable_Code_Point, with direction marks), and interlinear marks.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The alphabet of a letter. Each alphabet that shares shapes with ours has its own number; all others share one.
fn alphabet(c: char) -> Option<u8> {
    c.is_alphabetic().then_some(match c {
        'a'..='z' | '\u{aa}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => 0,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => 1,
        '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}' => 2,
        '\u{530}'..='\u{58f}' => 3,
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => 4,
        _ => 5,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_however_it_is_typed() {
        assert_eq!(Email::parse(" Ada@Example.ORG ").unwrap().as_str(), "ada@example.org");
        assert!(Email::parse("anaïs@exämple.org").is_some());
        for wrong in ["", "ada", "@example.org", "ada@", "a da@example.org", "ada@example.org\nx@y"] {
            assert!(Email::parse(wrong).is_none(), "{wrong:?}");
        }
        assert!(Email::parse(&format!("{}@example.org", "a".repeat(255))).is_none());
    }

    #[test]
    fn no_account_is_made_that_looks_like_another() {
        for taken in
            ["Ada@Example.ORG", "anaïs-2@exämple.org", "иван@пример.рф", "用户@例子.广告", "山田.ゆうき@例え.テスト"]
        {
            assert!(Email::of_new(taken).is_ok(), "{taken}");
        }
        for look_alike in [
            "a\u{200b}da@example.org",
            "ada\u{200d}@example.org",
            "\u{202e}ada@example.org",
            "ada@exam\u{ad}ple.org",
            "ada@example.org\u{2066}",
            "ad\u{fe0f}a@example.org",
            "аda@example.org",
            "ada@exаmple.org",
            "аса@example.org",
            "αda@example.org",
            "ιоan@πример.рф",
            "ａｄａ@example.org",
            "𝐚𝐝𝐚@example.org",
            "e\u{301}va@example.org",
        ] {
            assert_eq!(Email::of_new(look_alike), Err(EmailRefused::LookAlike), "{look_alike:?}");
            assert!(Email::parse(look_alike).is_some(), "an account that is there is found: {look_alike:?}");
        }
        assert_eq!(Email::of_new("ada"), Err(EmailRefused::NoAddress));
    }
}
