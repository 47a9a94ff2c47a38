//! One password attempt. After too many failures it is refused without a look at the password. Otherwise it costs
//! exactly one hash, and a failure is counted.

use std::time::Duration;

use bson::doc;
use secrecy::SecretString;
use tracing::Instrument;

use super::{
    AuthService, Unavailable,
    audit_log::{Action, Actor, AuditEntry, Reason, Subject},
    email::Email,
    password::{HashTurn, PasswordVerdict, is_too_long},
    place::ClientInfo,
    throttle::{Keys, Throttled},
    user::User,
};

/// What a password is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To sign in.
    Login,
    /// By a signed-in user, before a sensitive action.
    Confirmation,
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The account is an active admin's, and this is its password. A `weak` hash should be replaced.
    Right { weak: bool },
    /// It is not, for any reason. Outsiders cannot tell the reasons apart.
    Refused,
    /// Too many attempts failed; try again after this time.
    Throttled(Duration),
}

impl AuthService {
    /// Judges one attempt. A failure is counted and noted in the audit log; the caller notes a success.
    ///
    /// `claimed` is the address that was given, `user` its account if there is one. Once it has its turn, the attempt
    /// is judged to the end even if its client disconnects, so that guesses that nobody waits for are counted too.
    ///
    /// # Errors
    /// MongoDB or Redis is away.
    pub async fn prove(
        &self,
        purpose: Purpose,
        claimed: Option<Email>,
        user: Option<User>,
        password: SecretString,
        place: &ClientInfo,
    ) -> Result<Proof, Unavailable> {
        let keys = self.throttles.keys(place.address, claimed.as_ref());
        let turn = self.passwords.turn().await?;
        let guess = Guess { purpose, claimed, user, place: place.clone() };
        let judged = guess.judge(self.clone(), keys, turn, password);
        tokio::spawn(judged.in_current_span()).await.map_err(|_| Unavailable::Stopping)?
    }
}

struct Guess {
    purpose: Purpose,
    claimed: Option<Email>,
    user: Option<User>,
    place: ClientInfo,
}

impl Guess {
    async fn judge(
        self,
        auth: AuthService,
        keys: Keys,
        turn: HashTurn,
        password: SecretString,
    ) -> Result<Proof, Unavailable> {
        if let Some(throttled) = auth.throttles.look(&keys).await? {
            return self.turned_away(&auth, throttled).await;
        }
        let stored = self.user.as_ref().and_then(|user| user.password_hash.clone());
        let verdict =
            if is_too_long(&password) { PasswordVerdict::Wrong } else { turn.verify(password, stored).await? };
        let Some(reason) = self.refusal(verdict) else {
            auth.throttles.passed(&keys).await?;
            return Ok(Proof::Right { weak: verdict == PasswordVerdict::RightButWeak });
        };
        // Counted before the turn ends, because the next attempt must see it.
        auth.throttles.failed(&keys).await?;
        drop(turn);
        tracing::info!(reason = reason.name(), "a password was refused");
        let action = match self.purpose {
            Purpose::Login => Action::LoginRefused,
            Purpose::Confirmation => Action::PasswordRefused,
        };
        auth.audit.record(&self.entry(action).refused(reason)).await?;
        Ok(Proof::Refused)
    }

    fn refusal(&self, verdict: PasswordVerdict) -> Option<Reason> {
        match &self.user {
            None => Some(Reason::UnknownAccount),
            Some(_) if verdict == PasswordVerdict::Wrong => Some(Reason::WrongPassword),
            Some(user) if user.disabled => Some(Reason::Disabled),
            Some(user) if !user.is_active_admin() => Some(Reason::NotAdmin),
            Some(_) => None,
        }
    }

    /// A flood of attempts makes few entries, each with the number so far: the first, second, fourth, eighth…
    async fn turned_away(&self, auth: &AuthService, throttled: Throttled) -> Result<Proof, Unavailable> {
        if throttled.tries.is_power_of_two() {
            let action = match self.purpose {
                Purpose::Login => Action::LoginThrottled,
                Purpose::Confirmation => Action::PasswordRefused,
            };
            let entry = self.entry(action).refused(Reason::Throttled);
            auth.audit.record(&entry.after(doc! { "tries": throttled.tries })).await?;
        }
        Ok(Proof::Throttled(throttled.wait))
    }

    fn entry(&self, action: Action) -> AuditEntry {
        let actor = match (self.purpose, &self.user) {
            (Purpose::Confirmation, Some(user)) => user.into(),
            _ => Actor::Nobody,
        };
        let subject = self.user.as_ref().map(Subject::from).or_else(|| self.claimed.as_ref().map(Subject::from));
        let entry = AuditEntry::new(action, actor, &self.place);
        match subject {
            Some(subject) => entry.about(subject),
            None => entry,
        }
    }
}
