//! The errors that pages see: only what is safe to show. The cause was logged where it happened.

use leptos::{
    prelude::{FromServerFnError, ServerFnErrorErr},
    server_fn::codec::JsonEncoding,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum AppError {
    /// 401
    #[error("sign in first")]
    SignIn,
    /// 503: MongoDB or Redis is away, or the figures are still being counted.
    #[error("not available just now")]
    Unavailable,
    /// 400
    #[error("{0}")]
    Invalid(String),
    /// 500; the id finds the cause in the server's log.
    #[error("something went wrong on the server (request {request_id})")]
    Internal { request_id: String },
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            // The browser could not reach the server, or got something that is no answer of ours.
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Deserialization(_) => Self::Unavailable,
            ServerFnErrorErr::Args(message) | ServerFnErrorErr::MissingArg(message) => Self::Invalid(message),
            _ => Self::Internal { request_id: String::new() },
        }
    }
}
