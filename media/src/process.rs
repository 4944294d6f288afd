//! The one place that starts processes. A child leads its own process group, which is killed when the future that waits for it is dropped,
//! when the task is canceled, past its deadline, and when it shows no sign of life for a while.
//!
//! What ffmpeg says is bounded here: a tail of stderr, a capped stdout, or chunks and lines handed on as they come.

mod child;
mod cut;
mod pump;

use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;

use crate::Context;
pub use crate::call::{Call, Program};
use crate::engine::Engine;
use crate::error::MediaError;
use crate::progress::Progress;
use child::Running;
use cut::Lines;
pub(crate) use cut::Pcm;
use pump::Pulse;

/// Most that [`Context::run`] keeps of stdout.
const MAX_STDOUT_BYTES: usize = 16 << 20;
/// How often the stall watch looks.
const WATCH_PERIOD: Duration = Duration::from_millis(500);

/// What a child left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// At most 16 MiB; empty where it was streamed to the caller.
    pub stdout: Vec<u8>,
    /// The last 16 KiB. For operators only.
    pub stderr_tail: String,
    /// Lines of stderr. At `-v error` each is a complaint of ffmpeg.
    pub error_lines: u32,
    /// `None`: ended by a signal.
    pub exit_code: Option<i32>,
    signal: Option<i32>,
}

impl Output {
    /// Judges a call that may fail of what it reads: one that was killed says nothing of it.
    pub(crate) fn unless_killed(self, program: Program) -> Result<Self, MediaError> {
        match self.signal {
            None => Ok(self),
            Some(_) => self.success(program, true),
        }
    }

    /// Judges the exit of a call whose output was streamed: a code other than 0 is an error, as it is for [`Context::run`].
    pub(crate) fn success(self, program: Program, untrusted: bool) -> Result<Self, MediaError> {
        if self.exit_code == Some(0) {
            return Ok(self);
        }
        Err(MediaError::Ffmpeg {
            program: program.name(),
            exit_code: self.exit_code,
            signal: self.signal,
            stderr_tail: self.stderr_tail,
            untrusted,
        })
    }
}

/// On whose behalf a call runs.
pub(crate) struct Job<'a> {
    pub engine: &'a Engine,
    pub scratch: Option<&'a Path>,
    pub progress: &'a Progress,
    pub cancel: &'a CancellationToken,
}

/// Takes each chunk of stdout; an error ends the child.
pub(crate) type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> Result<(), MediaError> + Send);
type Source<'a> = &'a mut (dyn AsyncRead + Send + Unpin);
/// Takes each line of stderr.
type Listener<'a> = &'a mut (dyn FnMut(&str) + Send);

/// What a call is given and where its bytes go.
struct Pipes<'a> {
    source: Option<Source<'a>>,
    sink: Sink<'a>,
    listener: Option<Listener<'a>>,
}

impl<'a> Pipes<'a> {
    fn to(sink: Sink<'a>) -> Self {
        Self {
            source: None,
            sink,
            listener: None,
        }
    }
}

impl Context {
    /// Runs to the end; an exit code other than 0 is an error.
    pub async fn run(&self, call: Call) -> Result<Output, MediaError> {
        collect(&self.job(), call).await
    }

    /// Runs to the end; the caller judges `exit_code` and `error_lines`.
    pub async fn run_unchecked(&self, call: Call) -> Result<Output, MediaError> {
        collect_unchecked(&self.job(), &call).await
    }

    /// Hands on stdout line by line in bounded memory (a line above 64 KiB is cut). The exit code is the caller's to judge.
    pub async fn lines(
        &self,
        call: Call,
        mut on_line: impl FnMut(&str) + Send,
    ) -> Result<Output, MediaError> {
        let mut lines = Lines::default();
        let mut sink = |bytes: &[u8]| {
            lines.push(bytes, &mut on_line);
            Ok(())
        };
        let output = drive(&self.job(), &call, Pipes::to(&mut sink)).await?;
        lines.finish(&mut on_line);
        Ok(output)
    }

    /// Hands on stdout as it comes. The exit code is the caller's to judge.
    pub(crate) async fn chunks(
        &self,
        call: Call,
        mut on_chunk: impl FnMut(&[u8]) -> Result<(), MediaError> + Send,
    ) -> Result<Output, MediaError> {
        drive(&self.job(), &call, Pipes::to(&mut on_chunk)).await
    }

    /// The same, and each line of stderr (a line above 64 KiB is cut). For calls that log what they see.
    pub(crate) async fn chunks_and_words(
        &self,
        call: Call,
        mut on_chunk: impl FnMut(&[u8]) -> Result<(), MediaError> + Send,
        mut on_word: impl FnMut(&str) + Send,
    ) -> Result<Output, MediaError> {
        let pipes = Pipes {
            listener: Some(&mut on_word),
            ..Pipes::to(&mut on_chunk)
        };
        drive(&self.job(), &call, pipes).await
    }

    /// Hands on 32-bit float samples from a call that writes `-f f32le pipe:1`. The exit code is the caller's to judge.
    pub async fn decode_pcm(
        &self,
        call: Call,
        mut on_chunk: impl FnMut(&[f32]) -> Result<(), MediaError> + Send,
    ) -> Result<Output, MediaError> {
        let mut pcm = Pcm::default();
        self.chunks(call, |bytes| on_chunk(pcm.push(bytes))).await
    }

    /// Gives `source` to a call that reads `pipe:0`. An exit code other than 0 is an error.
    pub async fn feed(
        &self,
        call: Call,
        source: impl AsyncRead + Send + Unpin,
    ) -> Result<Output, MediaError> {
        feed(&self.job(), call, source).await
    }

    fn job(&self) -> Job<'_> {
        Job {
            engine: &self.engine,
            scratch: Some(&self.scratch),
            progress: &self.progress,
            cancel: &self.cancel,
        }
    }
}

pub(crate) async fn collect(job: &Job<'_>, call: Call) -> Result<Output, MediaError> {
    let output = collect_unchecked(job, &call).await?;
    checked(&call, output)
}

pub(crate) async fn feed(
    job: &Job<'_>,
    call: Call,
    mut source: impl AsyncRead + Send + Unpin,
) -> Result<Output, MediaError> {
    let mut stdout = Vec::new();
    let mut sink = keep(call.program, &mut stdout);
    let pipes = Pipes {
        source: Some(&mut source),
        ..Pipes::to(&mut sink)
    };
    let mut output = drive(job, &call, pipes).await?;
    drop(sink);
    output.stdout = stdout;
    checked(&call, output)
}

async fn collect_unchecked(job: &Job<'_>, call: &Call) -> Result<Output, MediaError> {
    let mut stdout = Vec::new();
    let mut sink = keep(call.program, &mut stdout);
    let mut output = drive(job, call, Pipes::to(&mut sink)).await?;
    drop(sink);
    output.stdout = stdout;
    Ok(output)
}

fn keep(
    program: Program,
    stdout: &mut Vec<u8>,
) -> impl FnMut(&[u8]) -> Result<(), MediaError> + Send {
    move |bytes| {
        if stdout.len() + bytes.len() > MAX_STDOUT_BYTES {
            return Err(MediaError::TooMuchOutput {
                program: program.name(),
                limit_bytes: MAX_STDOUT_BYTES,
            });
        }
        stdout.extend_from_slice(bytes);
        Ok(())
    }
}

fn checked(call: &Call, output: Output) -> Result<Output, MediaError> {
    output.success(call.program, call.untrusted)
}

/// Starts the child, moves its bytes, watches the clock and the pulse, and leaves no process behind on any path.
async fn drive(job: &Job<'_>, call: &Call, pipes: Pipes<'_>) -> Result<Output, MediaError> {
    if job.cancel.is_cancelled() {
        return Err(MediaError::Canceled);
    }
    let program = call.program.name();
    let mut running = Running::start(job, call, pipes.source.is_some()).await?;
    let pulse = Pulse::new(job.progress.clone());
    let limit = call.time_limit();
    let outcome = tokio::select! {
        outcome = pump::to_the_end(&mut running, call, &pulse, pipes) => outcome,
        () = job.cancel.cancelled() => Err(MediaError::Canceled),
        () = tokio::time::sleep(limit) => Err(MediaError::Deadline { program, limit }),
        () = pulse.lost(call.stall_limit, WATCH_PERIOD) => Err(MediaError::Stalled { program, limit: call.stall_limit }),
    };
    if outcome.is_err() {
        // Waited for, so that scratch can be removed right after this returns.
        running.kill_and_wait().await;
    }
    outcome
}
