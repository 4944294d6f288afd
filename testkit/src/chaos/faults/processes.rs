//! Signals to our own processes, and a full disk under one of them.

use std::time::Duration;

use anyhow::{Result, bail};
use botflix_common::task;
use tokio::time::sleep;

use super::{Drawn, Kind};
use crate::chaos::stage::Stage;
use crate::process::Signal;
use crate::up::children;

/// As which version a process takes itself, and the one after this program's own.
const PAYLOAD_VERSION: &str = "BOTFLIX_TEST_PAYLOAD_VERSION";
const NEWER: u32 = task::PAYLOAD_VERSION + 1;
/// A worker's grace, and what it takes to hand back.
const WORKER_ENDS: Duration = Duration::from_secs(60);
const API_ENDS: Duration = Duration::from_secs(40);
/// How long a moment is waited for in which a worker runs ffmpeg.
const FFMPEG_COMES: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Less than the gigabyte below which a worker takes no task, and then nothing at all.
const LOW_BYTES: u64 = 500 << 20;

pub(super) async fn happen(drawn: &Drawn, stage: &Stage) -> Result<()> {
    let (target, processes) = (drawn.target.as_str(), &stage.processes);
    match drawn.kind {
        Kind::WorkerKilled | Kind::ApiKilled => processes.signal(target, Signal::Kill).map(|_| ()),
        Kind::FfmpegKilled => kill_an_ffmpeg(stage, target).await,
        Kind::WorkerFrozen | Kind::ApiFrozen => {
            processes.signal(target, Signal::Stop)?;
            sleep(drawn.lasts).await;
            processes.signal(target, Signal::Continue).map(|_| ())
        }
        Kind::WorkerTerminated => end_well(stage, target, WORKER_ENDS).await,
        Kind::ApiTerminated => end_well(stage, target, API_ENDS).await,
        Kind::WorkersRolled => {
            for worker in &stage.workers {
                end_well(stage, worker, WORKER_ENDS).await?;
            }
            Ok(())
        }
        Kind::ApisRolled => {
            for (api, base) in stage.apis.iter().zip(&stage.bases) {
                end_well(stage, api, API_ENDS).await?;
                stage.ready(base).await?;
            }
            Ok(())
        }
        Kind::TwoVersions => two_versions(drawn, stage).await,
        Kind::WorkerDiskFull => fill_scratch(drawn, stage).await,
        other => bail!("{other:?} is not done to a process"),
    }
}

/// An upgrade that goes no further than the APIs and one worker, and is taken back. What was queued by the old APIs that worker understands; what
/// the new ones queue the old workers hand back.
async fn two_versions(drawn: &Drawn, stage: &Stage) -> Result<()> {
    let newer = Some(NEWER.to_string());
    upgrade_apis(stage, newer.as_deref()).await?;
    // It stays: what is in the queue of the newer version, nobody else takes.
    if let Some(worker) = stage.workers.last() {
        let (processes, newer) = (&stage.processes, newer.as_deref());
        processes.set_env(worker, PAYLOAD_VERSION, newer)?;
        end_well(stage, worker, WORKER_ENDS).await?;
    }
    sleep(drawn.lasts).await;
    upgrade_apis(stage, None).await
}

async fn upgrade_apis(stage: &Stage, version: Option<&str>) -> Result<()> {
    for (api, base) in stage.apis.iter().zip(&stage.bases) {
        stage.processes.set_env(api, PAYLOAD_VERSION, version)?;
        end_well(stage, api, API_ENDS).await?;
        stage.ready(base).await?;
    }
    Ok(())
}

async fn end_well(stage: &Stage, name: &str, limit: Duration) -> Result<()> {
    match stage.processes.terminate(name, limit).await? {
        Some(false) => bail!("{name} did not end well when it was told to"),
        // It was down already.
        Some(true) | None => Ok(()),
    }
}

async fn kill_an_ffmpeg(stage: &Stage, worker: &str) -> Result<()> {
    let look = async {
        loop {
            let parent = stage.processes.pid(worker);
            let found = parent
                .into_iter()
                .flat_map(children)
                .find(|(_, name)| name.starts_with("ffmpeg"));
            match found {
                // It may just have ended.
                Some((pid, _)) if Signal::Kill.send(pid).is_ok() => return,
                _ => sleep(LOOK_EVERY).await,
            }
        }
    };
    // A worker that has nothing to do is not hurt.
    if tokio::time::timeout(FFMPEG_COMES, look).await.is_err() {
        eprintln!("{worker} ran no ffmpeg to kill");
    }
    Ok(())
}

async fn fill_scratch(drawn: &Drawn, stage: &Stage) -> Result<()> {
    let Some(disk) = &stage.scratch_disk else {
        return Ok(());
    };
    let left = if drawn.seed.is_multiple_of(2) {
        LOW_BYTES
    } else {
        0
    };
    disk.fill(left)?;
    sleep(drawn.lasts).await;
    disk.empty()
}
