//! `botflix up`: the whole farm in one process, as a person on a laptop starts it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::client::Client;
use crate::process::{Binary, Spawned, free_port, tail};

const READY: Duration = Duration::from_secs(60);
/// What the program prints when it serves; the rest of the line is its address.
pub const READY_LINE: &str = "BotFlix is ready at ";

pub struct Up {
    pub process: Spawned,
    base: String,
    dir: TempDir,
}

impl Up {
    pub fn start(binary: &Binary) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("botflix-up-").tempdir()?;
        let (process, base) = serve(binary, dir.path())?;
        Ok(Self { process, base, dir })
    }

    /// Stops it with SIGTERM where it runs, and starts it over the same data.
    pub fn restart(&mut self, binary: &Binary, grace: Duration) -> Result<()> {
        self.process.terminate(grace)?;
        (self.process, self.base) = serve(binary, self.dir.path())?;
        Ok(())
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn client(&self) -> Result<Client> {
        Client::new(&self.base)
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Process ids of the children it has at this moment, with their names.
    pub fn children(&self) -> Vec<(u32, String)> {
        children(self.process.pid())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- up ---\n{}", tail(&self.process.log(), 80));
        }
        // A clean stop first: SIGKILL would leave its redis-server behind.
        if let Err(error) = self.process.terminate(Duration::from_secs(30)) {
            eprintln!("up: {error:#}");
        }
    }
}

fn serve(binary: &Binary, dir: &Path) -> Result<(Spawned, String)> {
    let listen = format!("127.0.0.1:{}", free_port()?);
    let mut command = binary.command();
    command
        .arg("up")
        .arg("--data")
        .arg(dir.join("data"))
        .args(["--listen", &listen]);
    // A log of its own for each start, so that an old ready line is not taken for a new one.
    let log = dir.join(format!("up-{listen}.log"));
    let mut process = Spawned::start("up", &mut command, &log)?;
    process.until_ready(READY, |up| up.log().contains(READY_LINE))?;
    let printed = process.log();
    let rest = printed.split_once(READY_LINE).context("ready line")?.1;
    let base = rest
        .split_whitespace()
        .next()
        .context("address")?
        .to_owned();
    Ok((process, base))
}

/// From `/proc`: whoever names `parent` as its parent.
pub fn children(parent: u32) -> Vec<(u32, String)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // `pid (name) state parent …`; a name may hold blanks and parentheses.
        let (head, rest) = stat.rsplit_once(')')?;
        let name = head.split_once('(')?.1;
        let its_parent = rest.split_whitespace().nth(1)?.parse::<u32>().ok()?;
        (its_parent == parent).then(|| (pid, name.to_owned()))
    })
    .collect()
}
