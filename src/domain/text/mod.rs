//! Words that pages share with the command line and with files. All other words stand in `web::text`, or beside the
//! pages that the server draws alone.

mod credentials;
mod displayable;
mod statuses;

pub use credentials::{email_refused, password_refused};
pub use displayable::displayable;
pub use statuses::*;

/// Shown in place of a value that is not known.
pub const MISSING: &str = "—";
/// [`MISSING`] in words, for screen readers.
pub const NOT_KNOWN: &str = "not known";
