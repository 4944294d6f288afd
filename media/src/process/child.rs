//! A started child: its pipes, its process group, and the promise that the group dies with this value.

use std::os::fd::AsRawFd;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};

use ffmpeg_sidecar::command::FfmpegCommand;
use std::os::unix::process::CommandExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::oneshot;

use super::Job;
use crate::call::{Call, Program};
use crate::error::MediaError;
use crate::sandbox::{Permissions, kill_group};

/// Starts that may wait for the spawning thread; more wait in line for a place.
const SPAWN_BACKLOG: usize = 16;

pub struct Running {
    child: Child,
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
    /// What `-progress` writes; ffmpeg only.
    pub progress: Option<pipe::Receiver>,
}

impl Running {
    pub async fn start(job: &Job<'_>, call: &Call, piped_stdin: bool) -> Result<Self, MediaError> {
        let spawn_error = |source| MediaError::Spawn {
            program: call.program.name(),
            source,
        };
        let (progress, inherit) = match call.program {
            Program::Ffmpeg => {
                let (reader, writer) = std::io::pipe().map_err(spawn_error)?;
                (Some(reader), Some(std::os::fd::OwnedFd::from(writer)))
            }
            Program::Ffprobe => (None, None),
        };
        let mut command = command(job, call, inherit.as_ref().map(AsRawFd::as_raw_fd));
        command.stdin(if piped_stdin {
            Stdio::piped()
        } else {
            Stdio::null()
        });

        let mut writable_dirs = call.writable_dirs.clone();
        writable_dirs.extend(job.scratch.map(std::path::Path::to_owned));
        let permissions = Permissions {
            program: job.engine.program(call.program),
            readable: &call.readable,
            writable_dirs: &writable_dirs,
            devices: &call.devices,
            deadline: call.time_limit(),
            inherit,
        };
        job.engine.sandbox().confine(&mut command, permissions)?;

        let mut child = spawn(command).await.map_err(spawn_error)?;
        let progress = progress
            .map(|reader| pipe::Receiver::from_owned_fd(reader.into()))
            .transpose()
            .map_err(spawn_error)?;
        Ok(Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            progress,
            child,
        })
    }

    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    pub async fn kill_and_wait(&mut self) {
        self.kill();
        if let Err(error) = self.child.wait().await {
            tracing::warn!(%error, "could not wait for a killed child");
        }
    }

    /// `id` is `None` once the child was waited for, so a number that the system has given to another process is never killed.
    fn kill(&self) {
        if let Some(leader) = self.child.id() {
            kill_group(leader);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(job: &Job<'_>, call: &Call, progress_fd: Option<i32>) -> Command {
    let mut ffmpeg = FfmpegCommand::from(Command::new(job.engine.program(call.program)));
    ffmpeg.hide_banner().args(["-v", "error"]);
    if call.program == Program::Ffmpeg {
        ffmpeg.args(["-nostdin", "-nostats"]).overwrite();
    }
    if let Some(fd) = progress_fd {
        ffmpeg
            .args(["-stats_period", "0.5", "-progress"])
            .arg(format!("pipe:{fd}"));
    }
    ffmpeg.args(&call.args);
    let mut command = Command::from(ffmpeg);
    command
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir(job.scratch.unwrap_or(std::path::Path::new("/")))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(scratch) = job.scratch {
        command.env("TMPDIR", scratch).env("HOME", scratch);
    }
    command
}

struct Order {
    command: tokio::process::Command,
    runtime: tokio::runtime::Handle,
    reply: oneshot::Sender<std::io::Result<Child>>,
}

/// Forks on a thread that lives as long as the process: the parent-death signal of a child follows the *thread* that forked it, and the
/// runtime's threads come and go.
async fn spawn(command: Command) -> std::io::Result<Child> {
    static ORDERS: OnceLock<mpsc::SyncSender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (sender, receiver) = mpsc::sync_channel(SPAWN_BACKLOG);
        std::thread::spawn(move || serve(&receiver));
        sender
    });
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    let (reply, answer) = oneshot::channel();
    let order = Order {
        command,
        runtime: tokio::runtime::Handle::current(),
        reply,
    };
    let gone = || std::io::Error::other("the spawning thread is gone");
    // A fork takes about a millisecond: a full backlog is a short wait, and never a lost order.
    orders.send(order).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

fn serve(orders: &mpsc::Receiver<Order>) {
    while let Ok(mut order) = orders.recv() {
        let _runtime = order.runtime.enter();
        let result = order.command.spawn();
        // The command holds the parent's copies of the descriptors that the child inherited: closed before anyone waits for their end.
        drop(order.command);
        if let Err(Ok(child)) = order.reply.send(result) {
            // Nobody waits any more: the group must not outlive the request.
            if let Some(leader) = child.id() {
                kill_group(leader);
            }
        }
    }
}
