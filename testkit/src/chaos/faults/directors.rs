//! What directors do that is hard on a farm.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Drawn, Kind};
use crate::chaos::load::Directors;
use crate::chaos::stage::Stage;
use crate::chaos::story;
use crate::client::Client;
use crate::process::{Signal, finish};
use crate::up::children;

const CALLS_AT_ONCE: usize = 100;
const SLOW_SENDERS: usize = 20;
/// A slow sender's bytes and the time between them.
const DRIP_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked who reads a clip that kills.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What is left to an ffmpeg that is to run out of memory.
const BALLOON_LIMIT: &str = "--as=100000000";
/// While slow senders hold connections, somebody else is answered within this.
const STILL_ANSWERED: Duration = Duration::from_secs(5);

pub(super) async fn happen(drawn: &Drawn, stage: &Stage, directors: &Directors) -> Result<()> {
    match drawn.kind {
        Kind::HundredSubmits => directors.send_at_once(drawn.seed, CALLS_AT_ONCE).await,
        Kind::CrashingClip | Kind::BallooningClip | Kind::HangingClip => {
            poison(drawn, stage, directors).await
        }
        Kind::SlowUploads => slow_uploads(drawn, stage).await,
        Kind::ApiKilledInUpload => killed_in_upload(drawn, stage).await,
        other => bail!("{other:?} is not done by a director"),
    }
}

/// A body that never comes to its end.
fn drip() -> reqwest::Body {
    let drops = futures::stream::unfold((), |()| async {
        sleep(DRIP_EVERY).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b"drip")), ()))
    });
    reqwest::Body::wrap_stream(drops.boxed())
}

async fn sender(drawn: &Drawn, stage: &Stage) -> Result<Option<Client>> {
    let at = stage.apis.iter().position(|api| *api == drawn.target);
    let base = at.and_then(|at| stage.bases.get(at)).context("an API")?;
    let nobody = Client::new(base)?;
    let registering = nobody.register("slow");
    // It may be down at the moment, for another reason.
    Ok(timeout(STILL_ANSWERED, async { registering.await.ok() })
        .await
        .unwrap_or(None))
}

async fn slow_uploads(drawn: &Drawn, stage: &Stage) -> Result<()> {
    let Some(client) = sender(drawn, stage).await? else {
        return Ok(());
    };
    let mut senders = JoinSet::new();
    for _ in 0..SLOW_SENDERS {
        let client = client.clone();
        senders.spawn(async move { client.upload(drip()).await.map(|_| ()) });
    }
    sleep(drawn.lasts).await;
    let asked = client.request(reqwest::Method::GET, "/healthz").send();
    let answered = timeout(STILL_ANSWERED, asked).await;
    senders.abort_all();
    if answered.is_err() && stage.processes.runs(&drawn.target) {
        bail!("nobody else was answered while {SLOW_SENDERS} senders were slow");
    }
    Ok(())
}

async fn killed_in_upload(drawn: &Drawn, stage: &Stage) -> Result<()> {
    let Some(client) = sender(drawn, stage).await? else {
        return Ok(());
    };
    let sending = tokio::spawn(async move { client.upload(drip()).await.map(|_| ()) });
    sleep(DRIP_EVERY * 3).await;
    stage.processes.signal(&drawn.target, Signal::Kill)?;
    match sending.await? {
        Ok(()) => bail!("an upload that has no end was taken"),
        Err(_) => Ok(()),
    }
}

/// Whoever reads the clip dies of it, or stands still.
async fn poison(drawn: &Drawn, stage: &Stage, directors: &Directors) -> Result<()> {
    let (file, bytes) = story::poison(drawn.seed % 1_000_000)?;
    let killing = async {
        let mut done = HashSet::new();
        loop {
            for (pid, _) in readers(stage, bytes) {
                // It may just have ended.
                if !done.contains(&pid) && harm(drawn, pid).is_ok() {
                    done.insert(pid);
                }
            }
            sleep(LOOK_EVERY).await;
        }
    };
    let rendered: Result<()> = tokio::select! {
        rendered = directors.send_poison(drawn.seed, &file) => rendered,
        () = killing => Ok(()),
    };
    std::fs::remove_file(file)?;
    rendered
}

fn harm(drawn: &Drawn, pid: u32) -> Result<()> {
    match drawn.kind {
        Kind::HangingClip => Signal::Stop.send(pid),
        Kind::CrashingClip => Signal::Segfault.send(pid),
        _ => {
            let mut limit = Command::new("prlimit");
            limit.args(["--pid", &pid.to_string(), BALLOON_LIMIT]);
            finish(&mut limit).map(|_| ())
        }
    }
}

/// Children of the workers that have a file of this length open.
fn readers(stage: &Stage, bytes: u64) -> Vec<(u32, String)> {
    let workers = stage
        .workers
        .iter()
        .filter_map(|worker| stage.processes.pid(worker));
    let mut found: Vec<(u32, String)> = workers.flat_map(children).collect();
    found.retain(|(pid, _)| {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd"));
        let files = open.into_iter().flatten().flatten();
        files
            .filter_map(|file| std::fs::metadata(file.path()).ok())
            .any(|file| file.size() == bytes)
    });
    found
}
