//! The audit log in words.

use crate::server::auth::audit_log::{Action, Actor, Reason};

pub const NO_ENTRIES: (&str, &str) = ("No entries yet", "Sign-ins, exports and changes by admins will be listed here.");
pub const NO_MATCH: (&str, &str) = ("No entry matches", "Nothing of this kind was recorded in the retained period.");
pub const WHEN: &str = "When";
pub const WHAT: &str = "What";
pub const WHO: &str = "Who";
pub const WHERE: &str = "From where";
pub const RESULT: &str = "Result";
pub const ANYTHING: &str = "Anything";
pub const ANY_RESULT: &str = "Any";
pub const DONE: &str = "Done";
pub const REFUSED: &str = "Refused";
pub const FROM_DAY: &str = "From";
pub const TO_DAY: &str = "To";
pub const SHOW: &str = "Show";
pub const SHOW_ALL: &str = "Show all";
pub const DOWNLOAD: &str = "Download CSV";
pub const OLDER: &str = "Older entries";
pub const NEWEST: &str = "Newest entries";
pub const DETAILS: &str = "Details";
pub const ADDRESS: &str = "Address";
pub const DEVICE: &str = "Browser";
pub const REQUEST: &str = "Request";
pub const ENTRY: &str = "Entry";
pub const CHANGED: &str = "Changed";
pub const CHOICE_WRONG: &str = "Invalid filter.";
pub const NOT_A_DAY: &str = "Not a date. Write it as 2026-11-30.";
pub const WHO_HINT: &str = "E-mail of the person who acted or was affected";

pub fn about(zone: &str) -> String {
    format!("Newest first. Times are {zone}. Entries cannot be changed here.")
}

/// What was done, or tried.
pub const fn action(action: Action) -> &'static str {
    match action {
        Action::Login => "Signed in",
        Action::LoginRefused => "Sign-in refused",
        Action::LoginThrottled => "Sign-in throttled",
        Action::Logout => "Signed out",
        Action::SessionEnded => "Session ended",
        Action::SessionsEnded => "All sessions ended",
        Action::PasswordChanged => "Password changed",
        Action::PasswordConfirmed => "Password confirmed",
        Action::PasswordRefused => "Password not confirmed",
        Action::AdminCreated => "Admin created",
        Action::UserInvited => "User invited",
        Action::InvitationUsed => "Invitation accepted",
        Action::UserDisabled => "User disabled",
        Action::UserEnabled => "User enabled",
        Action::RoleChanged => "Role changed",
        Action::SetupLinkUsed => "First admin set up",
        Action::LinkRefused => "Link refused",
        Action::PasswordResetLink => "Password reset link created",
        Action::PasswordReset => "Password reset",
        Action::Exported => "Exported",
        Action::Document(action) => action.logged,
    }
}

/// Why it was refused.
pub const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::UnknownAccount => "no such account",
        Reason::WrongPassword => "wrong password",
        Reason::Disabled => "the account is disabled",
        Reason::NotAdmin => "the account is not an admin",
        Reason::Throttled => "too many failed attempts",
        Reason::LinkGone => "used, expired or never valid",
        Reason::LastAdmin => "no other admin would be left",
        Reason::Taken => "the address already has an account",
        Reason::BadAddress => "not a valid address, or one that could be mistaken for another",
        Reason::TooMuch => "the account had asked for too much",
        Reason::ReadOnly => "ChargeDeck is set to read only",
        Reason::NoRight => "the account may not do this",
        Reason::MayNotWrite => "MongoDB does not let ChargeDeck write there",
        Reason::NoSuchDocument => "no such document",
        Reason::Conflict => "the action does not fit the document's state",
    }
}

/// Who acted.
pub fn actor(actor: Option<&Actor>) -> String {
    match actor {
        Some(Actor::User { email, .. }) => email.clone(),
        Some(Actor::CommandLine) => "Command line".to_owned(),
        Some(Actor::Nobody) => "Not signed in".to_owned(),
        None => crate::web::text::NOT_KNOWN.to_owned(),
    }
}

/// A field of an account, or of what was done.
pub fn field(name: &str) -> &str {
    match name {
        "email" => "E-mail",
        "role" => "Role",
        "disabled" => "Disabled",
        "file" => "File",
        "id" => "Number",
        "status" => "Status",
        "reason" => "Reason",
        "tries" => "Attempts so far",
        "tries_in_all" => "Attempts so far, from all networks",
        "link_expires_at" => "Link works until",
        other => other,
    }
}

pub const fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
