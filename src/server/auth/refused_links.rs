//! Notes links that do not work; a flood of them makes few entries.

use bson::doc;

use super::{
    AuthService, Unavailable,
    audit_log::{Action, Actor, AuditEntry, Reason},
    place::ClientInfo,
    throttle::LinksRefused,
};

/// Up to this many broken links in [`WINDOW`](super::throttle::WINDOW), an entry holds the count of its address.
/// Beyond that it holds the count of all, because addresses are cheap.
const ALL_NOTED: u32 = 1000;

impl AuthService {
    /// Notes that someone came with a link that does not work. A request without a token is not counted as a link. A
    /// flood makes few entries, each with the number so far: the first, second, fourth, eighth…
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
            let entry = AuditEntry::new(Action::LinkRefused, Actor::Nobody, place).refused(Reason::LinkGone);
            self.audit.record(&entry.after(doc! { name: tries })).await?;
        }
        Ok(())
    }
}
