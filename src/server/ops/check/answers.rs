//! Questions that MongoDB does not answer.

use crate::server::mongo::{UNAUTHORIZED, error_code};

/// The text for a question that MongoDB does not answer.
pub fn unanswered(error: &mongodb::error::Error) -> String {
    if is_refused(error) { "not known: no right to ask".to_owned() } else { format!("not known: {error}") }
}

pub fn is_refused(error: &mongodb::error::Error) -> bool {
    error_code(error) == Some(UNAUTHORIZED)
}
