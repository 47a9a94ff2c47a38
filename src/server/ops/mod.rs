//! What an operator runs from the command line, beside the server.

pub mod admin_cli;
pub mod check;
pub mod ingest;
pub mod prepare;
