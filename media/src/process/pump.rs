//! Moves bytes between a child and its caller, in bounded memory, and takes its pulse while doing so.

use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ffmpeg_sidecar::log_parser::parse_time_str;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::child::Running;
use super::cut::Lines;
use super::{Listener, Output, Pipes, Sink, Source};
use crate::call::Call;
use crate::error::MediaError;
use crate::progress::Progress;

const CHUNK_BYTES: usize = 64 << 10;
const STDERR_TAIL_BYTES: usize = 16 << 10;

/// When the child last showed a sign of life. Each is one of the task, too: whoever waits for it need not hear of fractions.
pub struct Pulse {
    last: Mutex<Instant>,
    progress: Progress,
}

impl Pulse {
    pub fn new(progress: Progress) -> Self {
        Self {
            last: Mutex::new(Instant::now()),
            progress,
        }
    }

    fn beat(&self) {
        *self
            .last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
        self.progress.alive();
    }

    fn quiet_for(&self) -> Duration {
        self.last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .elapsed()
    }

    /// Returns once there was no beat for `limit`.
    pub async fn lost(&self, limit: Duration, period: Duration) {
        while self.quiet_for() < limit {
            tokio::time::sleep(period.min(limit)).await;
        }
    }
}

/// Until all pipes are closed and the child has ended.
pub async fn to_the_end(
    running: &mut Running,
    call: &Call,
    pulse: &Pulse,
    pipes: Pipes<'_>,
) -> Result<Output, MediaError> {
    let (stdin, stdout, stderr) = (
        running.stdin.take(),
        running.stdout.take(),
        running.stderr.take(),
    );
    let reports = running.progress.take();
    let ((), (), complaints, ()) = tokio::try_join!(
        write_all(pipes.source, stdin, pulse),
        read_stdout(stdout, pipes.sink, pulse),
        read_stderr(stderr, pipes.listener, pulse),
        read_progress(reports, call.media_seconds, pulse),
    )?;
    let status = running
        .wait()
        .await
        .map_err(MediaError::io("waiting for ffmpeg"))?;
    Ok(Output {
        stdout: Vec::new(),
        stderr_tail: String::from_utf8_lossy(&complaints.tail).into_owned(),
        error_lines: complaints.lines,
        exit_code: status.code(),
        signal: status.signal(),
    })
}

async fn write_all(
    source: Option<Source<'_>>,
    stdin: Option<impl tokio::io::AsyncWrite + Unpin>,
    pulse: &Pulse,
) -> Result<(), MediaError> {
    let (Some(source), Some(mut stdin)) = (source, stdin) else {
        return Ok(());
    };
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let read = source
            .read(&mut buffer)
            .await
            .map_err(MediaError::io("reading what ffmpeg is fed"))?;
        let chunk = buffer.get(..read).unwrap_or_default();
        if chunk.is_empty() {
            break;
        }
        match stdin.write_all(chunk).await {
            Ok(()) => pulse.beat(),
            // ffmpeg has all it wants, or failed: its exit code says which.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            Err(source) => {
                return Err(MediaError::Io {
                    doing: "feeding ffmpeg".to_owned(),
                    source,
                });
            }
        }
    }
    match stdin.shutdown().await {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(MediaError::Io {
            doing: "feeding ffmpeg".to_owned(),
            source: error,
        }),
        _ => Ok(()),
    }
}

async fn read_stdout(
    stdout: Option<impl AsyncRead + Unpin>,
    sink: Sink<'_>,
    pulse: &Pulse,
) -> Result<(), MediaError> {
    each_chunk(stdout, |chunk| {
        pulse.beat();
        sink(chunk)?;
        // A slow consumer is not a stalled child.
        pulse.beat();
        Ok(())
    })
    .await
}

#[derive(Default)]
struct Complaints {
    tail: Vec<u8>,
    lines: u32,
}

async fn read_stderr(
    stderr: Option<impl AsyncRead + Unpin>,
    mut listener: Option<Listener<'_>>,
    pulse: &Pulse,
) -> Result<Complaints, MediaError> {
    let mut complaints = Complaints::default();
    let mut words = Lines::default();
    each_chunk(stderr, |chunk| {
        pulse.beat();
        if let Some(listener) = &mut listener {
            words.push(chunk, listener);
        }
        let lines = chunk.iter().filter(|byte| **byte == b'\n').count();
        complaints.lines = complaints
            .lines
            .saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        complaints.tail.extend_from_slice(chunk);
        let excess = complaints.tail.len().saturating_sub(STDERR_TAIL_BYTES);
        complaints.tail.drain(..excess);
        Ok(())
    })
    .await?;
    Ok(complaints)
}

/// `-progress` repeats blocks of `key=value`. A block beats and is reported only when the output grew, so a child that spins in place is found out.
async fn read_progress(
    reports: Option<impl AsyncRead + Unpin>,
    media_seconds: Option<f64>,
    pulse: &Pulse,
) -> Result<(), MediaError> {
    let mut lines = Lines::default();
    let (mut seconds, mut speed) = (0.0, None);
    let mut reached = (String::new(), String::new(), String::new());
    let mut moved = false;
    each_chunk(reports, |chunk| {
        lines.push(chunk, &mut |line| {
            let Some((key, value)) = line.split_once('=') else {
                return;
            };
            let value = value.trim();
            let grown = match key {
                "frame" => replace_if_new(&mut reached.0, value),
                "total_size" => replace_if_new(&mut reached.1, value),
                "out_time" => {
                    seconds = parse_time_str(value).unwrap_or(seconds);
                    replace_if_new(&mut reached.2, value)
                }
                "speed" => {
                    speed = value.trim_end_matches('x').parse().ok();
                    false
                }
                "progress" => {
                    if let Some(whole) = media_seconds.filter(|whole| moved && *whole > 0.0) {
                        pulse.progress.report(seconds / whole, speed);
                    }
                    moved = false;
                    false
                }
                _other => false,
            };
            if grown {
                moved = true;
                pulse.beat();
            }
        });
        Ok(())
    })
    .await
}

fn replace_if_new(known: &mut String, value: &str) -> bool {
    let new = known != value;
    if new {
        value.clone_into(known);
    }
    new
}

async fn each_chunk(
    pipe: Option<impl AsyncRead + Unpin>,
    mut take: impl FnMut(&[u8]) -> Result<(), MediaError>,
) -> Result<(), MediaError> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let read = pipe
            .read(&mut buffer)
            .await
            .map_err(MediaError::io("reading from ffmpeg"))?;
        match buffer.get(..read) {
            Some(chunk) if !chunk.is_empty() => take(chunk)?,
            _ => return Ok(()),
        }
    }
}
