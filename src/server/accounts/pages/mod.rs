//! The pages of accounts: documents with plain forms, see [`document`](super::document).

mod account;
pub mod audit_log;
mod confirm;
mod form;
mod invitation;
mod login;
mod users;

pub use account::{AccountPage, account, done_note, facts};
pub use confirm::confirm;
pub use form::{FieldErrors, FormField};
pub use invitation::{Chosen, choose_password, note, set_up};
pub use login::login;
pub use users::{UserRow, invite, new_link, user, users};
