//! Child processes of a test: started with their output in a file, signalled by process id, ended on drop.
//!
//! This file knows nothing about what it starts.

use std::ffi::OsStr;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Ports for servers of tests: below the range from which outgoing connections take theirs, so that a restart finds its port free.
const PORTS: std::ops::Range<u16> = 18_000..32_000;
/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(20);
/// Longest wait for a process to be gone after SIGKILL.
const KILL_SECONDS: u64 = 10;

/// A program that a test needs is not installed.
#[derive(Debug)]
pub struct Missing(pub String);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "not installed: {} (`make setup-test` installs it)",
            self.0
        )
    }
}

impl std::error::Error for Missing {}

/// `None`, with a message, when the program is not installed on a bare laptop. `make test` sets `BOTFLIX_TEST_ALL`, and then it fails.
///
/// # Panics
/// When the server did not start for another reason, or when everything must run.
#[allow(clippy::panic, reason = "a test fails by panicking")]
pub fn optional<T>(started: Result<T>) -> Option<T> {
    match started {
        Ok(server) => Some(server),
        Err(error) if error.is::<Missing>() && std::env::var_os("BOTFLIX_TEST_ALL").is_none() => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error:#}"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Kill,
    Terminate,
    Interrupt,
    Quit,
    Segfault,
    Stop,
    Continue,
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Self::Kill => libc::SIGKILL,
            Self::Terminate => libc::SIGTERM,
            Self::Interrupt => libc::SIGINT,
            Self::Quit => libc::SIGQUIT,
            Self::Segfault => libc::SIGSEGV,
            Self::Stop => libc::SIGSTOP,
            Self::Continue => libc::SIGCONT,
        }
    }

    /// To one process. An error when there is none of that id.
    #[allow(
        unsafe_code,
        reason = "kill(2) has no safe form in std; it takes two integers"
    )]
    pub fn send(self, pid: u32) -> Result<()> {
        let pid = libc::pid_t::try_from(pid).context("process id")?;
        // SAFETY: no memory is involved.
        if unsafe { libc::kill(pid, self.number()) } != 0 {
            return Err(std::io::Error::last_os_error())
                .with_context(|| format!("{self:?} to {pid}"));
        }
        Ok(())
    }
}

/// A running child. Its output goes to `log`; a dropped one is killed and waited for.
#[derive(Debug)]
pub struct Spawned {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Spawned {
    /// Output of earlier runs in the same `log` is kept.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let out = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("start {name}: {:?}", command.get_program()))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it printed so far, standard output and error together.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map_or_else(
            |e| format!("({e})"),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        signal.send(self.pid()).with_context(|| self.name.clone())
    }

    /// `None` while it runs.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(POLL);
        }
        bail!(
            "{} still runs after {limit:?}; its log ends:\n{}",
            self.name,
            tail(&self.log(), 40)
        )
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            self.child.kill()?;
            self.wait(Duration::from_secs(KILL_SECONDS))?;
        }
        Ok(())
    }

    /// SIGTERM, and its exit status.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        self.signal(Signal::Terminate)?;
        self.wait(limit)
    }

    /// Polls until `ready` says so; an error when the child ends first or the time is over.
    pub fn until_ready(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut(&Self) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !ready(self) {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended at start ({status}); its log ends:\n{}",
                    self.name,
                    tail(&self.log(), 40)
                );
            }
            if Instant::now() > deadline {
                bail!(
                    "{} not ready after {limit:?}; its log ends:\n{}",
                    self.name,
                    tail(&self.log(), 40)
                );
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("{}: {error:#}", self.name);
        }
    }
}

/// The `botflix` program under test.
#[derive(Clone, Debug)]
pub struct Binary(PathBuf);

impl Binary {
    /// `env!("CARGO_BIN_EXE_botflix")` in the tests of `cli`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        // A test sees the contract's defaults, not the settings of whoever runs it.
        for (name, _) in std::env::vars_os() {
            if ["BOTFLIX_", "AWS_"]
                .iter()
                .any(|prefix| name.to_string_lossy().starts_with(prefix))
            {
                command.env_remove(name);
            }
        }
        command
    }
}

/// A port on loopback that nobody listens on at this moment.
pub fn free_port() -> Result<u16> {
    static TRIES: AtomicU16 = AtomicU16::new(0);
    let width = PORTS.end - PORTS.start;
    let from = u16::try_from((u64::from(std::process::id()) * 97) % u64::from(width))?;
    for _ in 0..width {
        let offset = TRIES.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + (from.wrapping_add(offset)) % width;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port in {PORTS:?}")
}

/// The program of that name on `PATH`.
pub fn find(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| Missing(program.to_owned()).into())
}

/// Runs a program to its end; an error with its standard error when it fails.
pub fn run<S: AsRef<OsStr>>(program: &Path, args: impl IntoIterator<Item = S>) -> Result<Vec<u8>> {
    finish(Command::new(program).args(args))
}

pub(crate) fn finish(command: &mut Command) -> Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| name.clone())?;
    if !output.status.success() {
        bail!(
            "{name}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(output.stdout)
}

pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..)
        .unwrap_or_default()
        .join("\n")
}
