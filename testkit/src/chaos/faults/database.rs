//! What befalls the database.

use anyhow::{Context, Result, bail};
use tokio::time::sleep;

use super::{Drawn, Kind};
use crate::chaos::stage::Stage;

pub(super) async fn happen(drawn: &Drawn, stage: &Stage) -> Result<()> {
    match drawn.kind {
        Kind::PostgresRestarted => stage
            .postgres
            .as_ref()
            .context("Postgres")?
            .crash_and_restart(),
        Kind::PostgresFull => {
            let taken = stage.ledger.take_every_connection().await?;
            sleep(drawn.lasts).await;
            drop(taken);
            Ok(())
        }
        Kind::SqliteBusy => {
            let locked = stage.ledger.lock_out_writers().await?;
            sleep(drawn.lasts).await;
            locked.let_in().await
        }
        Kind::DatabaseDiskFull => {
            let disk = stage.database_disk.as_ref().context("a disk of its own")?;
            disk.fill(0)?;
            sleep(drawn.lasts).await;
            disk.empty()
        }
        other => bail!("{other:?} is not done to the database"),
    }
}
