//! What the e-mail address and the password of an account may be, and why one is refused.

/// The minimum where the password is the only factor.
pub const MIN_CHARS: usize = 15;

/// Above any passphrase; at most 512 bytes. A longer password is refused, and never truncated.
pub const MAX_CHARS: usize = 128;

/// Why no account is made for an address. [`email_refused`](super::text::email_refused) has the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailRefused {
    NoAddress,
    /// It could be mistaken for another address.
    LookAlike,
}

/// Why a new password is refused. [`password_refused`](super::text::password_refused) has the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordRefused {
    TooShort,
    TooLong,
    /// Among the first that attackers try anywhere.
    Common,
    /// Among the first that attackers try here: made of the names of product, network or account.
    Names,
}
