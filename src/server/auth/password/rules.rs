//! The rules for new passwords, after ASVS 5.0, 6.2 and NIST SP 800-63B-4: long, hard to guess, of any characters.
//!
//! There are no composition rules, because they make people predictable. zxcvbn judges what is guessable. It knows
//! the passwords that leaked most often, words, names, dates, keyboard walks, repetitions and their disguises, and
//! works offline.

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zxcvbn::{Score, zxcvbn};

use crate::{
    domain::credentials::{MAX_CHARS, MIN_CHARS, PasswordRefused},
    server::auth::email::Email,
};

/// How many characters are judged. Judging 100 signs that may stand for letters takes a second of CPU time, and a
/// longer password is never easier to guess than its beginning.
const JUDGED: usize = 32;

/// The product's own words.
const OURS: [&str; 3] = ["chargedeck", "charge", "deck"];

/// Shorter names are parts of too many words.
const MIN_NAME: usize = 3;

/// # Errors
/// This account of this network may not have the password.
pub fn check_new(password: &SecretString, network: &str, email: &Email) -> Result<(), PasswordRefused> {
    check_length(password)?;
    judge(password, network, email)
}

/// Checks what costs nothing to check.
pub(super) fn check_length(password: &SecretString) -> Result<(), PasswordRefused> {
    if is_too_long(password) {
        return Err(PasswordRefused::TooLong);
    }
    let chars = password.expose_secret().nfc().count();
    if chars < MIN_CHARS { Err(PasswordRefused::TooShort) } else { Ok(()) }
}

/// Judges whether a password of valid length can be guessed. It takes as much CPU time as a hash.
pub(super) fn judge(password: &SecretString, network: &str, email: &Email) -> Result<(), PasswordRefused> {
    let password = normal(password);
    let password = password.expose_secret();
    if is_weak(password, &[]) {
        return Err(PasswordRefused::Common);
    }
    let (network, email) = (network.to_lowercase(), email.as_str());
    let parts = [network.as_str(), email].into_iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    let parts = parts.filter(|part| part.chars().count() >= MIN_NAME);
    let names: Vec<&str> = OURS.into_iter().chain([network.as_str(), email]).chain(parts).collect();
    // A name counts as nothing, so the rest has to be as hard to guess as any password.
    let rest = without(&names, password);
    if is_weak(password, &names) || (rest != password && is_weak(&rest, &[])) {
        return Err(PasswordRefused::Names);
    }
    Ok(())
}

/// Whether fewer than 10^10 guesses find it. A word repeated with a dash between takes a hundredth of that.
fn is_weak(password: &str, names: &[&str]) -> bool {
    let judged: String = password.chars().take(JUDGED).collect();
    zxcvbn(&judged, names).score() < Score::Four
}

/// Removes these names from the password, even where they are written backwards or with signs for letters.
fn without(names: &[&str], password: &str) -> String {
    let plain: Vec<char> = password.chars().map(plain).collect();
    let mut keep = vec![true; plain.len()];
    for name in names {
        let mut name: Vec<char> = name.chars().map(self::plain).collect();
        for _ in 0..2 {
            name.reverse();
            // No name is empty, except that of a network without one.
            for (at, _) in plain.windows(name.len().max(1)).enumerate().filter(|(_, part)| *part == name) {
                keep[at..at + name.len()].fill(false);
            }
        }
    }
    password.chars().zip(keep).filter_map(|(c, keep)| keep.then_some(c)).collect()
}

/// The letter that is meant. `l` becomes `i`, because some signs stand for both.
fn plain(c: char) -> char {
    match c.to_lowercase().next().unwrap_or(c) {
        '4' | '@' => 'a',
        '3' => 'e',
        '1' | '!' | '|' | 'l' => 'i',
        '0' => 'o',
        '5' | '$' => 's',
        '7' | '+' => 't',
        c => c,
    }
}

/// Whether the password is too long for any account. It is then refused without a hash.
pub(in crate::server::auth) fn is_too_long(password: &SecretString) -> bool {
    password.expose_secret().nfc().nth(MAX_CHARS).is_some()
}

/// Normalises to Unicode's NFC, in which passwords are counted, judged and hashed. One keyboard sends `é` as one
/// character and another as two, and both mean the same.
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
            // long, hard to guess, and of any characters
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
            // among the first that are tried everywhere
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
            // among the first that are tried here
            ("chargedeck-chargedeck", Err(Names)),
            ("ChargeDeck2026ChargeDeck", Err(Names)),
            ("taysidechargers1", Err(Names)),
            ("Tayside Chargers", Err(Names)),
            ("ada.lovelace@dundee.example", Err(Names)),
            ("lovelace-lovelace", Err(Common)),
            ("ecalevol.ada.dundee", Err(Names)),
            // a name and little else
            ("ChargeDeck-2026-!!", Err(Names)),
            ("Charge-Deck-2026-!!", Err(Names)),
            ("!!-2026-CHARGEDECK", Err(Names)),
            ("Ch@rg3D3ck-2026-!!", Err(Names)),
            ("kceDegrahC-2026-!!", Err(Names)),
            ("Tayside-Dundee-99", Err(Names)),
            ("x7chargeq9deck2m", Err(Names)),
            ("Tays1de 24.12.2026 Ada", Err(Names)),
            // a name among other words does no harm
            ("ada rides the ferry at noon", Ok(())),
            ("ChargeDeck: the kettle sings at dawn", Ok(())),
            ("K7vQmr2xWp9-charge-TzLbd4hNs", Ok(())),
        ] {
            assert_eq!(check(password), verdict, "{password:?}");
        }
    }

    #[test]
    fn names_are_taken_out_however_they_are_written() {
        for (password, rest) in [
            ("ChargeDeck-2026", "-2026"),
            ("dEcK-2026-D3cK", "-2026-"),
            ("kced of cards", " of cards"),
            ("Nothing of ours", "Nothing of ours"),
            ("Æon l33t", "Æon "),
            ("", ""),
        ] {
            assert_eq!(without(&["chargedeck", "deck", "leet", ""], password), rest, "{password:?}");
        }
    }

    #[test]
    fn only_the_beginning_is_judged_and_all_of_it_is_hashed() {
        let (common, hard) = ("a".repeat(JUDGED), "K7vQmr2xWp9TzLbd4hNsK7vQmr2xWp9T");
        assert_eq!(check(&format!("{common}{hard}")), Err(PasswordRefused::Common));
        assert_eq!(check(&format!("{hard}{common}")), Ok(()));
        // What is taken out makes room.
        assert_eq!(check(&format!("{}{hard}", "chargedeck".repeat(4))), Err(PasswordRefused::Common));
        assert_eq!(check(&format!("chargedeck tayside chargers ada {hard}")), Ok(()));
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
