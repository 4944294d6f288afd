//! The one place of this program that starts processes, apart from the media engine's own: a server that is kept alive, and short calls of
//! tools. No shell, ever; every child ends with this process.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tokio_util::sync::CancellationToken;

/// How often a kept child is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A child that ended by itself is started again after this.
const RESTART_PAUSE: Duration = Duration::from_millis(500);
/// A child that lived longer is not failing at start.
const LIVED_SECONDS: u64 = 10;
/// Starts in a row that ended soon, before it is given up.
const MAX_SHORT_LIVES: u32 = 5;
/// How long a child may take to end when told to, before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A child that is started again when it ends by itself. Its parent-death signal follows the *thread* that forked it, so it has a thread of
/// its own that lives as long as the child is wanted.
pub struct Kept {
    shared: Arc<Shared>,
    given_up: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    child: Mutex<Slot>,
}

struct Slot {
    child: Option<Child>,
    wanted: Wanted,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Alive,
    Gone,
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Starts `command` each time it is needed. The first start is reported; later ones are logged.
    pub fn start(
        name: &'static str,
        command: impl Fn() -> Command + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            child: Mutex::new(Slot {
                child: None,
                wanted: Wanted::Alive,
            }),
        });
        let given_up = CancellationToken::new();
        let (started, first) = std::sync::mpsc::sync_channel(1);
        let (theirs, gives_up) = (Arc::clone(&shared), given_up.clone());
        let thread = std::thread::Builder::new()
            .name(format!("keep-{name}"))
            .spawn(move || {
                let first_start = spawn(&mut command());
                let outcome = first_start.map(|child| theirs.slot().child = Some(child));
                let alive = outcome.is_ok();
                if started.send(outcome).is_ok() && alive {
                    keep(name, &theirs, command);
                }
                gives_up.cancel();
            })?;
        first.recv().map_err(io::Error::other)??;
        Ok(Self {
            shared,
            given_up,
            thread: Some(thread),
        })
    }

    /// Resolves when the child ended by itself again and again.
    pub async fn given_up(&self) {
        self.given_up.cancelled().await;
    }

    /// Asks the child to end and waits until it has; kills it when it does not.
    pub fn stop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        self.shared.slot().wanted = Wanted::Gone;
        signal(&self.shared, Signal::TERM);
        let since = Instant::now();
        while !thread.is_finished() {
            if since.elapsed() > STOP_PATIENCE {
                signal(&self.shared, Signal::KILL);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        if thread.join().is_err() {
            tracing::error!("the thread that kept a child panicked");
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.stop();
    }
}

fn keep(name: &str, shared: &Shared, command: impl Fn() -> Command) {
    let mut started_at = Instant::now();
    let mut short_lives = 0;
    loop {
        std::thread::sleep(LOOK_EVERY);
        let mut slot = shared.slot();
        let status = match slot.child.as_mut().map(Child::try_wait) {
            Some(Ok(None)) => continue,
            Some(Ok(Some(status))) => status.to_string(),
            Some(Err(error)) => error.to_string(),
            None => "not started".to_owned(),
        };
        slot.child = None;
        if slot.wanted == Wanted::Gone {
            return;
        }
        drop(slot);
        short_lives = if started_at.elapsed().as_secs() > LIVED_SECONDS {
            0
        } else {
            short_lives + 1
        };
        if short_lives >= MAX_SHORT_LIVES {
            tracing::error!(name, status, "ended by itself too often: given up");
            return;
        }
        tracing::warn!(name, status, "ended by itself: started again");
        std::thread::sleep(RESTART_PAUSE);
        let mut slot = shared.slot();
        if slot.wanted == Wanted::Gone {
            return;
        }
        started_at = Instant::now();
        match spawn(&mut command()) {
            Ok(child) => slot.child = Some(child),
            Err(error) => tracing::error!(name, %error, "could not be started again"),
        }
    }
}

/// While the slot is locked its child is not waited for, so the id is still its own.
fn signal(shared: &Shared, signal: Signal) {
    let slot = shared.slot();
    let pid = slot
        .child
        .as_ref()
        .and_then(|child| Pid::from_raw(i32::try_from(child.id()).ok()?));
    if let Some(pid) = pid
        && let Err(error) = rustix::process::kill_process(pid, signal)
    {
        tracing::warn!(%error, "a child could not be signalled");
    }
}

/// In a process group of its own, so that Ctrl-C reaches us alone and children end in our order; and never without us.
#[allow(
    unsafe_code,
    reason = "pre_exec has no safe form; its closure makes two system calls and allocates nothing"
)]
fn spawn(command: &mut Command) -> io::Result<Child> {
    let parent = rustix::process::getpid();
    command.process_group(0).stdin(Stdio::null());
    // SAFETY: prctl and getppid are async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
            // The parent may have gone before the signal was asked for.
            if rustix::process::getppid() == Some(parent) {
                Ok(())
            } else {
                Err(io::Error::from(io::ErrorKind::NotConnected))
            }
        });
    }
    command.spawn()
}

/// Runs a tool to its end and returns what it wrote to stdout.
pub async fn output(command: Command, deadline: Duration) -> io::Result<Vec<u8>> {
    let mut command = tokio::process::Command::from(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(deadline, command.output()).await;
    let output = ended.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "{}: {}",
        output.status,
        said.trim()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(kept: &Kept) -> u32 {
        kept.shared.slot().child.as_ref().map_or(0, Child::id)
    }

    fn sleeper() -> Command {
        let mut command = Command::new("sleep");
        command.arg("600");
        command
    }

    fn is_gone(pid: u32) -> bool {
        !std::path::Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn a_child_that_is_killed_comes_back_and_is_gone_after_stop() {
        let mut kept = Kept::start("sleep", sleeper).unwrap();
        let first = pid(&kept);
        signal(&kept.shared, Signal::KILL);
        let since = Instant::now();
        while [0, first].contains(&pid(&kept)) {
            assert!(
                since.elapsed() < Duration::from_secs(10),
                "it did not come back"
            );
            std::thread::yield_now();
        }
        let second = pid(&kept);
        kept.stop();
        assert!(is_gone(first) && is_gone(second));
    }

    #[test]
    fn a_program_that_is_not_there_is_told_at_once() {
        let missing = Kept::start("nothing", || Command::new("no-such-program-anywhere"));
        assert_eq!(missing.err().unwrap().kind(), io::ErrorKind::NotFound);
    }
}
