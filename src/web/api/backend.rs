//! What answers pages on the server.

use async_trait::async_trait;

use super::{AppError, PageData, PageRequest};

/// Found in the context of the request.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Finds out who asks, and answers; tells the status of an error as the response's.
    ///
    /// # Errors
    /// As [`load`](super::load).
    async fn answer(&self, ask: PageRequest) -> Result<PageData, AppError>;
}
