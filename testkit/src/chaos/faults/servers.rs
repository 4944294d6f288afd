//! What befalls Redis.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::sleep;

use super::{Drawn, Kind};
use crate::chaos::stage::Stage;
use crate::redis::RedisServer;

/// How long it is away between a stop and a start.
const AWAY: Duration = Duration::from_secs(1);

pub(super) async fn happen(drawn: &Drawn, stage: &Stage) -> Result<()> {
    match drawn.kind {
        Kind::RedisFrozen | Kind::RedisFrozenForLong => {
            server(stage).freeze()?;
            sleep(drawn.lasts).await;
            server(stage).thaw()
        }
        Kind::RedisRestarted => {
            server(stage).stop()?;
            sleep(AWAY).await;
            server(stage).restart()
        }
        Kind::RedisKilled => {
            server(stage).kill()?;
            sleep(AWAY).await;
            server(stage).restart()
        }
        Kind::RedisLostEverything => server(stage).lose_everything(),
        Kind::RedisFlushed => tell(stage, &["FLUSHALL"]).await,
        Kind::RedisFull => {
            tell(stage, &["CONFIG", "SET", "maxmemory", "1"]).await?;
            sleep(drawn.lasts).await;
            tell(stage, &["CONFIG", "SET", "maxmemory", "0"]).await
        }
        other => bail!("{other:?} is not done to Redis"),
    }
}

fn server(stage: &Stage) -> MutexGuard<'_, RedisServer> {
    stage.redis.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Straight to it, past every wire.
async fn tell(stage: &Stage, words: &[&str]) -> Result<()> {
    let url = server(stage).url();
    let mut connection = redis::Client::open(url)?
        .get_multiplexed_async_connection()
        .await?;
    let (first, rest) = words.split_first().context("a command")?;
    let mut command = redis::cmd(first);
    for word in rest {
        command.arg(*word);
    }
    Ok(command.query_async(&mut connection).await?)
}
