//! Asks for the password again. A sensitive action needs a user who gave it a few minutes ago, not just someone at an
//! open session.

use std::{convert::Infallible, ops::Deref, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use secrecy::SecretString;
use tower_sessions::Session;
use url::form_urlencoded;

use super::record::Login;
use crate::server::{
    auth::{
        AuthService, CurrentAdmin, Unavailable,
        audit_log::{Action, AuditEntry},
        email::Email,
        place::ClientInfo,
        proof::{Proof, Purpose},
        user::User,
    },
    problem::Problem,
};

/// An admin who gave the password within [`SessionLimits::confirmed`](super::SessionLimits::confirmed). A handler
/// that takes one cannot forget to ask for it. Anyone else is redirected to the password form and then back to this
/// address, which therefore needs a page for GET, whatever the method was. A program gets 403.
#[derive(Clone, Debug)]
pub struct ConfirmedAdmin(CurrentAdmin);

impl Deref for ConfirmedAdmin {
    type Target = CurrentAdmin;

    fn deref(&self) -> &CurrentAdmin {
        &self.0
    }
}

impl ConfirmedAdmin {
    /// `None` if the password was given too long ago.
    pub fn of(admin: &CurrentAdmin) -> Option<Self> {
        admin.confirmed.then(|| Self(admin.clone()))
    }
}

impl<S: Sync> FromRequestParts<S> for ConfirmedAdmin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let admin = CurrentAdmin::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        Self::of(&admin).ok_or_else(|| PasswordPrompt::of(parts).into_response())
    }
}

/// Asks for the password instead of doing what a request asks for. A handler that takes one first looks whether that can
/// be done at all, so that nobody gives the password in vain.
#[derive(Clone, Debug)]
pub enum PasswordPrompt {
    Program,
    /// Holds the address at which the user goes on.
    Page(String),
}

impl PasswordPrompt {
    fn of(parts: &Parts) -> Self {
        if parts.uri.path().starts_with("/api/") {
            return Self::Program;
        }
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        if parts.method.is_safe() {
            return Self::Page(target.to_owned());
        }
        // The browser does not send the form again, so its user must not believe that the action was done.
        Self::Page(format!("{target}{}done=confirmed", if parts.uri.query().is_some() { '&' } else { '?' }))
    }
}

impl<S: Sync> FromRequestParts<S> for PasswordPrompt {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl IntoResponse for PasswordPrompt {
    fn into_response(self) -> Response {
        const DETAIL: &str = "Sign in again: this asks for a password that was given within the last minutes.";
        match self {
            Self::Program => Problem::new(StatusCode::FORBIDDEN, "reauth_required", DETAIL).into_response(),
            Self::Page(next) => {
                let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", &next).finish();
                Redirect::to(&format!("/confirm?{query}")).into_response()
            }
        }
    }
}

/// The result when users give their own password again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPassword {
    Right,
    Wrong,
    /// Too many failed; try again after this time.
    Throttled(Duration),
    /// The session was ended meanwhile.
    SignedOut,
}

impl AuthService {
    /// Notes that the admin gave the password now, under a new session id, so that the old id is worthless.
    ///
    /// # Errors
    /// MongoDB or Redis is away: nothing is confirmed.
    pub async fn confirm(
        &self,
        session: &Session,
        admin: &CurrentAdmin,
        password: SecretString,
        place: &ClientInfo,
    ) -> Result<OwnPassword, Unavailable> {
        let user = match self.with_own_password(admin, password, place).await? {
            Ok(user) => user,
            Err(not_proven) => return Ok(not_proven),
        };
        self.audit.record(&AuditEntry::new(Action::PasswordConfirmed, admin, place).about(admin)).await?;
        let goes_on = self.renew(session, admin, user.version).await?;
        Ok(if goes_on { OwnPassword::Right } else { OwnPassword::SignedOut })
    }

    /// Returns the admin's account if this is its password. A wrong password is noted in the audit log.
    pub(in crate::server::auth) async fn with_own_password(
        &self,
        admin: &CurrentAdmin,
        password: SecretString,
        place: &ClientInfo,
    ) -> Result<Result<User, OwnPassword>, Unavailable> {
        // The account must be as it was when the guard let the request in.
        let user = self.lookup.by_id(admin.user).await?.filter(|user| user.version == admin.version);
        let Some(user) = user else { return Ok(Err(OwnPassword::SignedOut)) };
        let email = Email::parse(&user.email);
        Ok(match self.prove(Purpose::Confirmation, email, Some(user.clone()), password, place).await? {
            Proof::Right { .. } => Ok(user),
            Proof::Refused => Err(OwnPassword::Wrong),
            Proof::Throttled(wait) => Err(OwnPassword::Throttled(wait)),
        })
    }

    /// Continues the admin's session under a new id, with the password just given and with this version of the
    /// account. Returns false if the session was ended meanwhile.
    pub(in crate::server::auth) async fn renew(
        &self,
        session: &Session,
        admin: &CurrentAdmin,
        version: i64,
    ) -> Result<bool, Unavailable> {
        let now = Timestamp::now();
        // Deleted, not just read, so that a session that ended while the password was hashed is not revived.
        if !self.sessions.delete_one_of(&admin.user.to_string(), &admin.session).await? {
            // Nor may its cookie replace one that another answer has just set.
            session.flush().await?;
            return Ok(false);
        }
        let Some((owner, login)) = Login::of(session).await?.filter(|(owner, _)| *owner == admin.user) else {
            return Ok(false);
        };
        let renewed_from = Some(admin.session.clone());
        let login = Login { version, confirmed_at: now, seen_at: now, renewed_from, ..login };
        self.rotate(session, owner, &login, now).await?;
        Ok(true)
    }
}
