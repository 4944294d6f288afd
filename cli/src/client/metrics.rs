//! The server's pages of metrics, as text.

use reqwest::Method;

use super::{ANSWER_TIMEOUT, Api, CallError, checked};
use crate::exit::Fault;

impl Api {
    /// What the server counts, and what its workers count.
    pub async fn metrics(&self) -> Result<(String, String), Fault> {
        Ok((
            self.text("/metrics").await?,
            self.text("/metrics/workers").await?,
        ))
    }

    async fn text(&self, path: &str) -> Result<String, Fault> {
        let asked = self.patiently(async || {
            let call = self.request(Method::GET, path).timeout(ANSWER_TIMEOUT);
            let answer = checked(call.send().await.map_err(CallError::Network)?).await?;
            answer.text().await.map_err(CallError::Network)
        });
        asked.await
    }
}
