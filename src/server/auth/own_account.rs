//! What someone does to the own account: another password, or the first one by a link.

use bson::{DateTime, doc};
use futures_util::FutureExt;
use secrecy::SecretString;
use tower_sessions::Session;

use super::{
    AuthService, CurrentAdmin, Unavailable,
    audit_log::{Action, By, Entry},
    email::Email,
    one_time::TokenHash,
    password::PasswordRefused,
    place::ClientInfo,
    session::OwnPassword,
    user::User,
    users::within,
};
use crate::server::redis::sessions::SessionHash;

/// The answer to a change of the own password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordChange {
    Done,
    /// About the current password.
    NotProven(OwnPassword),
    Refused(PasswordRefused),
}

/// The answer to a password that was chosen by a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    Done,
    /// The link was used, is too old, or never was one.
    Gone,
    Refused(PasswordRefused),
}

impl AuthService {
    /// Sets a new password: all other sessions end, and this one goes on under a new id.
    ///
    /// # Errors
    /// MongoDB or Redis is away. If only Redis is, the password may be changed and this session ended as well.
    pub async fn change_password(
        &self,
        session: &Session,
        admin: &CurrentAdmin,
        current: SecretString,
        new: SecretString,
        place: &ClientInfo,
    ) -> Result<PasswordChange, Unavailable> {
        // First what is no guess at the password.
        if let Err(refused) = self.fits(&new, &admin.email).await? {
            return Ok(PasswordChange::Refused(refused));
        }
        let user = match self.with_own_password(admin, current, place).await? {
            Ok(user) => user,
            Err(not_proven) => return Ok(PasswordChange::NotProven(not_proven)),
        };
        let hash = self.passwords.hash(new).await?;
        let context = (self.users.clone(), user, hash, By::admin(admin, place));
        let changed = self.audit.with_change(context, |session, (users, user, hash, by)| {
            async move {
                // As it was when the current password was right: a reset in between wins.
                let same = doc! { "_id": user.id.0, "version": user.version };
                let set = doc! { "$set": { "password_hash": &*hash }, "$unset": { "link": "" }, "$inc": { "version": 1_i64 } };
                let changed = users.collection.update_one(same, set).session(session).await?;
                let entry = Entry::by(by, Action::PasswordChanged).about(&*user);
                Ok((changed.matched_count == 1).then_some((user.version + 1, entry)))
            }
            .boxed()
        });
        let Some(version) = changed.await? else { return Ok(PasswordChange::NotProven(OwnPassword::SignedOut)) };
        // The password is changed, whatever becomes of the sessions: by their version all are over but the one renewed here.
        let goes_on = self.renew(session, admin, version).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the session of whoever changed the password ends");
            false
        });
        let own = session.id().as_ref().map(SessionHash::of);
        if let Err(error) = self.end_all_but(admin.user, own.as_ref()).await {
            tracing::warn!(%error, "sessions of an account with a new password could not be tidied away");
        }
        Ok(if goes_on { PasswordChange::Done } else { PasswordChange::NotProven(OwnPassword::SignedOut) })
    }

    /// Whose password may be chosen by this token; `None` if it was used, is too old, or never was one.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn invited(&self, token: &str) -> Result<Option<User>, Unavailable> {
        within(self.users.collection.find_one(valid(token))).await
    }

    /// Sets the password that was chosen by a link, which thereby works no more; all sessions of the account end.
    ///
    /// # Errors
    /// MongoDB is away; nothing was changed then, save where the answer to the commit was lost.
    pub async fn choose_password(
        &self,
        token: &str,
        new: SecretString,
        place: &ClientInfo,
    ) -> Result<Choice, Unavailable> {
        let Some(user) = self.invited(token).await? else { return Ok(Choice::Gone) };
        if let Err(refused) = self.fits(&new, &user.email).await? {
            return Ok(Choice::Refused(refused));
        }
        let hash = self.passwords.hash(new).await?;
        let id = user.id;
        let context = (self.users.clone(), user, hash, token.to_owned(), place.clone());
        let chosen = self.audit.with_change(context, |session, (users, user, hash, token, place)| {
            async move {
                let set = doc! { "$set": { "password_hash": &*hash }, "$unset": { "link": "" }, "$inc": { "version": 1_i64 } };
                // The token again: of several who use it at once one finds it.
                let changed = users.collection.update_one(valid(token), set).session(session).await?;
                let first = user.password_hash.is_none();
                let action = if first { Action::InvitationUsed } else { Action::PasswordReset };
                let entry = Entry::new(action, &*user, place).about(&*user);
                Ok((changed.matched_count == 1).then_some(((), entry)))
            }
            .boxed()
        });
        if chosen.await?.is_none() {
            return Ok(Choice::Gone);
        }
        if let Err(error) = self.end_sessions_of(id).await {
            tracing::warn!(%error, "sessions of an account with a new password could not be tidied away");
        }
        Ok(Choice::Done)
    }

    async fn fits(&self, password: &SecretString, email: &str) -> Result<Result<(), PasswordRefused>, Unavailable> {
        match Email::parse(email) {
            Some(email) => self.check_new_password(password, &email).await,
            // An account whose address is none was not made here, and is let in nowhere.
            None => Ok(Err(PasswordRefused::Names)),
        }
    }
}

fn valid(token: &str) -> bson::Document {
    doc! { "link.hash": TokenHash::of(token).to_string(), "link.expires_at": { "$gt": DateTime::now() }, "disabled": false }
}
