//! One file per page. A page says which fields it shows and how; `ui` draws them, `live` keeps them true.

mod clients;
mod eco;
mod list;
mod login;
mod not_found;
mod overview;
mod payments;
mod sessions;
mod stations;

pub use clients::Clients;
pub use eco::Eco;
pub use login::Login;
pub use not_found::NotFound;
pub use overview::Overview;
pub use payments::Payments;
pub use sessions::Sessions;
pub use stations::Stations;
