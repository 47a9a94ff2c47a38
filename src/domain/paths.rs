//! Addresses of pages.

use super::collections::Collection;

/// Returns the address of a collection's page.
pub const fn page(collection: Collection) -> &'static str {
    match collection {
        Collection::Clients => "/clients",
        Collection::Stations => "/stations",
        Collection::Payments => "/payments",
        Collection::ChargingSessions => "/sessions",
        Collection::EcoStats => "/eco",
    }
}
