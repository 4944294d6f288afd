//! Waiting in tests: look again until it is so, or fail with what was seen last. Never a bare sleep.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep, timeout_at};

const POLL: Duration = Duration::from_millis(50);

/// Calls `look` until it gives `Ok(Some(_))`. An error of `look` counts as "not yet" and is told when the time is over.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        let last = match timeout_at(deadline, look()).await {
            Ok(Ok(Some(found))) => return Ok(found),
            Ok(Ok(None)) => String::new(),
            Ok(Err(error)) => format!(" ({error:#})"),
            Err(_) => " (the last look did not end)".to_owned(),
        };
        if Instant::now() >= deadline {
            bail!("not within {limit:?}: {what}{last}");
        }
        sleep(POLL).await;
    }
}

/// The value once `accept` likes it; the error shows the last one that it did not like.
pub async fn settles<T: Debug>(
    what: &str,
    limit: Duration,
    mut read: impl AsyncFnMut() -> Result<T>,
    accept: impl Fn(&T) -> bool,
) -> Result<T> {
    let mut last = String::new();
    let settled = until(what, limit, async || {
        let value = read().await?;
        if accept(&value) {
            return Ok(Some(value));
        }
        last = format!("{value:?}");
        Ok(None)
    });
    let settled = settled.await;
    settled.map_err(|error| error.context(format!("last seen: {last}")))
}
