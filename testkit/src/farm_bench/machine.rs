//! What the figures were taken on and with, without saying whose machine it is.

use anyhow::{Context, Result};

use super::options::Options;
use crate::bench::machine::{commit, first_line, host};
use crate::process::{find, run};

/// A line of Markdown.
pub(super) fn description(options: &Options) -> Result<String> {
    let botflix = options.botflix.as_deref().context("--botflix")?;
    let botflix = first_line(&run(botflix, ["--version"])?);
    let redis = first_line(&run(&find("redis-server")?, ["--version"])?);
    let redis: String = redis.split(" sha=").take(1).collect();
    let built = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    Ok(format!(
        "{}; {redis} (appendonly, everysec); Postgres with its own settings (fsync); {botflix}{}; bench built for {built}; \
         {} workers of {} slots in {} processes, tasks of {} ms, windows of {} s\n",
        host()?,
        commit().map_or_else(String::new, |commit| format!(" ({commit})")),
        options.workers,
        options.slots,
        options.crews,
        options.task_ms,
        options.window_s,
    ))
}
