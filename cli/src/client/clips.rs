//! Clips on their way to the farm: only what it lacks is sent, streamed, and then judged there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use botflix_common::hash::Sha;
use botflix_common::http::{ClipBody, ClipStatus};
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method};
use tokio_util::io::ReaderStream;

use super::{Api, CallError, read};
use crate::exit::Fault;
use crate::show::size;
use crate::show::stages::Stages;

/// Clips under way at the same time.
const AT_ONCE: usize = 3;
const PIECE_BYTES: usize = 256 * 1024;
/// Tries of one upload.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);
/// An upload of which the server takes nothing for so long is begun anew.
const STALL_LIMIT: Duration = Duration::from_secs(90);
const STALL_CHECK_EVERY: Duration = Duration::from_secs(1);

/// Counts bytes over all uploads for the bar.
struct Meter<'a> {
    sent: Arc<AtomicU64>,
    total: u64,
    stages: &'a Stages,
}

impl Meter<'_> {
    fn show(&self) {
        let sent = self.sent.load(Ordering::Relaxed).min(self.total);
        let fraction = if self.total == 0 {
            1.0
        } else {
            sent as f64 / self.total as f64
        };
        let message = format!("{} of {}", size(sent), size(self.total));
        self.stages.step("upload", fraction, &message);
    }
}

/// Sends what the server does not have, or has refused to finish.
pub async fn send_missing(
    api: &Api,
    files: &BTreeMap<Sha, PathBuf>,
    stages: &Stages,
) -> Result<(), Fault> {
    let missing: Vec<(Sha, &PathBuf, u64)> = futures::stream::iter(files)
        .map(async |(sha, path)| {
            let known: Option<ClipBody> = api.find(&clip_path(sha)).await?;
            let wanted = known.is_none_or(|clip| clip.status == ClipStatus::Failed);
            let bytes = std::fs::metadata(path)
                .map_err(|error| unreadable(path, error))?
                .len();
            Ok::<_, Fault>(wanted.then_some((*sha, path, bytes)))
        })
        .buffer_unordered(AT_ONCE)
        .try_filter_map(async |missing| Ok(missing))
        .try_collect()
        .await?;
    let meter = Meter {
        sent: Arc::default(),
        total: missing.iter().map(|(_, _, bytes)| bytes).sum(),
        stages,
    };
    meter.show();
    let sends = missing
        .into_iter()
        .map(|(sha, path, bytes)| send(api, sha, path, bytes, &meter));
    let mut sending = futures::stream::iter(sends).buffer_unordered(AT_ONCE);
    while let Some(sent) = sending.next().await {
        sent?;
    }
    Ok(())
}

/// Waits until the farm has judged every clip; refusals are told when the render is submitted, where they have their pointers.
pub async fn await_verdicts(api: &Api, clips: &[Sha], stages: &Stages) -> Result<(), Fault> {
    let total = clips.len();
    let mut judging = futures::stream::iter(clips)
        .map(|sha| judged(api, sha))
        .buffer_unordered(AT_ONCE);
    let mut done = 0;
    while let Some(judged) = judging.next().await {
        judged?;
        done += 1;
        stages.step(
            "inspect",
            done as f64 / total as f64,
            &format!("{done}/{total}"),
        );
    }
    Ok(())
}

async fn judged(api: &Api, sha: &Sha) -> Result<(), Fault> {
    let path = clip_path(sha);
    if api.find::<ClipBody>(&path).await?.is_none() {
        // Named by its hash and never sent: the render says where.
        return Ok(());
    }
    loop {
        let clip: ClipBody = api.get_waiting(&path).await?;
        match clip.status {
            ClipStatus::Inspecting => {}
            ClipStatus::Ready | ClipStatus::Refused => return Ok(()),
            ClipStatus::Failed => {
                return Err(
                    Fault::retryable(format!("the farm could not inspect {sha}"))
                        .hint("run the same command again: it sends the clip once more"),
                );
            }
        }
    }
}

fn clip_path(sha: &Sha) -> String {
    format!("/api/v1/clips/{sha}")
}

async fn send(
    api: &Api,
    sha: Sha,
    path: &Path,
    bytes: u64,
    meter: &Meter<'_>,
) -> Result<(), Fault> {
    let mut tries = 0;
    loop {
        tries += 1;
        let begun_at = meter.sent.load(Ordering::Relaxed);
        let error = match send_once(api, &sha, path, bytes, meter).await? {
            Ok(clip) if clip.clip == sha => return Ok(()),
            Ok(_) => {
                return Err(Fault::retryable(format!(
                    "{} changed while it was sent",
                    path.display()
                )));
            }
            Err(error) => error,
        };
        if tries == TRIES || !error.is_retryable() {
            return Err(error.fault(&api.base));
        }
        // Approximate while others send as well; the bar only ever shows less than the total.
        meter.sent.fetch_min(begun_at, Ordering::Relaxed);
        tokio::time::sleep(PAUSE * tries).await;
    }
}

async fn send_once(
    api: &Api,
    sha: &Sha,
    path: &Path,
    bytes: u64,
    meter: &Meter<'_>,
) -> Result<Result<ClipBody, CallError>, Fault> {
    let file = tokio::fs::File::open(path)
        .await
        .map_err(|error| unreadable(path, error))?;
    let taken = Arc::new(AtomicU64::new(0));
    let (counted, sent) = (Arc::clone(&taken), Arc::clone(&meter.sent));
    let pieces = ReaderStream::with_capacity(file, PIECE_BYTES).inspect_ok(move |piece| {
        counted.fetch_add(piece.len() as u64, Ordering::Relaxed);
        sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
    });
    let call = api
        .request(Method::POST, &format!("/api/v1/clips?sha256={}", sha.hex()))
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_LENGTH, bytes)
        .body(Body::wrap_stream(pieces));
    let sending = read::<ClipBody>(call);
    tokio::pin!(sending);
    let mut ticks = tokio::time::interval(STALL_CHECK_EVERY / 4);
    let mut moved = (0, tokio::time::Instant::now());
    loop {
        tokio::select! {
            answer = &mut sending => {
                meter.show();
                return Ok(answer);
            }
            _ = ticks.tick() => {
                meter.show();
                let now = taken.load(Ordering::Relaxed);
                if now > moved.0 {
                    moved = (now, tokio::time::Instant::now());
                } else if moved.1.elapsed() > STALL_LIMIT {
                    return Err(Fault::retryable(format!("{} takes no more bytes", api.base)));
                }
            }
        }
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Fault {
    Fault::permanent(format!("{} cannot be read", path.display())).because(error)
}
