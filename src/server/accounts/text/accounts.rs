//! The texts on the pages of accounts.

use std::time::Duration;

use crate::{
    server::auth::{
        administration::ChangeRefused,
        user::{UserRole, UserState},
    },
    web::text::count,
};

pub const WHO_YOU_ARE: &str = "Who you are";
pub const ROLE: &str = "Role";
pub const STATE: &str = "State";
pub const SESSIONS: &str = "Sessions";
pub const LAST_LOGIN: &str = "Last login";
pub const NEVER: &str = "never";

pub const YOUR_SESSIONS: &str = "Where you are signed in";
pub const YOUR_SESSIONS_HINT: &str =
    "If you do not recognise one, end it and change your password: someone else may know it.";
pub const DEVICE: &str = "Device";
pub const ADDRESS: &str = "Address";
pub const SINCE: &str = "Signed in";
pub const LAST_SEEN: &str = "Last seen";
pub const THIS_SESSION: &str = "this one";
pub const END: &str = "End";
pub const END_OTHERS: &str = "End all other sessions";
pub const UNKNOWN_DEVICE: &str = "Unknown device";

pub const CHANGE_PASSWORD: &str = "Change password";
pub const CHANGE_PASSWORD_HINT: &str = "All your other sessions end. This one goes on.";
pub const CURRENT_PASSWORD: &str = "Current password";
pub const NEW_PASSWORD: &str = "New password";
pub const SAME_AGAIN: &str = "Repeat password";
pub const PASSWORD_HINT: &str =
    "At least 15 characters of any kind. Four or five unrelated words are easy to remember.";
pub const NOT_THE_SAME: &str = "The passwords do not match.";
pub const WRONG_PASSWORD: &str = "Wrong password.";

pub const CONFIRM: &str = "Confirm your password";
pub const CONFIRM_WHY: &str =
    "This is a sensitive change, so enter your password again. You will not be asked again for five minutes.";
pub const GO_ON: &str = "Go on";
pub const CANCEL: &str = "Cancel";

pub const INVITE: &str = "Invite an admin";
pub const INVITE_WHY: &str = "You get a link to send to them. With it they choose a password of their own, which nobody else \
    learns. An admin sees and does everything here that you do.";
pub const MAKE_LINK: &str = "Create link";
pub const YOU: &str = "you";

pub const ALL_USERS: &str = "All users";
pub const ONLY_YOU: &str = "You are the only admin. If you lose your password, only the operator of the server can let you in again. Invite a second admin.";

pub const LINK_FOR: &str = "The link";
pub const LINK_ONCE: &str =
    "It is shown only now. Send it in a way that only they can read: whoever opens it first chooses the password.";
pub const DONE: &str = "Done";

pub const CHOOSE_PASSWORD: &str = "Choose your password";
pub const SET_PASSWORD: &str = "Set password";
pub const PASSWORD_IS_SET: (&str, &str) = ("Your password is set", "Sign in with it now.");
pub const LINK_GONE: (&str, &str) = (
    "This link no longer works",
    "It has been used, has expired, or was replaced by a newer one. Ask a ChargeDeck admin for a new link.",
);
pub const SET_UP: &str = "Create the first admin";
pub const SET_UP_WHY: &str = "Nobody can sign in yet. Whoever fills this in becomes the admin who invites the others.";
pub const CREATE: &str = "Create admin";
pub const SET_UP_DONE: (&str, &str) = ("The first admin was created", "Sign in now, and invite a second one soon.");
pub const SET_UP_GONE: (&str, &str) = (
    "This link no longer works",
    "There is an admin already, or the link is older than an hour. If you run this server, start it again: while it has no admin it \
     prints a new link. To reset a forgotten password, run chargedeck admin reset EMAIL.",
);

/// What was done, by the code in the URL; `None` for an unknown code.
pub fn done(code: &str) -> Option<&'static str> {
    Some(match code {
        "confirmed" => "Your password is confirmed. Nothing has been changed yet: choose the action again.",
        "session_ended" => "The session has ended.",
        "sessions_ended" => "All other sessions have ended.",
        "session_gone" => "That session had already ended.",
        "password_changed" => "Your password was changed, and all your other sessions have ended.",
        "disabled" => "The account was disabled, and its sessions have ended.",
        "enabled" => "The account is enabled. Its owner can sign in again.",
        "role" => "The role was changed, and the account's sessions have ended.",
        "all_ended" => "All sessions of this account have ended.",
        _ => return None,
    })
}

pub fn refused(why: ChangeRefused) -> &'static str {
    match why {
        ChangeRefused::NoSuchUser => "There is no such account any more.",
        ChangeRefused::LastAdmin => {
            "This is the last admin who can sign in. Invite another admin first and wait until they have chosen a password."
        }
        ChangeRefused::Disabled => "The account is disabled. Enable it first; until then its links do not work.",
        ChangeRefused::Taken => "This address already has an account. It is in the list of users.",
    }
}

pub fn role(role: &UserRole) -> String {
    match role {
        UserRole::Admin => "Admin".to_owned(),
        none if *none == UserRole::no_access() => "No access".to_owned(),
        UserRole::Unknown(text) => format!("{text} (no access)"),
    }
}

pub fn state(state: UserState) -> &'static str {
    match state {
        UserState::Active => "Active",
        UserState::Invited => "Invited",
        UserState::Disabled => "Disabled",
    }
}

/// Too many wrong passwords.
pub fn wait(time: Duration) -> String {
    format!("Too many wrong passwords. Try again in {}.", minutes(time))
}

/// Attempts to sign in are refused for this time.
pub fn turned_away(time: Duration) -> String {
    let again = minutes(time);
    format!(
        "Too many failed attempts from this network. Try again in {again}; from another network you can sign in now."
    )
}

fn minutes(time: Duration) -> String {
    match time.as_secs().div_ceil(60) {
        0 | 1 => "a minute".to_owned(),
        n => format!("{n} minutes"),
    }
}

/// `End the session of Firefox on Linux from 203.0.113.7`, for screen readers.
pub fn end_session(device: &str, address: &str) -> String {
    format!("End the session of {device} from {address}")
}

pub fn since(stamp: &str) -> String {
    format!("since {stamp}")
}

/// `It works once, until 6 Sep 14:02.`
pub fn link_until(stamp: &str) -> String {
    format!("It works once, until {stamp}.")
}

pub fn link_for(email: &str) -> String {
    format!("For {email}")
}

pub fn for_account(email: &str) -> String {
    format!("For the account {email}.")
}

/// What can be done to an account: a button and what it means.
pub mod acts {
    pub const ROLE: (&str, &str) = (
        "Change role",
        "An account without access keeps its history but cannot open anything. Its sessions end at once.",
    );
    pub const NEW_INVITATION: (&str, &str) = (
        "Create a new invitation link",
        "Use this if the invitation was lost or has expired. Earlier links stop working.",
    );
    pub const RESET: (&str, &str) = (
        "Create a password reset link",
        "Use this if the password was forgotten. Send the link to the account's owner, who chooses a new one. Then all the account's sessions end.",
    );
    pub const END_SESSIONS: (&str, &str) =
        ("End all sessions", "The account is signed out everywhere at once, and can sign in again.");
    pub const DISABLE: (&str, &str) =
        ("Disable account", "It is signed out everywhere at once and cannot sign in until an admin enables it.");
    pub const ENABLE: (&str, &str) = ("Enable account", "Its owner can sign in again with the password from before.");
}

/// `2 users`
pub fn users(n: usize) -> String {
    match n {
        1 => "1 user".to_owned(),
        n => format!("{} users", count(i64::try_from(n).unwrap_or(i64::MAX))),
    }
}
