//! Addresses of pages.

use crate::domain::collections::Collection;

/// The page of a collection.
pub const fn page(collection: Collection) -> &'static str {
    match collection {
        Collection::Clients => "/clients",
        Collection::Stations => "/stations",
        Collection::Payments => "/payments",
        Collection::ChargingSessions => "/sessions",
        Collection::EcoStats => "/eco",
    }
}
