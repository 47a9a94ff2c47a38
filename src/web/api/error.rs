//! The errors that pages see. They hold only what is safe to show; the cause was logged where it happened.
//!
//! None says that something is forbidden or in conflict: pages only read, which every admin may do. What writes is a form
//! that the server draws, and answers with a problem of its own.

use leptos::{
    prelude::{FromServerFnError, ServerFnErrorErr},
    server_fn::codec::JsonEncoding,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::{address::Refused, protocol::frame::UNAUTHENTICATED};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(into = "String", from = "Value")]
pub enum AppError {
    /// 401
    #[error("sign in first")]
    SignIn,
    /// 503: MongoDB or Redis is away, or the figures are still being counted.
    #[error("not available just now")]
    Unavailable,
    /// 503: a collection that the answer needs cannot be followed. Holds the message.
    #[error("{0}")]
    Unfollowed(String),
    /// 429: the account exceeds its rate limit. Holds the seconds to wait, as text.
    #[error("too much was asked for; again in {0} s")]
    TooMuch(String),
    /// 400, or 422 if it would take too long
    #[error("{0}")]
    Invalid(String),
    /// 400: a parameter of the address that cannot be followed.
    #[error(transparent)]
    Refused(Refused),
    /// 500. The id finds the cause in the server's log.
    #[error("something went wrong on the server (request {request_id})")]
    Internal { request_id: String },
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            // The browser could not reach the server, or the answer did not come from our code.
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Deserialization(_) => Self::Unavailable,
            ServerFnErrorErr::Args(message) | ServerFnErrorErr::MissingArg(message) => Self::Invalid(message),
            _ => Self::Internal { request_id: String::new() },
        }
    }
}

/// Serialises to a text: a code, and its argument after a colon. The name of a parameter, which may hold a colon and holds
/// no line end, stands in a line of its own. A text costs the browser's program less than an enum
/// with fields.
impl From<AppError> for String {
    fn from(error: AppError) -> Self {
        match error {
            AppError::SignIn => SIGN_IN.to_owned(),
            AppError::Unavailable => UNAVAILABLE.to_owned(),
            AppError::Unfollowed(why) => format!("{UNFOLLOWED}:{why}"),
            AppError::TooMuch(wait_s) => format!("{TOO_MUCH}:{wait_s}"),
            AppError::Invalid(why) => format!("{INVALID}:{why}"),
            AppError::Refused(Refused { name, why }) => format!("{REFUSED}:{name}\n{why}"),
            AppError::Internal { request_id } => format!("{INTERNAL}:{request_id}"),
        }
    }
}

const SIGN_IN: &str = "sign_in";
const UNAVAILABLE: &str = "unavailable";
const UNFOLLOWED: &str = "unfollowed";
const TOO_MUCH: &str = "too_much";
const INVALID: &str = "invalid";
const REFUSED: &str = "refused";
const INTERNAL: &str = "internal";

/// Reads either our own text, or the problem document of a layer that refused the request before it reached a server
/// function. It reads a JSON value, see [`read`](crate::domain::value::read).
impl From<Value> for AppError {
    fn from(value: Value) -> Self {
        let named = |name: &str| value.get(name).and_then(Value::as_str);
        let problem = named("code").map(|code| (code, named("request_id").unwrap_or_default()));
        let text = value.as_str().unwrap_or_default();
        match problem.unwrap_or(text.split_once(':').unwrap_or((text, ""))) {
            (SIGN_IN | UNAUTHENTICATED, _) => Self::SignIn,
            (UNAVAILABLE, _) => Self::Unavailable,
            (UNFOLLOWED, why) => Self::Unfollowed(why.to_owned()),
            (TOO_MUCH, wait_s) => Self::TooMuch(wait_s.to_owned()),
            (INVALID, why) => Self::Invalid(why.to_owned()),
            (REFUSED, refused) => {
                let (name, why) = refused.split_once('\n').unwrap_or(("", refused));
                Self::Refused(Refused { name: name.to_owned(), why: why.to_owned() })
            }
            (_, request_id) => Self::Internal { request_id: request_id.to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_back_as_what_it_was() {
        for error in [
            AppError::SignIn,
            AppError::Unavailable,
            AppError::Unfollowed("a: b".into()),
            AppError::TooMuch("7".into()),
            AppError::Invalid("a: b".into()),
            AppError::Refused(Refused::new("a:b", "c: d")),
            AppError::Internal { request_id: "7".into() },
        ] {
            let text = serde_json::to_string(&error).unwrap();
            assert_eq!(serde_json::from_str::<AppError>(&text).unwrap(), error, "{text}");
        }
    }

    #[test]
    fn an_error_of_the_server_is_understood() {
        let read = |code: &str| {
            let problem = serde_json::json!({"type": "about:blank", "status": 401, "code": code, "request_id": "7"});
            serde_json::from_value::<AppError>(problem).unwrap()
        };
        assert_eq!(read(UNAUTHENTICATED), AppError::SignIn);
        assert_eq!(read("unavailable"), AppError::Unavailable);
        assert_eq!(read("cross_site"), AppError::Internal { request_id: "7".into() });
    }
}
