//! One try at a password: whether it is heard at all, exactly one hash, and the count of those that fail.

use std::time::Duration;

use bson::doc;
use secrecy::SecretString;
use tracing::Instrument;

use super::{
    AuthService, Unavailable,
    audit_log::{Action, Actor, Entry, Reason, Subject},
    email::Email,
    password::{Turn, Verdict, is_too_long},
    place::ClientInfo,
    throttle::{Keys, Throttled},
    user::User,
};

/// What a password is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be let in.
    Login,
    /// By someone who is in, for something that matters.
    Confirmation,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The account is an active admin's, and this is its password. A `weak` hash is to be replaced.
    Right { weak: bool },
    /// It is not, for whatever reason; to outsiders all are one.
    Refused,
    /// Too many failed; try again after this time.
    Throttled(Duration),
}

impl AuthService {
    /// Judges one try, counts it if it fails, and notes that in the audit log; a right one is for the caller to note.
    ///
    /// `claimed` is the address that was given, `user` its account if there is one. Once its turn has come the try is
    /// judged to the end, whether its client waits for that or not: guesses that nobody waits for are counted too.
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
        turn: Turn,
        password: SecretString,
    ) -> Result<Proof, Unavailable> {
        if let Some(throttled) = auth.throttles.look(&keys).await? {
            return self.turned_away(&auth, throttled).await;
        }
        let stored = self.user.as_ref().and_then(|user| user.password_hash.clone());
        let verdict = if is_too_long(&password) { Verdict::Wrong } else { turn.verify(password, stored).await? };
        let Some(reason) = self.refusal(verdict) else {
            auth.throttles.passed(&keys).await?;
            return Ok(Proof::Right { weak: verdict == Verdict::RightButWeak });
        };
        // Before the turn ends: whoever is next must see it.
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

    fn refusal(&self, verdict: Verdict) -> Option<Reason> {
        match &self.user {
            None => Some(Reason::UnknownAccount),
            Some(_) if verdict == Verdict::Wrong => Some(Reason::WrongPassword),
            Some(user) if user.disabled => Some(Reason::Disabled),
            Some(user) if !user.is_active_admin() => Some(Reason::NotAdmin),
            Some(_) => None,
        }
    }

    /// A flood of tries is few entries, each with the number of tries by then: the first, second, fourth, eighth…
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

    fn entry(&self, action: Action) -> Entry {
        let actor = match (self.purpose, &self.user) {
            (Purpose::Confirmation, Some(user)) => user.into(),
            _ => Actor::Nobody,
        };
        let subject = self.user.as_ref().map(Subject::from).or_else(|| self.claimed.as_ref().map(Subject::from));
        let entry = Entry::new(action, actor, &self.place);
        match subject {
            Some(subject) => entry.about(subject),
            None => entry,
        }
    }
}
