//! Why an address or a password is refused, and what to do.

use crate::domain::credentials::{EmailRefused, MAX_CHARS, MIN_CHARS, PasswordRefused};

/// Why no account is made for an address.
pub const fn email_refused(refused: EmailRefused) -> &'static str {
    match refused {
        EmailRefused::NoAddress => "This is no e-mail address.",
        EmailRefused::LookAlike => {
            "This address has characters that cannot be seen, or letters of several alphabets: it could be taken for another. Type it yourself, and do not copy it."
        }
    }
}

/// One or two sentences.
pub fn password_refused(refused: PasswordRefused) -> String {
    match refused {
        PasswordRefused::TooShort => format!(
            "The password must have at least {MIN_CHARS} characters: it is the only key to this door. Any will do; a few words are easy to remember."
        ),
        PasswordRefused::TooLong => format!("The password must not have more than {MAX_CHARS} characters."),
        PasswordRefused::Common => {
            "This password is among the first that are guessed. Take a few words that do not belong together.".to_owned()
        }
        PasswordRefused::Names => {
            "This password is made of names that are guessed first here: of ChargeDeck, the network or your e-mail address. Take a few words that have nothing to do with them."
                .to_owned()
        }
    }
}
