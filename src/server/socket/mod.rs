//! The socket: who may open it, one line out for each connection with a cursor per topic and no queue, and the rounds that
//! lead all lines to the hub's head.
//!
//! ```text
//! hub --(a round)--> line: one write of the shared frame --> kernel
//!                      └ what the kernel does not take waits; the connection's task goes on when there is room
//! ```

#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "its own counts, and places in what was read"))]

mod connection;
mod following;
mod frames;
mod line;
mod looked_at;
mod rounds;
mod route;

pub use connection::Context;
pub use rounds::Sockets;
pub use route::live;
