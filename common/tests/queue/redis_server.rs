//! A Redis of one test's own, on a socket in a directory of its own; it dies with the test.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use botflix_common::queue::{Queue, QueueConfig};

pub struct RedisServer {
    directory: tempfile::TempDir,
    child: Child,
}

impl RedisServer {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let child = spawn(directory.path().to_owned());
        let server = Self { directory, child };
        server.wait_until_it_answers();
        server
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    /// Short times, so that a test can outlive a lease.
    pub fn config(&self) -> QueueConfig {
        let mut config = QueueConfig::new(self.url());
        config.lease = Duration::from_millis(1_500);
        config.renew_every = Duration::from_millis(300);
        config.stall_limit = Duration::from_secs(20);
        config.command_timeout = Duration::from_millis(700);
        config.report_redelivery = Duration::from_millis(300);
        config
    }

    pub fn queue(&self) -> Queue {
        Queue::connect(self.config()).unwrap()
    }

    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn start_again(&mut self) {
        self.child = spawn(self.directory.path().to_owned());
        self.wait_until_it_answers();
    }

    /// `STOP` or `CONT`.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    fn wait_until_it_answers(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let client = redis::Client::open(self.url()).unwrap();
        loop {
            let answer = client
                .get_connection()
                .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
            match answer {
                Ok(_) => return,
                Err(error) => assert!(Instant::now() < deadline, "redis-server: {error}"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn spawn(directory: PathBuf) -> Child {
    Command::new("redis-server")
        .args(["--port", "0", "--unixsocket", "redis.sock", "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "everysec"])
        .args(["--maxmemory-policy", "noeviction"])
        .current_dir(directory)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server must be installed")
}

pub fn signal(pid: u32, name: &str) {
    let done = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status();
    assert!(done.unwrap().success());
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // A stopped process takes SIGKILL too. It may be dead already.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}
