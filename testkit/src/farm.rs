//! A farm of real processes: `botflix api` and any number of `botflix worker`, over servers of the test's own.
//!
//! A test hurts a process by name and sees the rest through HTTP. When it fails, the logs of all processes are printed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::client::Client;
use crate::deadline;
use crate::postgres::Postgres;
use crate::process::{Binary, Spawned, free_port, tail};
use crate::redis::RedisServer;
use crate::s3::S3Server;

/// Longest start of the API, migrations included, on a busy machine.
const READY: Duration = Duration::from_secs(60);
/// Lines of each log that a failing test prints.
const LOG_LINES: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    Sqlite,
    Postgres,
    /// One of the farm's own that keeps what it commits: for figures.
    DurablePostgres,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageKind {
    Local,
    S3,
}

#[derive(Clone, Debug)]
pub struct FarmBuilder {
    binary: Binary,
    database: DatabaseKind,
    storage: StorageKind,
    workers: Vec<String>,
    worker_args: Vec<String>,
}

impl FarmBuilder {
    pub fn database(mut self, kind: DatabaseKind) -> Self {
        self.database = kind;
        self
    }

    pub fn storage(mut self, kind: StorageKind) -> Self {
        self.storage = kind;
        self
    }

    /// One worker for each name; by default there is one, `w1`.
    pub fn workers(mut self, names: &[&str]) -> Self {
        self.workers = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// More words on the command line of each worker.
    pub fn worker_args(mut self, words: &[&str]) -> Self {
        self.worker_args = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Returns when the API is ready. Workers may still be starting: what is queued waits for them.
    pub async fn start(self) -> Result<Farm> {
        let dir = tempfile::Builder::new().prefix("botflix-farm-").tempdir()?;
        let mut farm = Farm {
            api: None,
            workers: Vec::new(),
            worker_args: self.worker_args,
            redis: RedisServer::start()?,
            database_url: String::new(),
            storage_url: format!("file://{}", dir.path().join("storage").display()),
            postgres: None,
            s3: None,
            port: free_port()?,
            binary: self.binary,
            dir,
        };
        match self.database {
            DatabaseKind::Sqlite => {
                farm.database_url =
                    format!("sqlite://{}", farm.dir.path().join("farm.db").display())
            }
            DatabaseKind::Postgres => farm.keep_in(Postgres::start()?)?,
            DatabaseKind::DurablePostgres => farm.keep_in(Postgres::durable()?)?,
        }
        if self.storage == StorageKind::S3 {
            let s3 = S3Server::start()?;
            farm.storage_url = s3.url();
            farm.s3 = Some(s3);
        }
        farm.start_api().await?;
        for name in &self.workers {
            farm.start_worker(name)?;
        }
        Ok(farm)
    }
}

pub struct Farm {
    // Processes before servers before the folder: the order of dropping.
    api: Option<Spawned>,
    workers: Vec<Spawned>,
    worker_args: Vec<String>,
    pub redis: RedisServer,
    postgres: Option<Postgres>,
    s3: Option<S3Server>,
    database_url: String,
    storage_url: String,
    port: u16,
    binary: Binary,
    dir: TempDir,
}

impl Farm {
    /// What its operators show.
    pub const OPERATOR_TOKEN: &str = "the-operator-token-of-every-test-farm";

    pub fn builder(binary: Binary) -> FarmBuilder {
        let workers = vec!["w1".to_owned()];
        FarmBuilder {
            binary,
            database: DatabaseKind::Sqlite,
            storage: StorageKind::Local,
            workers,
            worker_args: Vec::new(),
        }
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn client(&self) -> Result<Client> {
        Client::new(&self.base())
    }

    /// A registered director.
    pub async fn director(&self) -> Result<Client> {
        self.client()?.register("Test Director").await
    }

    /// A folder of the test's own, gone with the farm.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    pub fn storage_url(&self) -> &str {
        &self.storage_url
    }

    pub fn postgres(&self) -> Option<&Postgres> {
        self.postgres.as_ref()
    }

    fn keep_in(&mut self, postgres: Postgres) -> Result<()> {
        self.database_url = postgres.create_database()?;
        self.postgres = Some(postgres);
        Ok(())
    }

    pub async fn start_api(&mut self) -> Result<()> {
        let mut command = self.command("api");
        command.env("BOTFLIX_OPERATOR_TOKEN", Self::OPERATOR_TOKEN);
        command.args([
            "--database",
            &self.database_url,
            "--redis",
            &self.redis.url(),
            "--storage",
            &self.storage_url,
        ]);
        command.args(["--listen", &format!("127.0.0.1:{}", self.port)]);
        let mut api = Spawned::start("api", &mut command, &self.dir.path().join("api.log"))?;
        let ready = format!("{}/readyz", self.base());
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()?;
        let answered = deadline::until("the API is ready", READY, async || {
            if let Some(status) = api.exited()? {
                return Ok(Some(Err(status)));
            }
            Ok(http
                .get(&ready)
                .send()
                .await?
                .status()
                .is_success()
                .then_some(Ok(())))
        })
        .await;
        let log = tail(&api.log(), LOG_LINES);
        answered
            .with_context(|| log.clone())?
            .map_err(|status| anyhow::anyhow!("api ended ({status}):\n{log}"))?;
        self.api = Some(api);
        Ok(())
    }

    pub fn start_worker(&mut self, name: &str) -> Result<()> {
        let mut command = self.command("worker");
        command.args([
            "--redis",
            &self.redis.url(),
            "--storage",
            &self.storage_url,
            "--name",
            name,
        ]);
        self.spawn_worker(name, command)
    }

    /// A worker that knows the API and a token, and nothing else.
    pub fn start_joining_worker(&mut self, name: &str, token: &str) -> Result<()> {
        let mut command = self.binary.command();
        command
            .args(["worker", "--join", &self.base(), "--name", name])
            .env("BOTFLIX_JOIN_TOKEN", token)
            .current_dir(self.dir.path());
        self.spawn_worker(name, command)
    }

    fn spawn_worker(&mut self, name: &str, mut command: Command) -> Result<()> {
        let scratch = self.scratch(name);
        std::fs::create_dir_all(&scratch)?;
        command.args(&self.worker_args).env("TMPDIR", &scratch);
        let log = self.dir.path().join(format!("{name}.log"));
        self.workers.push(Spawned::start(name, &mut command, &log)?);
        Ok(())
    }

    pub fn api(&mut self) -> Result<&mut Spawned> {
        self.api.as_mut().context("the API does not run")
    }

    /// The worker whose name a [`botflix_common::http::EventTask`] gives, or that was started with it.
    pub fn worker(&mut self, name: &str) -> Result<&mut Spawned> {
        let found = self
            .workers
            .iter_mut()
            .find(|worker| name.starts_with(worker.name()));
        found.with_context(|| format!("no worker {name}"))
    }

    /// The one that was started last.
    pub fn last_worker(&mut self) -> Result<&mut Spawned> {
        self.workers.last_mut().context("no worker was started")
    }

    /// SIGKILL, and a new process over the same database.
    pub async fn kill_and_restart_api(&mut self) -> Result<()> {
        self.api()?.kill()?;
        self.start_api().await
    }

    /// Where the worker of that name keeps its working files.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("scratch-{name}"))
    }

    /// Every file in local object storage, as paths below its root, sorted.
    pub fn objects(&self) -> Vec<String> {
        let root = self.dir.path().join("storage");
        let mut found = Vec::new();
        walk(&root, &mut |file| {
            if let Ok(path) = file.strip_prefix(&root) {
                found.push(path.display().to_string());
            }
        });
        found.sort();
        found
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = self.binary.command();
        command.arg(verb).current_dir(self.dir.path());
        for (name, value) in self.s3.iter().flat_map(S3Server::env) {
            command.env(name, value);
        }
        command
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for process in self.api.iter().chain(&self.workers) {
            eprintln!(
                "--- {} ---\n{}",
                process.name(),
                tail(&process.log(), LOG_LINES)
            );
        }
    }
}

fn walk(folder: &Path, see: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, see)
        } else {
            see(&path)
        }
    }
}
