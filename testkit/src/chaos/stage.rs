//! The farm that is hurt: API processes and workers, each behind wires of its own to Redis and storage, and the servers behind them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use botflix_common::http::{HousekeepingBody, Leftover, LeftoverBody, Page};
use tempfile::TempDir;
use url::form_urlencoded::byte_serialize;

use super::host::{Namespace, SmallDisk};
use super::ledger::Ledger;
use super::process::{Processes, Recipe, Supervisor};
use crate::client::{Client, ok};
use crate::farm::DatabaseKind;
use crate::postgres::Postgres;
use crate::process::{Binary, free_port};
use crate::proxy::{Proxy, Weather};
use crate::redis::RedisServer;
use crate::s3::S3Server;

/// Longest start of an API, migrations included, on a busy machine.
const ASK_EVERY: Duration = Duration::from_millis(100);
const READY: Duration = Duration::from_secs(90);
/// Scratch of the worker whose disk is filled: more than the gigabyte below which a worker takes no task.
const SCRATCH_MIB: u32 = 1200;
/// The disk that the SQLite database has.
const DATABASE_MIB: u32 = 64;
/// Older than anything is kept for that nobody refers to.
const LONG_AGO: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Rounds of putting away, of which each takes up to 10,000 things of a kind.
const ROUNDS: u32 = 20;
const OPERATOR_TOKEN: &str = "the-operator-token-of-every-test-farm";

/// How the farm is set up.
#[derive(Clone, Debug)]
pub struct Plan {
    pub binary: Binary,
    pub database: DatabaseKind,
    pub apis: usize,
    pub workers: usize,
    /// Tasks that each worker runs at once.
    pub slots: usize,
    /// Whether the last worker has a network and the first a disk of its own, where the machine allows it.
    pub hurts_host: bool,
    /// In the environment of every process.
    pub env: Vec<(String, String)>,
}

/// The wires of one process.
pub struct Wires {
    pub process: String,
    pub redis: Proxy,
    /// Absent where storage is a directory.
    pub storage: Option<Proxy>,
    /// Of an API, to Postgres.
    pub database: Option<Proxy>,
}

pub struct Stage {
    // Processes before servers before folders: the order of dropping.
    _supervisor: Supervisor,
    pub processes: Processes,
    pub wires: Vec<Wires>,
    pub redis: Mutex<RedisServer>,
    pub postgres: Option<Postgres>,
    pub s3: Option<S3Server>,
    pub ledger: Ledger,
    pub apis: Vec<String>,
    pub workers: Vec<String>,
    pub bases: Vec<String>,
    /// The last worker's, where the machine allows one.
    pub namespace: Option<Namespace>,
    /// The first worker's scratch.
    pub scratch_disk: Option<SmallDisk>,
    pub database_disk: Option<SmallDisk>,
    dir: TempDir,
}

impl Stage {
    pub async fn set(plan: &Plan) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("botflix-chaos-")
            .tempdir()?;
        let redis = RedisServer::start()?;
        let (postgres, database_disk, database_url) = database(plan, dir.path())?;
        let s3 = match plan.database {
            DatabaseKind::Postgres | DatabaseKind::DurablePostgres => Some(S3Server::start()?),
            DatabaseKind::Sqlite => None,
        };
        let namespace = plan
            .hurts_host
            .then(|| Namespace::make(std::process::id()))
            .flatten();
        let scratch = dir.path().join("scratch-w1");
        let scratch_disk = plan
            .hurts_host
            .then(|| SmallDisk::mount(&scratch, SCRATCH_MIB))
            .flatten();
        let mut stage = Setting {
            plan,
            dir: dir.path(),
            redis: &redis,
            s3: s3.as_ref(),
            postgres: postgres.as_ref(),
            database_url: &database_url,
            namespace: namespace.as_ref(),
            wires: Vec::new(),
            recipes: Vec::new(),
        };
        let (apis, bases) = stage.apis().await?;
        let workers = stage.workers().await?;
        let (wires, recipes) = (stage.wires, stage.recipes);
        let (processes, supervisor) = Processes::start(recipes)?;
        let stage = Self {
            _supervisor: supervisor,
            processes,
            wires,
            redis: Mutex::new(redis),
            postgres,
            s3,
            ledger: Ledger::open(&database_url)?,
            apis,
            workers,
            bases,
            namespace,
            scratch_disk,
            database_disk,
            dir,
        };
        for (api, base) in stage.apis.iter().zip(&stage.bases) {
            let ready = stage.ready(base).await;
            ready.with_context(|| crate::process::tail(&stage.processes.log(api), 40))?;
        }
        Ok(stage)
    }

    /// Waits until an API answers that it and all behind it are there.
    pub async fn ready(&self, base: &str) -> Result<()> {
        let client = Client::new(base)?;
        let asking = async {
            loop {
                let asked = client.request(reqwest::Method::GET, "/readyz").send().await;
                if asked.is_ok_and(|answer| answer.status().is_success()) {
                    return;
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        let asked = tokio::time::timeout(READY, asking).await;
        asked.with_context(|| format!("{base} is not ready after {READY:?}"))
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn wires(&self, process: &str) -> Result<&Wires> {
        let found = self.wires.iter().find(|wires| wires.process == process);
        found.with_context(|| format!("no wires of {process}"))
    }

    /// Of all processes at once.
    pub fn set_storage_weather(&self, weather: Weather) {
        for storage in self.wires.iter().filter_map(|wires| wires.storage.as_ref()) {
            storage.set(weather);
        }
    }

    /// Every object in storage, with its length.
    pub async fn objects(&self) -> Result<Vec<(String, u64)>> {
        match &self.s3 {
            Some(s3) => s3.objects().await,
            None => Ok(files(&self.dir().join("storage"))),
        }
    }

    /// Where a worker keeps its working files.
    pub fn scratch(&self, worker: &str) -> PathBuf {
        self.dir().join(format!("scratch-{worker}"))
    }

    /// What the farm itself takes for left over, whatever its age.
    pub async fn leftovers(&self) -> Result<Vec<LeftoverBody>> {
        let operator = self.operator()?;
        let (mut found, mut from) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/housekeeping?age_seconds=0&limit=100{from}");
            let asking = operator.request(reqwest::Method::GET, &path).send();
            let page: Page<LeftoverBody> = ok(asking.await?).await?.json().await?;
            found.extend(page.data);
            match page.next_cursor {
                Some(next) => {
                    let next: String = byte_serialize(next.as_bytes()).collect();
                    from = format!("&cursor={next}");
                }
                None => return Ok(found),
            }
        }
    }

    /// Has the farm put away what it takes for left over in storage, each thing as if it had lain there for a year. `false`: nothing was
    /// done, because S3 itself says how old a thing is.
    pub async fn put_away(&self, left_over: &[LeftoverBody]) -> Result<bool> {
        if self.s3.is_some() {
            return Ok(false);
        }
        let long_ago = SystemTime::now() - LONG_AGO;
        for one in left_over.iter().filter(|one| lies_in_storage(one.what)) {
            let file = self.dir().join("storage").join(&one.name);
            std::fs::File::open(&file)
                .and_then(|file| file.set_modified(long_ago))
                .with_context(|| file.display().to_string())?;
        }
        let operator = self.operator()?;
        for _ in 0..ROUNDS {
            let asking = operator.request(reqwest::Method::POST, "/api/v1/housekeeping");
            let done: HousekeepingBody = ok(asking.send().await?).await?.json().await?;
            if !done.more {
                return Ok(true);
            }
        }
        bail!("after {ROUNDS} rounds there is still more to put away")
    }

    fn operator(&self) -> Result<Client> {
        let base = self.bases.first().context("no API")?;
        Ok(Client::new(base)?.with_key(OPERATOR_TOKEN))
    }
}

/// Of what is left over, an object or a file that is being written; all else is rows of SQL.
pub fn lies_in_storage(what: Leftover) -> bool {
    match what {
        Leftover::Incoming | Leftover::Input | Leftover::Blob | Leftover::Record => true,
        Leftover::Result | Leftover::IdempotencyKey | Leftover::Events => false,
    }
}

fn database(plan: &Plan, dir: &Path) -> Result<(Option<Postgres>, Option<SmallDisk>, String)> {
    match plan.database {
        DatabaseKind::Postgres | DatabaseKind::DurablePostgres => {
            let postgres = Postgres::durable()?;
            let url = postgres.create_database()?;
            Ok((Some(postgres), None, url))
        }
        DatabaseKind::Sqlite => {
            let folder = dir.join("database");
            let disk = plan
                .hurts_host
                .then(|| SmallDisk::mount(&folder, DATABASE_MIB))
                .flatten();
            std::fs::create_dir_all(&folder)?;
            let url = format!("sqlite://{}", folder.join("farm.db").display());
            Ok((None, disk, url))
        }
    }
}

/// What the recipes are written from.
struct Setting<'a> {
    plan: &'a Plan,
    dir: &'a Path,
    redis: &'a RedisServer,
    s3: Option<&'a S3Server>,
    postgres: Option<&'a Postgres>,
    database_url: &'a str,
    namespace: Option<&'a Namespace>,
    wires: Vec<Wires>,
    recipes: Vec<Recipe>,
}

impl Setting<'_> {
    async fn apis(&mut self) -> Result<(Vec<String>, Vec<String>)> {
        let (mut names, mut bases) = (Vec::new(), Vec::new());
        for number in 1..=self.plan.apis {
            let name = format!("api-{number}");
            let listen = format!("127.0.0.1:{}", free_port()?);
            let (wired, mut env) = self.wire(&name, Ipv4Addr::LOCALHOST).await?;
            let database_url = self.wire_database().await?;
            env.push((
                "BOTFLIX_OPERATOR_TOKEN".to_owned(),
                OPERATOR_TOKEN.to_owned(),
            ));
            let mut args = words(&["--log", "info", "api", "--listen", &listen]);
            args.extend(words(&["--database", &database_url]));
            args.extend(wired);
            self.recipe(name.clone(), self.plan.binary.path().to_owned(), args, env);
            bases.push(format!("http://{listen}"));
            names.push(name);
        }
        Ok((names, bases))
    }

    async fn workers(&mut self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let slots = self.plan.slots.to_string();
        for number in 1..=self.plan.workers {
            let name = format!("w{number}");
            let scratch = self.dir.join(format!("scratch-{name}"));
            std::fs::create_dir_all(&scratch)?;
            let far = self.namespace.filter(|_| number == self.plan.workers);
            let on = far.map_or(Ipv4Addr::LOCALHOST, Namespace::host);
            let (wired, env) = self.wire(&name, on).await?;
            let mut args = words(&[
                "--log", "info", "worker", "--name", &name, "--slots", &slots,
            ]);
            args.extend(words(&[
                "--grace",
                "20",
                "--scratch",
                &scratch.display().to_string(),
            ]));
            args.extend(wired);
            let binary = self.plan.binary.path();
            let (program, args) = match far {
                Some(namespace) => namespace.inside(binary, args),
                None => (binary.to_owned(), args),
            };
            self.recipe(name.clone(), program, args, env);
            names.push(name);
        }
        Ok(names)
    }

    /// Wires of its own, and the words that tell it of them.
    async fn wire(
        &mut self,
        name: &str,
        on: Ipv4Addr,
    ) -> Result<(Vec<String>, Vec<(String, String)>)> {
        let redis = Proxy::start_at(on, local(self.redis.port())).await?;
        let mut args = words(&["--redis", &format!("redis://{}/", redis.address())]);
        let mut env = Vec::new();
        let storage = match self.s3 {
            Some(s3) => {
                let proxy = Proxy::start_at(on, local(s3.port())).await?;
                let endpoint = format!("http://{}", proxy.address());
                let given = s3.env().into_iter().map(|(name, value)| {
                    let is_endpoint = name.starts_with("AWS_ENDPOINT");
                    (
                        name.to_owned(),
                        if is_endpoint { endpoint.clone() } else { value },
                    )
                });
                env.extend(given);
                args.extend(words(&["--storage", &s3.url()]));
                Some(proxy)
            }
            None => {
                let url = format!("file://{}", self.dir.join("storage").display());
                args.extend(words(&["--storage", &url]));
                None
            }
        };
        self.wires.push(Wires {
            process: name.to_owned(),
            redis,
            storage,
            database: None,
        });
        Ok((args, env))
    }

    /// For the process that was wired last.
    async fn wire_database(&mut self) -> Result<String> {
        let Some(postgres) = self.postgres else {
            return Ok(self.database_url.to_owned());
        };
        let proxy = Proxy::start(local(postgres.port())).await?;
        let (direct, wired) = (
            format!(":{}/", postgres.port()),
            format!(":{}/", proxy.address().port()),
        );
        let url = self.database_url.replace(&direct, &wired);
        if let Some(wires) = self.wires.last_mut() {
            wires.database = Some(proxy);
        }
        Ok(url)
    }

    fn recipe(
        &mut self,
        name: String,
        program: PathBuf,
        args: Vec<String>,
        mut env: Vec<(String, String)>,
    ) {
        env.extend(self.plan.env.iter().cloned());
        self.recipes.push(Recipe {
            name,
            program,
            args,
            env,
            dir: self.dir.to_owned(),
        });
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Every file below a folder, as paths relative to it, with its length.
pub fn files(root: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(key) = path.strip_prefix(root) {
                let length = entry.metadata().map_or(0, |data| data.len());
                found.push((key.display().to_string(), length));
            }
        }
    }
    found
}
