//! Links that do not work are noted, and a flood of them in few words.

use bson::doc;

use super::{
    AuthService, Unavailable,
    audit_log::{Action, Actor, Entry, Reason},
    place::ClientInfo,
    throttle::LinksRefused,
};

/// Of so many links that do not work in [`WINDOW`](super::throttle::WINDOW) each address's count is told, of more the
/// count of all: addresses are cheap.
const ALL_NOTED: u32 = 1000;

impl AuthService {
    /// Notes that someone came with a link that does not work; without a token it is none. A flood of them is few entries,
    /// each with the number by then: the first, second, fourth, eighth…
    ///
    /// # Errors
    /// MongoDB or Redis is away.
    pub async fn link_refused(&self, token: &str, place: &ClientInfo) -> Result<(), Unavailable> {
        if token.is_empty() {
            return Ok(());
        }
        let LinksRefused { from_there: tries, in_all } = self.throttles.link_refused(place.address).await?;
        let (name, tries) = if in_all <= ALL_NOTED { ("tries", tries) } else { ("tries_in_all", in_all) };
        if tries.is_power_of_two() {
            let entry = Entry::new(Action::LinkRefused, Actor::Nobody, place).refused(Reason::LinkGone);
            self.audit.record(&entry.after(doc! { name: tries })).await?;
        }
        Ok(())
    }
}
