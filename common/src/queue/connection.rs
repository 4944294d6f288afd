//! One connection to Redis that comes back by itself, and the pause between two tries.
//!
//! Every call has a deadline that covers connecting, sending and the answer. A connection that failed or did not answer in time is
//! thrown away, so that a late answer is never taken for the answer to a later question. A connection that Redis had closed while
//! nobody looked is not the caller's business: the command is sent once more. Every command here may therefore run twice.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, Pipeline, ScriptInvocation};
use tokio_util::sync::CancellationToken;

use super::error::QueueError;

/// The first and the longest pause between two tries while Redis is away.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Link {
    client: redis::Client,
    timeout: Duration,
    live: Arc<Mutex<Option<MultiplexedConnection>>>,
    /// One connects, the others wait for it.
    connecting: Arc<tokio::sync::Mutex<()>>,
}

impl Link {
    pub(super) fn new(client: redis::Client, timeout: Duration) -> Self {
        Self {
            client,
            timeout,
            live: Arc::default(),
            connecting: Arc::default(),
        }
    }

    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, QueueError> {
        match self.query_once(command, Duration::ZERO).await {
            Err(error) if error.is_hang_up() => self.query_once(command, Duration::ZERO).await,
            other => other,
        }
    }

    /// A command whose lost answer matters, so that it is not sent again silently, and that Redis itself may hold for `blocks` before
    /// it answers. While it does, nobody else should use this link.
    pub(super) async fn query_once<T: FromRedisValue>(
        &self,
        command: &Cmd,
        blocks: Duration,
    ) -> Result<T, QueueError> {
        self.within(self.timeout + blocks, async {
            let mut connection = self.connection().await?;
            Ok(command.query_async(&mut connection).await?)
        })
        .await
    }

    pub(super) async fn script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, QueueError> {
        let once = || {
            self.within(self.timeout, async {
                let mut connection = self.connection().await?;
                Ok(script.invoke_async(&mut connection).await?)
            })
        };
        match once().await {
            Err(error) if error.is_hang_up() => once().await,
            other => other,
        }
    }

    pub(super) async fn pipeline<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
    ) -> Result<T, QueueError> {
        let once = || {
            self.within(self.timeout, async {
                let mut connection = self.connection().await?;
                Ok(pipeline.query_async(&mut connection).await?)
            })
        };
        match once().await {
            Err(error) if error.is_hang_up() => once().await,
            other => other,
        }
    }

    async fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, QueueError>>,
    ) -> Result<T, QueueError> {
        let result = match tokio::time::timeout(limit, call).await {
            Ok(result) => result,
            Err(_) => Err(QueueError::Timeout(limit)),
        };
        if matches!(
            result,
            Err(QueueError::Unavailable(_) | QueueError::Timeout(_))
        ) {
            // Somebody may have connected anew meanwhile: then a good connection is dropped once, which costs a reconnect.
            *self.live() = None;
        }
        result
    }

    async fn connection(&self) -> Result<MultiplexedConnection, QueueError> {
        let known = self.live().clone();
        if let Some(connection) = known {
            return Ok(connection);
        }
        let _connecting = self.connecting.lock().await;
        let known = self.live().clone();
        if let Some(connection) = known {
            return Ok(connection);
        }
        // The deadline of the whole call is the only one: the crate's own would cut blocking reads short.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        *self.live() = Some(connection.clone());
        Ok(connection)
    }

    fn live(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client's address may hold a password.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// As Redis counts.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Pauses that grow while Redis is away.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: FIRST_PAUSE }
    }

    pub(super) fn reset(&mut self) {
        self.next = FIRST_PAUSE;
    }

    /// Waits; ends at once when `stop` is canceled.
    pub(super) async fn pause(&mut self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(self.next) => {}
        }
        self.next = (self.next * 2).min(LONGEST_PAUSE);
    }
}
