//! A Redis server of a test's own: append-only file in a temporary folder, so that stopping and starting it keeps its data.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::{Signal, Spawned, find, free_port};

const START: Duration = Duration::from_secs(10);
const STOP: Duration = Duration::from_secs(20);

pub struct RedisServer {
    // Dropped first: the server must be gone before its folder.
    server: Option<Spawned>,
    dir: TempDir,
    program: PathBuf,
    port: u16,
}

impl RedisServer {
    pub fn start() -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("botflix-redis-")
            .tempdir()?;
        let mut redis = Self {
            server: None,
            dir,
            program: find("redis-server")?,
            port: free_port()?,
        };
        redis.restart()?;
        Ok(redis)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Spawned::pid)
    }

    /// SIGTERM: what was written is on disk.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.terminate(STOP)?;
        }
        Ok(())
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.server
            .take()
            .map_or(Ok(()), |mut server| server.kill())
    }

    /// Stops it where it runs and starts it again on the same port with the same data.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        let mut command = Command::new(&self.program);
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args([
                "--appendonly",
                "yes",
                "--appendfsync",
                "everysec",
                "--save",
                "",
            ])
            .args([
                "--maxmemory-policy",
                "noeviction",
                "--protected-mode",
                "yes",
            ])
            .arg("--dir")
            .arg(self.dir.path());
        let mut server = Spawned::start(
            "redis-server",
            &mut command,
            &self.dir.path().join("redis.log"),
        )?;
        let port = self.port;
        server.until_ready(START, |_| ping(port))?;
        self.server = Some(server);
        Ok(())
    }

    /// SIGKILL, and a new start without anything of before: a server whose disk is gone.
    pub fn lose_everything(&mut self) -> Result<()> {
        self.kill()?;
        std::fs::remove_dir_all(self.dir.path().join("appendonlydir"))?;
        self.restart()
    }

    /// The process stands still (SIGSTOP) as in a stall, until [`RedisServer::thaw`].
    pub fn freeze(&self) -> Result<()> {
        Signal::Stop.send(self.pid().context("redis-server does not run")?)
    }

    pub fn thaw(&self) -> Result<()> {
        Signal::Continue.send(self.pid().context("redis-server does not run")?)
    }
}

/// Whether it answers, and with its data loaded.
fn ping(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let mut answer = [0; 7];
    stream
        .set_read_timeout(Some(Duration::from_secs(1)))
        .is_ok()
        && stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && &answer == b"+PONG\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::Commands;

    #[test]
    fn a_restarted_server_keeps_its_data() {
        let mut server = RedisServer::start().unwrap();
        let first = server.pid();
        let client = redis::Client::open(server.url()).unwrap();
        client
            .get_connection()
            .unwrap()
            .set::<_, _, ()>("shot", 12)
            .unwrap();
        server.restart().unwrap();
        assert_ne!(server.pid(), first);
        let kept: u32 = client.get_connection().unwrap().get("shot").unwrap();
        assert_eq!(kept, 12);
        server.kill().unwrap();
        assert!(client.get_connection().is_err());
    }
}
