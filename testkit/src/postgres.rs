//! A Postgres server of a test's own, shared by the tests of one process; each test takes a database of its own.
//!
//! No SQL of the product here: databases are made with Postgres' own programs, and benches ask for figures through `psql`.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::{Missing, Signal, Spawned, finish, free_port};

const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(20);
const USER: &str = "botflix";

/// A handle on the shared server; it ends with the last handle.
#[derive(Clone)]
pub struct Postgres(Arc<Server>);

struct Server {
    // Declared first, dropped first: the server must be gone before its folder.
    process: Mutex<Spawned>,
    home: Home,
    databases: AtomicU32,
}

/// What a server that fails may lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeping {
    /// Whatever it likes: a test's data is worth nothing.
    Nothing,
    /// Nothing that was committed, as Postgres comes; and it counts its statements.
    Commits,
}

/// Where a server lives and as whom it runs.
struct Home {
    keeping: Keeping,
    dir: TempDir,
    bin: PathBuf,
    /// User and group, when we are root: Postgres refuses to run as root.
    owner: Option<(u32, u32)>,
    port: u16,
}

impl Postgres {
    /// The server of this process: started by the first call, shared by later ones.
    pub fn start() -> Result<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Ok(Self(server));
        }
        let server = Server::start(Keeping::Nothing)?;
        *shared = Arc::downgrade(&server);
        Ok(Self(server))
    }

    /// A server of the caller's own with Postgres' own settings, so that commits cost what they cost; it counts statements
    /// (`pg_stat_statements`).
    pub fn durable() -> Result<Self> {
        Server::start(Keeping::Commits).map(Self)
    }

    /// What `psql` prints for a statement: rows as lines, columns separated by blanks.
    pub fn ask(&self, database_url: &str, statement: &str) -> Result<String> {
        let mut psql = self.0.home.command("psql");
        psql.args(["-X", "-A", "-t", "-F", " ", "-v", "ON_ERROR_STOP=1", "-d"]);
        let printed = finish(psql.arg(database_url).args(["-c", statement]))?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }

    /// Of the process that has started all others of the server.
    pub fn pid(&self) -> u32 {
        self.0.process().pid()
    }

    /// The URL of a new, empty database.
    pub fn create_database(&self) -> Result<String> {
        let name = format!("farm_{}", self.0.databases.fetch_add(1, Ordering::Relaxed));
        let port = self.port().to_string();
        finish(self.0.home.command("createdb").args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            USER,
            &name,
        ]))?;
        Ok(format!("postgres://{USER}@127.0.0.1:{port}/{name}"))
    }

    pub fn port(&self) -> u16 {
        self.0.home.port
    }

    /// An immediate shutdown, which cuts every connection like a crash, and a new start on the same port.
    pub fn crash_and_restart(&self) -> Result<()> {
        self.crash()?;
        self.restart()
    }

    /// An immediate shutdown: nobody answers until [`Postgres::restart`].
    pub fn crash(&self) -> Result<()> {
        let mut process = self.0.process();
        process.signal(Signal::Quit)?;
        process.wait(STOP).map(drop)
    }

    /// On the same port.
    pub fn restart(&self) -> Result<()> {
        *self.0.process() = self.0.home.serve()?;
        Ok(())
    }
}

impl Server {
    fn start(keeping: Keeping) -> Result<Arc<Self>> {
        let home = Home::make(keeping)?;
        Ok(Arc::new(Self {
            process: Mutex::new(home.serve()?),
            home,
            databases: AtomicU32::new(0),
        }))
    }

    fn process(&self) -> MutexGuard<'_, Spawned> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let process = self
            .process
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        // Immediate shutdown ends the backends too; a bare SIGKILL would leave them to notice.
        if let Err(error) = process
            .signal(Signal::Quit)
            .and_then(|()| process.wait(STOP))
        {
            eprintln!("postgres: {error:#}");
        }
    }
}

impl Home {
    fn make(keeping: Keeping) -> Result<Self> {
        let home = Self {
            keeping,
            dir: tempfile::Builder::new()
                .prefix("botflix-postgres-")
                .tempdir()?,
            bin: newest_bin()?,
            owner: owner()?,
            port: free_port()?,
        };
        if let Some((user, group)) = home.owner {
            std::os::unix::fs::chown(home.dir.path(), Some(user), Some(group))?;
        }
        let mut initdb = home.command("initdb");
        initdb.args([
            "--auth=trust",
            "--username",
            USER,
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        finish(initdb.arg("--pgdata").arg(home.data()))?;
        Ok(home)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn serve(&self) -> Result<Spawned> {
        let mut command = self.command("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        let settings: &[&str] = match self.keeping {
            Keeping::Nothing => &[
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
            ],
            Keeping::Commits => &["shared_preload_libraries=pg_stat_statements"],
        };
        for setting in ["unix_socket_directories="].iter().chain(settings) {
            command.args(["-c", setting]);
        }
        let mut process = Spawned::start(
            "postgres",
            &mut command,
            &self.dir.path().join("postgres.log"),
        )?;
        let (ready, port) = (self.bin.join("pg_isready"), self.port.to_string());
        process.until_ready(START, |_| {
            finish(Command::new(&ready).args(["-q", "-h", "127.0.0.1", "-p", &port])).is_ok()
        })?;
        Ok(process)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        // The caller's folder may be closed to the server's user.
        command.current_dir(self.dir.path());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }
}

/// Debian keeps the server programs of each version in a folder of its own, off the `PATH`.
fn newest_bin() -> Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    versions
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<u32>().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .max()
        .map(|(_, bin)| bin)
        .ok_or_else(|| Missing("postgresql".to_owned()).into())
}

/// User and group `postgres` when we are root, else nobody but us.
fn owner() -> Result<Option<(u32, u32)>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let mut fields = line
        .ok_or_else(|| Missing("postgresql".to_owned()))?
        .split(':')
        .skip(2);
    let mut id = || fields.next().and_then(|field| field.parse().ok());
    Ok(Some((id().context("uid")?, id().context("gid")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_share_one_server_and_get_databases_of_their_own() {
        let Some(one) = crate::optional(Postgres::start()) else {
            return;
        };
        let two = Postgres::start().unwrap();
        assert_eq!(one.port(), two.port());
        assert_ne!(
            one.create_database().unwrap(),
            two.create_database().unwrap()
        );
        one.crash_and_restart().unwrap();
        two.create_database().unwrap();
    }
}
