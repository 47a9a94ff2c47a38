//! The first admin. If there is none, the server prints a link to its log, which works once, within an hour.
//!
//! All instances share one link. The first that starts makes it; the others do not know it and say so.

use std::time::Duration;

use bson::{DateTime, doc};
use futures_util::FutureExt;
use jiff::Timestamp;
use mongodb::error::Error;
use secrecy::SecretString;

use super::{
    AuthService, Unavailable,
    administration::{ChangeRefused, milliseconds, timestamp, validated},
    audit_log::{Action, AuditEntry},
    email::Email,
    one_time::{Token, TokenHash},
    own_account::PasswordChoice,
    place::ClientInfo,
    user::User,
    users::{SETUP_LINK, is_duplicate, within},
};

const WORKS_FOR: Duration = Duration::from_secs(3600);

/// What a starting server has to log about the first admin.
pub enum FirstAdmin {
    /// There is an admin already.
    Exists,
    /// The link with this token creates the first admin.
    ByLink { token: Token, until: Timestamp },
    /// Another instance, or an earlier start, has printed the link.
    LoggedElsewhere { until: Timestamp },
}

impl AuthService {
    /// Makes the link, if there is no admin's account and no link that still works.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn first_admin(&self) -> Result<FirstAdmin, Unavailable> {
        if within(self.users.collection.find_one(doc! { "role": "admin" })).await?.is_some() {
            return Ok(FirstAdmin::Exists);
        }
        let (token, now) = (Token::new(), DateTime::now());
        let until = DateTime::from_millis(now.timestamp_millis() + milliseconds(WORKS_FOR));
        // Replaces only an expired link. Where one still works, the upsert inserts and fails with a duplicate `_id`.
        let expired = doc! { "_id": SETUP_LINK, "expires_at": { "$lte": now } };
        let set = doc! { "$set": { "hash": token.hash().to_string(), "expires_at": until } };
        match within(self.users.doors.update_one(expired, set).upsert(true)).await {
            Ok(_) => Ok(FirstAdmin::ByLink { token, until: timestamp(until) }),
            Err(Unavailable::Mongo(error)) if is_duplicate(&error) => {
                let link = within(self.users.doors.find_one(doc! { "_id": SETUP_LINK })).await?;
                let until = link.and_then(|link| link.get_datetime("expires_at").ok().copied()).unwrap_or(until);
                Ok(FirstAdmin::LoggedElsewhere { until: timestamp(until) })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the set-up link with this token works.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn may_set_up(&self, token: &str) -> Result<bool, Unavailable> {
        let link = within(self.users.doors.find_one(valid(token))).await?;
        let admin = within(self.users.collection.find_one(doc! { "role": "admin" })).await?;
        Ok(link.is_some() && admin.is_none())
    }

    /// Creates the first admin. Then the link stops working.
    ///
    /// # Errors
    /// MongoDB is away. Nothing was changed, unless only the answer to the commit was lost.
    pub async fn set_up(
        &self,
        token: &str,
        email: &Email,
        new: SecretString,
        place: &ClientInfo,
    ) -> Result<PasswordChoice, Unavailable> {
        if !self.may_set_up(token).await? {
            return Ok(PasswordChoice::Gone);
        }
        if let Err(refused) = self.check_new_password(&new, email).await? {
            return Ok(PasswordChoice::Refused(refused));
        }
        let user = User::admin(email, Some(self.passwords.hash(new).await?), None);
        let context = (self.users.clone(), user, token.to_owned(), place.clone());
        let made = self.audit.with_change(context, |session, (users, user, token, place)| {
            async move {
                // Of several concurrent uses of the link, only one removes it.
                let used = users.doors.delete_one(valid(token)).session(&mut *session).await?;
                let admin = users.collection.find_one(doc! { "role": "admin" }).session(&mut *session).await?;
                if used.deleted_count == 0 || admin.is_some() {
                    return Ok(None);
                }
                let made = users.collection.insert_one(&*user).session(session).await;
                made.map_err(|error| if is_duplicate(&error) { Error::custom(ChangeRefused::Taken) } else { error })?;
                let entry = AuditEntry::new(Action::SetupLinkUsed, &*user, place).about(&*user);
                Ok(Some(((), entry.after(user.audit_fields()))))
            }
            .boxed()
        });
        Ok(if validated(made.await)?.is_ok() { PasswordChoice::Done } else { PasswordChoice::Gone })
    }
}

fn valid(token: &str) -> bson::Document {
    doc! { "_id": SETUP_LINK, "hash": TokenHash::of(token).to_string(), "expires_at": { "$gt": DateTime::now() } }
}
