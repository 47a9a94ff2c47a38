//! The socket: who may open it, and one task for each connection that is nothing but a cursor per topic.

mod connection;
mod route;

pub use route::live;
