//! The private `redis-server` of an embedded farm: on a unix socket, with an append-only file, ending with us.
//!
//! Speaks just enough of its protocol to see that it is there, and to send away one that a crashed run left behind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use botflix_common::hash::Sha;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::Instant;

use crate::exit::Fault;
use crate::process::Kept;

const PROGRAM: &str = "redis-server";
/// Loading the append-only file counts.
const READY_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one that was left behind may take to write its file and end.
const LEAVE_PATIENCE: Duration = Duration::from_secs(15);
/// `sockaddr_un` holds 108 bytes, the last of which is 0.
const SOCKET_PATH_LIMIT_BYTES: usize = 100;

pub struct PrivateRedis {
    kept: Kept,
    url: String,
}

impl PrivateRedis {
    pub async fn start(data: &Path) -> Result<Self, Fault> {
        let dir = data.join("redis");
        let failed =
            |error| Fault::permanent(format!("{} cannot be used", dir.display())).because(error);
        std::fs::create_dir_all(&dir).map_err(failed)?;
        let socket = socket_path(&dir)?;
        send_away(&socket).await?;
        let (at, place) = (socket.clone(), dir.clone());
        let kept = Kept::start(PROGRAM, move || command(&place, &at)).map_err(|error| {
            Fault::permanent(format!("{PROGRAM} could not be started"))
                .because(error)
                .hint("install it (on Debian: apt-get install redis-server)")
        })?;
        let url = super::file_url(&socket)?.replacen("file://", "unix://", 1);
        let redis = Self { kept, url };
        redis.wait_until_ready(&socket, &dir).await?;
        Ok(redis)
    }

    /// For the queue's settings.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn given_up(&self) {
        self.kept.given_up().await;
    }

    /// Blocks until it has written its file and is gone.
    pub fn stop(&mut self) {
        self.kept.stop();
    }

    async fn wait_until_ready(&self, socket: &Path, dir: &Path) -> Result<(), Fault> {
        let since = Instant::now();
        loop {
            if ask(socket, "PING")
                .await
                .is_some_and(|answer| answer.starts_with("+PONG"))
            {
                return Ok(());
            }
            let given_up = tokio::time::timeout(LOOK_EVERY, self.given_up())
                .await
                .is_ok();
            if given_up || since.elapsed() > READY_PATIENCE {
                let log = dir.join(LOG_NAME);
                return Err(Fault::permanent(format!("{PROGRAM} did not come up"))
                    .hint(format!("its log is {}", log.display())));
            }
        }
    }
}

const LOG_NAME: &str = "redis.log";

fn command(dir: &Path, socket: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args([
            "--port",
            "0",
            "--unixsocketperm",
            "600",
            "--daemonize",
            "no",
        ])
        .args([
            "--appendonly",
            "yes",
            "--appendfsync",
            "everysec",
            "--save",
            "",
        ])
        .args(["--maxmemory-policy", "noeviction"])
        .arg("--unixsocket")
        .arg(socket)
        .arg("--dir")
        .arg(dir)
        .arg("--logfile")
        .arg(dir.join(LOG_NAME))
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Beside the data; where that path is too long for a socket, in a directory of our own in the temporary one, always the same for the same data.
fn socket_path(dir: &Path) -> Result<PathBuf, Fault> {
    const NAME: &str = "redis.sock";
    let beside = dir.join(NAME);
    if beside.as_os_str().len() <= SOCKET_PATH_LIMIT_BYTES {
        return Ok(beside);
    }
    let hash = Sha::of(dir.as_os_str().as_encoded_bytes()).hex();
    let short: String = hash.chars().take(16).collect();
    let own = std::env::temp_dir().join(format!("botflix-{short}"));
    make_private(&own)
        .map(|()| own.join(NAME))
        .map_err(|error| {
            Fault::permanent(format!("{} cannot be used", own.display())).because(error)
        })
}

/// In a directory that everybody may write to, only one that is ours and closed to others will do.
fn make_private(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let found = std::fs::symlink_metadata(dir)?;
            let ours = found.is_dir()
                && found.uid() == rustix::process::getuid().as_raw()
                && found.mode() & 0o077 == 0;
            if ours { Ok(()) } else { Err(error) }
        }
        other => other,
    }
}

/// The lock on the data directory is ours, so a server that still answers there belongs to a run that was killed.
async fn send_away(socket: &Path) -> Result<(), Fault> {
    let since = Instant::now();
    let mut told = false;
    while ask(socket, "PING").await.is_some() {
        if !told {
            tracing::warn!("a redis-server of an earlier run is still there: it is told to end");
            told = true;
        }
        // It closes the connection instead of answering.
        ask(socket, "SHUTDOWN").await;
        if since.elapsed() > LEAVE_PATIENCE {
            return Err(Fault::retryable(format!(
                "a {PROGRAM} of an earlier run does not end: {}",
                socket.display()
            )));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// The answer to an inline command; `None` when nobody answers.
async fn ask(socket: &Path, command: &str) -> Option<String> {
    let asking = async {
        let mut stream = UnixStream::connect(socket).await.ok()?;
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .await
            .ok()?;
        let mut answer = [0; 128];
        let read = stream.read(&mut answer).await.ok()?;
        Some(String::from_utf8_lossy(answer.get(..read)?).into_owned())
    };
    tokio::time::timeout(ANSWER_TIMEOUT, asking)
        .await
        .ok()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_data_path_gets_a_short_socket_and_always_the_same() {
        let long = PathBuf::from("/").join("d".repeat(150));
        let socket = socket_path(&long).unwrap();
        assert!(socket.as_os_str().len() <= SOCKET_PATH_LIMIT_BYTES);
        assert_eq!(socket_path(&long).unwrap(), socket);
        std::fs::remove_dir(socket.parent().unwrap()).unwrap();
        assert_eq!(
            socket_path(Path::new("/data/redis")).unwrap(),
            Path::new("/data/redis/redis.sock")
        );
    }
}
