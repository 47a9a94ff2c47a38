//! The server's side of page requests.

use async_trait::async_trait;

use super::{AppError, PageData, PageRequest};

/// Answers page requests. Server functions find it in the context of the request.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Authenticates the request and answers it. Sets the response's status for an error.
    ///
    /// # Errors
    /// As [`load`](super::load).
    async fn answer(&self, ask: PageRequest) -> Result<PageData, AppError>;
}
