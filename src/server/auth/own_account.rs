//! What users do to their own account: change the password, or choose the first one by a link.

use bson::{DateTime, doc};
use futures_util::FutureExt;
use secrecy::SecretString;
use tower_sessions::Session;

use super::{
    AuthService, CurrentAdmin, Unavailable,
    audit_log::{Action, AuditEntry, Initiator},
    email::Email,
    one_time::TokenHash,
    place::ClientInfo,
    session::OwnPassword,
    user::User,
    users::within,
};
use crate::{domain::credentials::PasswordRefused, server::redis::sessions::SessionHash};

/// The result of changing one's own password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordChange {
    Done,
    /// The current password was not proven.
    NotProven(OwnPassword),
    Refused(PasswordRefused),
}

/// The result of choosing a password by a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordChoice {
    Done,
    /// The link was used, has expired, or never existed.
    Gone,
    Refused(PasswordRefused),
}

impl AuthService {
    /// Sets a new password. All other sessions end, and this one continues under a new id.
    ///
    /// # Errors
    /// MongoDB or Redis is away. If only Redis is, the password may have been changed and this session ended as well.
    pub async fn change_password(
        &self,
        session: &Session,
        admin: &CurrentAdmin,
        current: SecretString,
        new: SecretString,
        place: &ClientInfo,
    ) -> Result<PasswordChange, Unavailable> {
        // Check the new password first, because that is no guess at the current one.
        if let Err(refused) = self.fits(&new, &admin.email).await? {
            return Ok(PasswordChange::Refused(refused));
        }
        let user = match self.with_own_password(admin, current, place).await? {
            Ok(user) => user,
            Err(not_proven) => return Ok(PasswordChange::NotProven(not_proven)),
        };
        let hash = self.passwords.hash(new).await?;
        let context = (self.users.clone(), user, hash, Initiator::admin(admin, place));
        let changed = self.audit.with_change(context, |session, (users, user, hash, by)| {
            async move {
                // Matches only the version whose password was proven, so that a reset in between wins.
                let same = doc! { "_id": user.id.0, "version": user.version };
                let set = doc! { "$set": { "password_hash": &*hash }, "$unset": { "link": "" }, "$inc": { "version": 1_i64 } };
                let changed = users.collection.update_one(same, set).session(session).await?;
                let entry = AuditEntry::by(by, Action::PasswordChanged).about(&*user);
                Ok((changed.matched_count == 1).then_some((user.version + 1, entry)))
            }
            .boxed()
        });
        let Some(version) = changed.await? else { return Ok(PasswordChange::NotProven(OwnPassword::SignedOut)) };
        // The password is changed, whatever becomes of the sessions. The raised version ends all but this one.
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

    /// The user whose password this token may set; `None` if the token was used, has expired, or never existed.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn invited(&self, token: &str) -> Result<Option<User>, Unavailable> {
        within(self.users.collection.find_one(valid(token))).await
    }

    /// Sets the password that was chosen by a link. The link stops working, and all sessions of the account end.
    ///
    /// # Errors
    /// MongoDB is away. Nothing was changed, unless only the answer to the commit was lost.
    pub async fn choose_password(
        &self,
        token: &str,
        new: SecretString,
        place: &ClientInfo,
    ) -> Result<PasswordChoice, Unavailable> {
        let Some(user) = self.invited(token).await? else { return Ok(PasswordChoice::Gone) };
        if let Err(refused) = self.fits(&new, &user.email).await? {
            return Ok(PasswordChoice::Refused(refused));
        }
        let hash = self.passwords.hash(new).await?;
        let id = user.id;
        let context = (self.users.clone(), user, hash, token.to_owned(), place.clone());
        let chosen = self.audit.with_change(context, |session, (users, user, hash, token, place)| {
            async move {
                let set = doc! { "$set": { "password_hash": &*hash }, "$unset": { "link": "" }, "$inc": { "version": 1_i64 } };
                // The update checks the token again, so that of several concurrent uses only one succeeds.
                let changed = users.collection.update_one(valid(token), set).session(session).await?;
                let first = user.password_hash.is_none();
                let action = if first { Action::InvitationUsed } else { Action::PasswordReset };
                let entry = AuditEntry::new(action, &*user, place).about(&*user);
                Ok((changed.matched_count == 1).then_some(((), entry)))
            }
            .boxed()
        });
        if chosen.await?.is_none() {
            return Ok(PasswordChoice::Gone);
        }
        if let Err(error) = self.end_sessions_of(id).await {
            tracing::warn!(%error, "sessions of an account with a new password could not be tidied away");
        }
        Ok(PasswordChoice::Done)
    }

    async fn fits(&self, password: &SecretString, email: &str) -> Result<Result<(), PasswordRefused>, Unavailable> {
        match Email::parse(email) {
            Some(email) => self.check_new_password(password, &email).await,
            // An account without a valid address was not made here, and nobody can sign in to it.
            None => Ok(Err(PasswordRefused::Names)),
        }
    }
}

fn valid(token: &str) -> bson::Document {
    doc! { "link.hash": TokenHash::of(token).to_string(), "link.expires_at": { "$gt": DateTime::now() }, "disabled": false }
}
