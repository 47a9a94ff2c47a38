//! What admins do to accounts. Each change and its audit entry share one transaction. Afterwards the account's open
//! sessions end at once, where the change calls for that.
//!
//! At least one active admin always remains. Every transaction that takes rights from an account touches the lock
//! document first ([`touch_lock`]). Of two concurrent ones one conflicts, retries and counts the admins who are left.

use std::time::Duration;

use bson::{DateTime, Document, doc};
use futures_util::FutureExt;
use jiff::Timestamp;
use mongodb::{ClientSession, error::Error};

use super::{
    AuthService, ConfirmedAdmin, CurrentAdmin, Unavailable,
    audit_log::{Action, AuditEntry, Initiator, Reason, Subject},
    email::Email,
    one_time::{Token, TokenHash},
    place::ClientInfo,
    user::{Link, User, UserId, UserRole},
    users::{Users, is_duplicate, touch_lock},
};

/// How long a link to choose a password works.
pub const LINK_WORKS_FOR: Duration = Duration::from_secs(72 * 3600);

/// A change to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserChange {
    Disable,
    Enable,
    SetRole(UserRole),
    EndSessions,
}

/// Why a change was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeRefused {
    NoSuchUser,
    /// No active admin would be left.
    LastAdmin,
    /// The address has an account already.
    Taken,
    /// The account is disabled and has to be enabled first.
    Disabled,
}

impl From<ChangeRefused> for Reason {
    fn from(refused: ChangeRefused) -> Self {
        match refused {
            ChangeRefused::NoSuchUser => Self::UnknownAccount,
            ChangeRefused::LastAdmin => Self::LastAdmin,
            ChangeRefused::Taken => Self::Taken,
            ChangeRefused::Disabled => Self::Disabled,
        }
    }
}

/// A link that was just made.
pub struct NewLink {
    pub user: UserId,
    pub email: String,
    /// Shown once, to the admin who asked for the link.
    pub token: Token,
    pub expires_at: Timestamp,
}

impl AuthService {
    /// # Errors
    /// MongoDB is away. Nothing was changed, unless only the answer to the commit was lost.
    pub async fn change_user(
        &self,
        admin: &ConfirmedAdmin,
        user: UserId,
        change: UserChange,
        place: &ClientInfo,
    ) -> Result<Result<(), ChangeRefused>, Unavailable> {
        let context = (self.users.clone(), change.clone(), Initiator::admin(admin, place));
        let changed = self.audit.with_change(context, move |session, (users, change, by)| {
            async move {
                let before = users.found(user, session).await?;
                if change.closes() {
                    users.keep_an_admin_besides(user, session).await?;
                }
                let update = change.update();
                users.collection.update_one(doc! { "_id": user.0 }, update).session(session).await?;
                let entry = AuditEntry::by(by, change.action()).about(&before).before(before.audit_fields());
                Ok(Some(((), entry.after(change.applied(&before).audit_fields()))))
            }
            .boxed()
        });
        if let Err(refused) = validated(changed.await)? {
            let subject = self.users.by_id(user).await?.map(|user| Subject::from(&user));
            return self.refused(change.action(), admin, subject, refused, place).await;
        }
        if change.ends_sessions()
            && let Err(error) = self.end_sessions_of(user).await
        {
            // The raised version has ended these sessions already.
            tracing::warn!(%error, "sessions of a changed account could not be tidied away");
        }
        Ok(Ok(()))
    }

    /// Creates an account without a password, and returns the link by which its user chooses one.
    ///
    /// # Errors
    /// MongoDB is away. Nothing was changed, unless only the answer to the commit was lost.
    pub async fn invite(
        &self,
        admin: &ConfirmedAdmin,
        email: &Email,
        place: &ClientInfo,
    ) -> Result<Result<NewLink, ChangeRefused>, Unavailable> {
        let (token, link) = new_link();
        let user = User::admin(email, None, Some(link.clone()));
        let (id, expires_at) = (user.id, link.expires_at);
        let context = (self.users.clone(), user, Initiator::admin(admin, place));
        let invited = self.audit.with_change(context, |session, (users, user, by)| {
            async move {
                let made = users.collection.insert_one(&*user).session(session).await;
                made.map_err(|error| if is_duplicate(&error) { Error::custom(ChangeRefused::Taken) } else { error })?;
                let entry = AuditEntry::by(by, Action::UserInvited).about(&*user);
                Ok(Some(((), entry.after(audit_fields_with_link(user, link.expires_at)))))
            }
            .boxed()
        });
        if let Err(refused) = validated(invited.await)? {
            return self.refused(Action::UserInvited, admin, Some(email.into()), refused, place).await;
        }
        Ok(Ok(NewLink { user: id, email: email.to_string(), token, expires_at: timestamp(expires_at) }))
    }

    /// Notes that an invitation was refused because of its address. The entry does not hold the address, because people
    /// type passwords into the wrong field.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn address_refused(&self, admin: &ConfirmedAdmin, place: &ClientInfo) -> Result<(), Unavailable> {
        let entry = AuditEntry::new(Action::UserInvited, &**admin, place).refused(Reason::BadAddress);
        self.audit.record(&entry).await
    }

    /// Makes a new link to choose a password, which replaces the former link: for an invitation that was not used in
    /// time, or for a forgotten password. The account stays as it is until the link is used.
    ///
    /// # Errors
    /// MongoDB is away. Nothing was changed, unless only the answer to the commit was lost.
    pub async fn renew_link(
        &self,
        admin: &ConfirmedAdmin,
        user: UserId,
        place: &ClientInfo,
    ) -> Result<Result<NewLink, ChangeRefused>, Unavailable> {
        let (token, link) = new_link();
        let expires_at = timestamp(link.expires_at);
        let context = (self.users.clone(), link, Initiator::admin(admin, place));
        let made = self.audit.with_change(context, move |session, (users, link, by)| {
            async move {
                let before = users.found(user, session).await?;
                if before.disabled {
                    return Err(Error::custom(ChangeRefused::Disabled));
                }
                let set = doc! { "$set": { "link": bson::serialize_to_bson(link)? } };
                users.collection.update_one(doc! { "_id": user.0 }, set).session(session).await?;
                let entry = AuditEntry::by(by, Action::PasswordResetLink).about(&before);
                let entry = entry.before(before.audit_fields()).after(audit_fields_with_link(&before, link.expires_at));
                Ok(Some((before.email, entry)))
            }
            .boxed()
        });
        match validated(made.await)? {
            Ok(email) => Ok(Ok(NewLink { user, email, token, expires_at })),
            Err(refused) => {
                let subject = self.users.by_id(user).await?.map(|user| Subject::from(&user));
                self.refused(Action::PasswordResetLink, admin, subject, refused, place).await
            }
        }
    }

    /// Records an admin's refused attempt, because that is an audit entry, too.
    async fn refused<T>(
        &self,
        action: Action,
        admin: &CurrentAdmin,
        subject: Option<Subject>,
        refused: ChangeRefused,
        place: &ClientInfo,
    ) -> Result<Result<T, ChangeRefused>, Unavailable> {
        let entry = AuditEntry::new(action, admin, place).refused(refused.into());
        self.audit.record(&subject.into_iter().fold(entry, AuditEntry::about)).await?;
        Ok(Err(refused))
    }
}

impl UserChange {
    /// Whether the change may leave fewer admins.
    fn closes(&self) -> bool {
        match self {
            Self::Disable => true,
            Self::SetRole(role) => *role != UserRole::Admin,
            Self::Enable | Self::EndSessions => false,
        }
    }

    fn ends_sessions(&self) -> bool {
        *self != Self::Enable
    }

    fn action(&self) -> Action {
        match self {
            Self::Disable => Action::UserDisabled,
            Self::Enable => Action::UserEnabled,
            Self::SetRole(_) => Action::RoleChanged,
            Self::EndSessions => Action::SessionsEnded,
        }
    }

    fn applied(&self, before: &User) -> User {
        let mut user = before.clone();
        match self {
            Self::Disable => user.disabled = true,
            Self::Enable => user.disabled = false,
            Self::SetRole(role) => user.role = role.clone(),
            Self::EndSessions => {}
        }
        user
    }

    fn update(&self) -> Document {
        let mut update = match self {
            Self::Disable => doc! { "$set": { "disabled": true } },
            Self::Enable => doc! { "$set": { "disabled": false } },
            Self::SetRole(role) => doc! { "$set": { "role": String::from(role.clone()) } },
            Self::EndSessions => doc! {},
        };
        // The link to choose a password ends with the sessions, because it leads to a new one.
        if self.ends_sessions() {
            update.insert("$inc", doc! { "version": 1_i64 });
            update.insert("$unset", doc! { "link": "" });
        }
        update
    }
}

impl Users {
    async fn found(&self, user: UserId, session: &mut ClientSession) -> mongodb::error::Result<User> {
        let found = self.collection.find_one(doc! { "_id": user.0 }).session(session).await?;
        found.ok_or_else(|| Error::custom(ChangeRefused::NoSuchUser))
    }

    /// Refuses if `user` is the only active admin.
    async fn keep_an_admin_besides(&self, user: UserId, session: &mut ClientSession) -> mongodb::error::Result<()> {
        if !touch_lock(&self.doors, session).await? {
            return Err(Error::custom(MISSING));
        }
        let others = doc! { "_id": { "$ne": user.0 }, "role": "admin", "disabled": false, "password_hash": { "$type": "string" } };
        let other = self.collection.find_one(others).session(session).await?;
        other.map(drop).ok_or_else(|| Error::custom(ChangeRefused::LastAdmin))
    }
}

const MISSING: &str = "the document that guards the last admin is missing; it is made when a server starts";

/// Separates a refusal, which aborts the transaction as a custom error, from real errors.
pub(super) fn validated<T>(result: Result<Option<T>, Unavailable>) -> Result<Result<T, ChangeRefused>, Unavailable> {
    match result {
        Ok(Some(done)) => Ok(Ok(done)),
        Ok(None) => Ok(Err(ChangeRefused::NoSuchUser)),
        Err(Unavailable::Mongo(error)) => match error.get_custom::<ChangeRefused>() {
            Some(refused) => Ok(Err(*refused)),
            None => Err(error.into()),
        },
        Err(error) => Err(error),
    }
}

fn new_link() -> (Token, Link) {
    let token = Token::new();
    let hash: TokenHash = token.hash();
    let expires_at = DateTime::from_millis(DateTime::now().timestamp_millis() + milliseconds(LINK_WORKS_FOR));
    (token, Link { hash, expires_at })
}

pub(super) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn audit_fields_with_link(user: &User, expires_at: DateTime) -> Document {
    let mut fields = user.audit_fields();
    fields.insert("link_expires_at", expires_at);
    fields
}

/// MongoDB's dates reach further than the calendar. A date beyond the calendar becomes its last moment.
pub fn timestamp(at: DateTime) -> Timestamp {
    Timestamp::from_millisecond(at.timestamp_millis()).unwrap_or(Timestamp::MAX)
}
