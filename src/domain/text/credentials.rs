//! Why an address or a password is refused, and what to do.

use crate::domain::credentials::{EmailRefused, MAX_CHARS, MIN_CHARS, PasswordRefused};

/// Why no account is made for an address.
pub const fn email_refused(refused: EmailRefused) -> &'static str {
    match refused {
        EmailRefused::NoAddress => "Not a valid e-mail address.",
        EmailRefused::LookAlike => {
            "This address has invisible characters or mixes alphabets, so it could be mistaken for another. Type it instead of pasting it."
        }
    }
}

/// One or two sentences.
pub fn password_refused(refused: PasswordRefused) -> String {
    match refused {
        PasswordRefused::TooShort => format!(
            "The password must have at least {MIN_CHARS} characters. Any characters will do; a few words are easy to remember."
        ),
        PasswordRefused::TooLong => format!("The password must not have more than {MAX_CHARS} characters."),
        PasswordRefused::Common => {
            "This password is one of the most commonly guessed. Use a few unrelated words.".to_owned()
        }
        PasswordRefused::Names => {
            "This password is made of easily guessed names: of ChargeDeck, the network or your e-mail address. Use a few words unrelated to them."
                .to_owned()
        }
    }
}
