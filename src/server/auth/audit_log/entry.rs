//! One audit entry: what it holds, and its form in MongoDB.

use bson::{Document, doc};
use serde::{Deserialize, Serialize};

use crate::{
    domain::actions::{self, DocumentAction},
    server::auth::{
        CurrentAdmin,
        email::Email,
        place::ClientInfo,
        user::{User, UserId},
    },
};

/// An enum whose values have a name in the database. Its last ones may come from another table.
macro_rules! named {
    (
        $(#[$about:meta])*
        $enum:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }
        $(and $table:ident($line:ty) = $field:ident of $all:expr)?
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $enum { $($(#[$doc])* $variant,)* $($table($line),)? }

        impl $enum {
            pub fn all() -> impl Iterator<Item = Self> {
                [$(Self::$variant),*].into_iter()$(.chain($all.into_iter().map(Self::$table)))?
            }

            /// The name in the database and in URLs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* $(Self::$table(line) => line.$field,)? }
            }

            pub fn of_name(name: &str) -> Option<Self> {
                Self::all().find(|value| value.name() == name)
            }
        }
    };
}

named! {
    /// What was done, or tried: to accounts and sessions, or to one of the operator's documents, which `after.id` names.
    Action {
        Login = "login",
        LoginRefused = "login_refused",
        /// Tries that were refused without a look at the password; `after.tries` counts them since the lock began.
        LoginThrottled = "login_throttled",
        Logout = "logout",
        /// A user ended one session.
        SessionEnded = "session_ended",
        /// A user or an admin ended all sessions of an account.
        SessionsEnded = "sessions_ended",
        PasswordChanged = "password_changed",
        /// The user was asked for the password again, and it was right.
        PasswordConfirmed = "password_confirmed",
        PasswordRefused = "password_refused",
        AdminCreated = "admin_created",
        UserInvited = "user_invited",
        InvitationUsed = "invitation_used",
        UserDisabled = "user_disabled",
        UserEnabled = "user_enabled",
        RoleChanged = "role_changed",
        SetupLinkUsed = "setup_link_used",
        /// A link that was used, has expired or never existed; `after.tries` counts those from that address lately.
        LinkRefused = "link_refused",
        PasswordResetLink = "password_reset_link",
        /// A new password without the old one: from the command line, or by a link.
        PasswordReset = "password_reset",
        /// An export of many documents; `after.file` names it. `after.tries` counts those that were refused lately.
        Exported = "exported",
    }
    and Document(DocumentAction) = entry of actions::ALL
}

named! {
    /// Why something was refused. The log distinguishes reasons that the answer to the client does not.
    Reason {
        UnknownAccount = "unknown_account",
        WrongPassword = "wrong_password",
        Disabled = "disabled",
        /// The account's role grants no access.
        NotAdmin = "not_admin",
        Throttled = "throttled",
        LinkGone = "link_gone",
        /// No active admin would be left.
        LastAdmin = "last_admin",
        /// The address has an account already.
        Taken = "taken",
        /// No account is made for such an address.
        BadAddress = "bad_address",
        /// The account asks for more than it may.
        TooMuch = "too_much",
        /// The server is configured to write nothing.
        ReadOnly = "read_only",
        /// The account lacks the right.
        NoRight = "no_right",
        /// MongoDB does not let the server write there.
        MayNotWrite = "may_not_write",
        NoSuchDocument = "not_found",
        /// The document is not in the state that the action needs.
        Conflict = "conflict",
    }
}

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// `email` is the address at that time, so that the entry stays readable when the account is gone.
    User { id: UserId, email: String },
    /// A person who may run `chargedeck admin` on the server.
    CommandLine,
    /// Unknown, because nobody was signed in.
    Nobody,
}

impl From<&User> for Actor {
    fn from(user: &User) -> Self {
        Self::User { id: user.id, email: user.email.clone() }
    }
}

impl From<&CurrentAdmin> for Actor {
    fn from(admin: &CurrentAdmin) -> Self {
        Self::User { id: admin.user, email: admin.email.clone() }
    }
}

/// Who acts, from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initiator {
    pub actor: Actor,
    pub place: ClientInfo,
}

impl Initiator {
    pub fn command_line() -> Self {
        Self { actor: Actor::CommandLine, place: ClientInfo::default() }
    }

    pub fn admin(admin: &CurrentAdmin, place: &ClientInfo) -> Self {
        Self { actor: admin.into(), place: place.clone() }
    }
}

/// The account that was acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `None` if there is no such account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<UserId>,
    pub email: String,
}

impl From<&User> for Subject {
    fn from(user: &User) -> Self {
        Self { id: Some(user.id), email: user.email.clone() }
    }
}

impl From<&CurrentAdmin> for Subject {
    fn from(admin: &CurrentAdmin) -> Self {
        Self { id: Some(admin.user), email: admin.email.clone() }
    }
}

/// An address without an account. Only parsed addresses get here, because people type passwords into the wrong field.
impl From<&Email> for Subject {
    fn from(email: &Email) -> Self {
        Self { id: None, email: email.as_str().to_owned() }
    }
}

/// An entry that is still to be written.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    action: Action,
    actor: Actor,
    place: ClientInfo,
    subject: Option<Subject>,
    before: Option<Document>,
    after: Option<Document>,
    refused: Option<Reason>,
}

impl AuditEntry {
    /// An entry for something that was done.
    pub fn new(action: Action, actor: impl Into<Actor>, place: &ClientInfo) -> Self {
        Self {
            action,
            actor: actor.into(),
            place: place.clone(),
            subject: None,
            before: None,
            after: None,
            refused: None,
        }
    }

    pub fn by(by: &Initiator, action: Action) -> Self {
        Self::new(action, by.actor.clone(), &by.place)
    }

    #[must_use]
    pub fn about(mut self, subject: impl Into<Subject>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Adds the state before the change. Give a few fields, and never a password, a hash, a token or a session's id.
    /// For an account use [`User::audit_fields`].
    #[must_use]
    pub fn before(mut self, before: Document) -> Self {
        self.before = Some(before);
        self
    }

    /// Adds the state after the change. The same rules hold as for [`before`](Self::before).
    #[must_use]
    pub fn after(mut self, after: Document) -> Self {
        self.after = Some(after);
        self
    }

    /// Marks the entry as refused, for this reason.
    #[must_use]
    pub fn refused(mut self, reason: Reason) -> Self {
        self.refused = Some(reason);
        self
    }

    /// The entry as a document of the collection.
    pub(super) fn document(&self) -> bson::error::Result<Document> {
        let mut document = doc! {
            "at": bson::DateTime::now(),
            "action": self.action.name(),
            "result": if self.refused.is_some() { "refused" } else { "ok" },
            "actor": bson::serialize_to_bson(&self.actor)?,
        };
        if let Some(reason) = self.refused {
            document.insert("reason", reason.name());
        }
        if let Some(subject) = &self.subject {
            document.insert("subject", bson::serialize_to_bson(subject)?);
        }
        let ClientInfo { address, user_agent, request_id } = &self.place;
        let texts = [
            ("address", address.map(|address| address.to_string())),
            ("user_agent", user_agent.clone()),
            ("request_id", request_id.clone()),
        ];
        document.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))));
        let changes = [("before", &self.before), ("after", &self.after)];
        document.extend(changes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into()))));
        Ok(document)
    }
}
