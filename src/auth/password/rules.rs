//! What a new password may be, after ASVS 5.0, 6.2 and NIST SP 800-63B-4: long, not guessable, and of anything.
//!
//! There are no rules of composition: they make people predictable. What is guessable is told by zxcvbn, which knows the
//! passwords that leaked most often, words, names, dates, keyboard walks, repetitions and their disguises; it asks nobody.

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zxcvbn::{Score, zxcvbn};

use crate::auth::users::Email;

/// Where the password is the only factor.
pub const MIN_CHARS: usize = 15;

/// Above any passphrase; at most 512 bytes. A longer one is refused, and never cut.
pub const MAX_CHARS: usize = 128;

/// The product's own words.
const OURS: [&str; 3] = ["chargedeck", "charge", "deck"];

/// Names shorter than this are parts of too many words.
const MIN_NAME: usize = 3;

/// Why a new password is not taken. `words::password_refused` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordRefused {
    TooShort,
    TooLong,
    /// Among the first that are tried anywhere.
    Common,
    /// Among the first that are tried here: made of the names of product, network or account.
    Names,
}

/// # Errors
/// The password may not be given to this account of this network.
pub fn check_new(password: &SecretString, network: &str, email: &Email) -> Result<(), PasswordRefused> {
    if is_too_long(password) {
        return Err(PasswordRefused::TooLong);
    }
    let password = normal(password);
    let password = password.expose_secret();
    if password.chars().count() < MIN_CHARS {
        return Err(PasswordRefused::TooShort);
    }
    // Ten thousand million guesses: a word said twice with a dash between takes a hundredth of that.
    let weak = |names: &[&str]| zxcvbn(password, names).score() < Score::Four;
    if weak(&[]) {
        return Err(PasswordRefused::Common);
    }
    let (network, email) = (network.to_lowercase(), email.as_str());
    let parts = [network.as_str(), email].into_iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    let parts = parts.filter(|part| part.chars().count() >= MIN_NAME);
    let names: Vec<&str> = OURS.into_iter().chain([network.as_str(), email]).chain(parts).collect();
    if weak(&names) { Err(PasswordRefused::Names) } else { Ok(()) }
}

/// A password that no account can have, and that costs no hash.
pub(in crate::auth) fn is_too_long(password: &SecretString) -> bool {
    password.expose_secret().nfc().nth(MAX_CHARS).is_some()
}

/// In Unicode's form NFC, in which passwords are counted, judged and hashed: one keyboard sends `é` as one character and
/// another as two, and both mean the same.
pub(super) fn normal(password: &SecretString) -> SecretString {
    let text = password.expose_secret();
    if is_nfc(text) { password.clone() } else { text.nfc().collect::<String>().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), PasswordRefused> {
        check_new(&password.into(), "Tayside Chargers", &Email::parse("ada.lovelace@dundee.example").unwrap())
    }

    #[test]
    fn what_is_taken_and_what_is_refused_and_why() {
        use PasswordRefused::{Common, Names, TooLong, TooShort};
        let long = "four words and then some ".repeat(6);
        let (longest, longer) = (&long[..MAX_CHARS], &long[..=MAX_CHARS]);
        let emoji = "🔑🚗⚡🌧️🧀🎻🪁🦉🍋🧭🪐🎲🥁🧵🪵🐙";
        for (password, verdict) in [
            // anything that is long and not to be guessed
            ("correct horse battery staple", Ok(())),
            ("K7vQmr2xWp9TzLbd4hNs", Ok(())),
            ("the ferry leaves at noon", Ok(())),
            ("über sieben Brücken musst du gehn", Ok(())),
            ("十五文字以上のパスワードです、はい", Ok(())),
            (emoji, Ok(())),
            (longest, Ok(())),
            // length, in characters
            ("", Err(TooShort)),
            ("K7vQmr2xWp9TzL", Err(TooShort)),
            (longer, Err(TooLong)),
            // what is tried first everywhere
            ("passwordpassword", Err(Common)),
            ("password12345678", Err(Common)),
            ("Passw0rd!Passw0rd!", Err(Common)),
            ("123456789012345", Err(Common)),
            ("qwertyuiopasdfghjkl", Err(Common)),
            ("aaaaaaaaaaaaaaaaaaaa", Err(Common)),
            ("abcdefghijklmnopqrstuvwxyz", Err(Common)),
            ("               ", Err(Common)),
            ("password-password", Err(Common)),
            ("letmeinletmeinletmein", Err(Common)),
            ("iloveyouiloveyou", Err(Common)),
            ("ツツツツツツツツツツツツツツツ", Err(Common)),
            // what is tried first here
            ("chargedeck-chargedeck", Err(Names)),
            ("ChargeDeck2026ChargeDeck", Err(Names)),
            ("taysidechargers1", Err(Names)),
            ("Tayside Chargers", Err(Names)),
            ("ada.lovelace@dundee.example", Err(Names)),
            ("lovelace-lovelace", Err(Common)),
            ("ecalevol.ada.dundee", Err(Names)),
            // a name among others is no harm
            ("ada rides the ferry at noon", Ok(())),
        ] {
            assert_eq!(check(password), verdict, "{password:?}");
        }
    }

    #[test]
    fn characters_count_as_people_see_them_typed() {
        let composed = "é".repeat(14);
        let decomposed = "e\u{301}".repeat(14);
        assert_eq!([check(&composed), check(&decomposed)], [Err(PasswordRefused::TooShort); 2]);
        assert_eq!(normal(&decomposed.into()).expose_secret(), composed);
        assert!(!is_too_long(&"e\u{301}".repeat(MAX_CHARS).into()));
        assert!(is_too_long(&"é".repeat(MAX_CHARS + 1).into()));
    }
}
