//! What admins can do to documents: what addresses, lists and the audit log call it. What it does stands in
//! `server::actions`.

use super::{address::escaped, collections::Collection};

/// An action's line in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentAction {
    /// Its name in addresses: `/clients/block`, `/api/v1/clients/{id}/block`.
    pub name: &'static str,
    pub of: Collection,
    /// The statuses of documents to which it can be done.
    pub from: &'static [&'static str],
    /// The word of its link in a list.
    pub link: &'static str,
    /// Its name in the audit log's documents, which stay for good.
    pub entry: &'static str,
    /// The audit log's words for it.
    pub logged: &'static str,
}

pub const BLOCK: DocumentAction = DocumentAction {
    name: "block",
    of: Collection::Clients,
    from: &["PENDING", "ACTIVE", "INACTIVE", "LOCKED"],
    link: "Block",
    entry: "client_blocked",
    logged: "Client blocked",
};

pub const UNBLOCK: DocumentAction = DocumentAction {
    name: "unblock",
    of: Collection::Clients,
    from: &["BLOCKED"],
    link: "Unblock",
    entry: "client_unblocked",
    logged: "Client unblocked",
};

pub const ALL: [DocumentAction; 2] = [BLOCK, UNBLOCK];

impl DocumentAction {
    /// The action that a list offers for a document in this status: the first that can be done, else the collection's
    /// first, whose page says why it cannot.
    pub fn offered(of: Collection, status: Option<&str>) -> Option<Self> {
        let can = |action: &Self| status.is_some_and(|status| action.from.contains(&status));
        let mut all = ALL.into_iter().filter(|action| action.of == of);
        all.clone().find(can).or_else(|| all.next())
    }

    /// The address of its page, without the document.
    pub fn path(self) -> String {
        format!("{}/{}", self.of.page(), self.name)
    }

    /// The address of its page for the document with this public id.
    pub fn address(self, id: &str) -> String {
        format!("{}?id={}", self.path(), escaped(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_offers_what_can_be_done() {
        let offered = |status| DocumentAction::offered(Collection::Clients, status).unwrap().name;
        assert_eq!((offered(Some("ACTIVE")), offered(Some("BLOCKED"))), ("block", "unblock"));
        assert_eq!((offered(Some("their own word")), offered(None)), ("block", "block"), "its page says why not");
        assert_eq!(DocumentAction::offered(Collection::Stations, Some("ACTIVE")), None);
        assert_eq!(BLOCK.address("Ä 1"), "/clients/block?id=%C3%84%201");
    }

    #[test]
    fn names_are_unique_and_statuses_known() {
        for (n, action) in ALL.iter().enumerate() {
            let known = action.of.codes();
            assert!(action.from.iter().all(|code| known.contains(code)), "{action:?}");
            let same = |other: &&DocumentAction| other.path() == action.path() || other.entry == action.entry;
            assert_eq!(ALL.iter().skip(n + 1).find(same), None);
        }
    }
}
