//! What befalls the wires between processes and servers.

use anyhow::{Context, Result, bail};
use tokio::time::sleep;

use super::{Drawn, Kind};
use crate::chaos::stage::Stage;
use crate::proxy::{Proxy, Weather};

/// Somewhere in the middle of a film's bytes.
const CUT_AFTER_BYTES: u32 = 150_000;

pub(super) async fn happen(drawn: &Drawn, stage: &Stage) -> Result<()> {
    // A wire that was cut says so; one that is dead does not.
    let broken = if drawn.seed.is_multiple_of(2) {
        Weather::Cut
    } else {
        Weather::Stalled
    };
    match drawn.kind {
        Kind::WorkerOffRedis | Kind::ApiOffRedis => {
            pass(&stage.wires(&drawn.target)?.redis, broken, drawn).await;
            Ok(())
        }
        Kind::WorkerOffStorage => {
            let wires = stage.wires(&drawn.target)?;
            pass(
                wires.storage.as_ref().context("a wire to storage")?,
                broken,
                drawn,
            )
            .await;
            Ok(())
        }
        Kind::ApiOffDatabase => {
            let wires = stage.wires(&drawn.target)?;
            pass(
                wires.database.as_ref().context("a wire to Postgres")?,
                broken,
                drawn,
            )
            .await;
            Ok(())
        }
        Kind::CablePulled => {
            let namespace = stage.namespace.as_ref().context("a network namespace")?;
            namespace.pull()?;
            sleep(drawn.lasts).await;
            namespace.plug()
        }
        Kind::StorageErrors => {
            let status = if drawn.seed.is_multiple_of(2) {
                500
            } else {
                503
            };
            storage(drawn, stage, Weather::Answers(status)).await
        }
        Kind::StorageStalls => storage(drawn, stage, Weather::Stalled).await,
        Kind::StorageCutsShort => {
            let after_bytes = CUT_AFTER_BYTES;
            storage(drawn, stage, Weather::CutShort { after_bytes }).await
        }
        other => bail!("{other:?} is not done to a wire"),
    }
}

async fn pass(wire: &Proxy, weather: Weather, drawn: &Drawn) {
    wire.set(weather);
    sleep(drawn.lasts).await;
    wire.set(Weather::Clear);
}

async fn storage(drawn: &Drawn, stage: &Stage, weather: Weather) -> Result<()> {
    stage.set_storage_weather(weather);
    sleep(drawn.lasts).await;
    stage.set_storage_weather(Weather::Clear);
    Ok(())
}
