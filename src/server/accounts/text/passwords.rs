//! Why a password is refused, and what to do.

use crate::server::auth::password::{MAX_CHARS, MIN_CHARS, PasswordRefused};

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
