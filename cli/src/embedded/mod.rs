//! A whole farm in this process: API and worker, SQLite, a directory as object storage, and a private Redis as their queue. The same code as
//! a farm of many hosts, wired to what one machine has.

mod lock;
mod operator;
mod redis;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use botflix_api::farm::Retention;
use botflix_api::{ApiConfig, Server};
use botflix_common::queue::QueueConfig;
use botflix_common::storage::Storage;
use botflix_common::task::LaneKind;
use botflix_media::EngineConfig;
use botflix_worker::{Limits, Worker, WorkerConfig};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::commands::worker::{host_name, start_fault};
use crate::exit::{Exit, Fault};
use crate::settings::Secret;
use lock::DataLock;
use redis::PrivateRedis;

pub use operator::Arriving as ArrivingToken;

/// How long running tasks may take to finish at a stop. What is handed back goes on at the next start.
const GRACE: Duration = Duration::from_secs(3);

pub struct FarmSettings {
    pub data: PathBuf,
    pub listen: SocketAddr,
    /// Most tasks at once; absent: as many as there is room for; 0: no worker.
    pub slots: Option<usize>,
    pub public_url: Option<String>,
    /// Where there is none, one is made and written to a file of the data folder.
    pub operator_token: Option<Secret>,
    pub engine: EngineConfig,
    /// How long what nobody uses is kept.
    pub retention: Retention,
}

enum EmbeddedWorker {
    None,
    Running(Worker),
    /// An operator ended it; the rest of the farm goes on.
    Ending {
        ended: JoinHandle<()>,
        hurry: CancellationToken,
    },
}

/// Parts in the order in which they end.
pub struct EmbeddedFarm {
    worker: EmbeddedWorker,
    server: Server,
    redis: PrivateRedis,
    _lock: DataLock,
}

impl EmbeddedFarm {
    pub async fn start(settings: FarmSettings) -> Result<Self, Fault> {
        let data = make_data_dir(&settings.data)?;
        let lock = DataLock::take(&data)?;
        let redis = PrivateRedis::start(&data).await?;
        let storage_url = file_url(&data.join("storage"))?;
        let database = database_url(&data)?;
        let mut config = ApiConfig::new(database, redis.url(), &storage_url, settings.listen);
        config.public_url = settings.public_url.clone();
        config.farm.retention = settings.retention.clone();
        config.operator_token = settings
            .operator_token
            .as_ref()
            .map(|token| token.0.clone());
        let server = botflix_api::start(config).await.map_err(api_fault)?;
        if settings.operator_token.is_none() {
            operator::make_first_token(&server, &data).await?;
        }
        let worker = match settings.slots {
            Some(0) => EmbeddedWorker::None,
            _ => EmbeddedWorker::Running(
                start_worker(&settings, &data, redis.url(), &storage_url).await?,
            ),
        };
        if let EmbeddedWorker::Running(worker) = &worker {
            server.show_metrics_of(worker.registry().clone());
        }
        Ok(Self {
            worker,
            server,
            redis,
            _lock: lock,
        })
    }

    pub fn public_url(&self) -> String {
        self.server.public_url().to_owned()
    }

    /// Resolves when a part ended by itself.
    pub async fn failed(&self) -> Fault {
        let worker_ended = async {
            match &self.worker {
                EmbeddedWorker::Running(worker) => worker.ended().await,
                EmbeddedWorker::None | EmbeddedWorker::Ending { .. } => {
                    std::future::pending().await
                }
            }
        };
        tokio::select! {
            () = self.redis.given_up() => Fault::retryable("redis-server ended by itself"),
            () = worker_ended => Fault::retryable("the worker ended by itself"),
        }
    }

    /// Resolves when an operator wants the worker to end: [`EmbeddedFarm::end_worker`] does it.
    pub async fn worker_told_to_stop(&self) {
        match &self.worker {
            EmbeddedWorker::Running(worker) => {
                worker.told_to_stop().await;
            }
            EmbeddedWorker::None | EmbeddedWorker::Ending { .. } => std::future::pending().await,
        }
    }

    /// The worker ends as it was told to, aside; the API goes on without it.
    pub fn end_worker(&mut self) {
        match std::mem::replace(&mut self.worker, EmbeddedWorker::None) {
            EmbeddedWorker::Running(worker) => {
                let hurry = CancellationToken::new();
                let told = hurry.clone();
                let ended = tokio::spawn(async move {
                    worker.stop_as_ordered(told.cancelled()).await;
                });
                self.worker = EmbeddedWorker::Ending { ended, hurry };
            }
            other => self.worker = other,
        }
    }

    /// Worker, server, queue: each while what it needs is still there.
    pub async fn stop(mut self) {
        match std::mem::replace(&mut self.worker, EmbeddedWorker::None) {
            EmbeddedWorker::None => {}
            EmbeddedWorker::Running(worker) => worker.stop_gracefully(GRACE).await,
            EmbeddedWorker::Ending { ended, hurry } => {
                hurry.cancel();
                if let Err(error) = ended.await {
                    tracing::error!(%error, "the worker did not end cleanly");
                }
            }
        }
        self.server.stop().await;
        let mut redis = self.redis;
        if tokio::task::spawn_blocking(move || redis.stop())
            .await
            .is_err()
        {
            tracing::error!("redis-server was not stopped cleanly");
        }
    }
}

async fn start_worker(
    settings: &FarmSettings,
    data: &Path,
    redis: &str,
    storage_url: &str,
) -> Result<Worker, Fault> {
    let storage = Storage::open(storage_url)
        .map_err(|error| Fault::permanent("the storage cannot be used").because(error))?;
    let config = WorkerConfig {
        queue: QueueConfig::new(redis),
        storage,
        engine: settings.engine.clone(),
        // Joining first: it ends films that are nearly done.
        lanes: vec![LaneKind::Io, LaneKind::Gpu, LaneKind::Cpu],
        name: host_name(),
        slots: settings.slots,
        limits: Limits::default(),
        tags: Vec::new(),
        grace: GRACE,
        scratch_root: data.join("scratch"),
        clip_cache_bytes: 0,
        metrics_listen: None,
    };
    Worker::start(config).await.map_err(start_fault)
}

/// The SQLite database of a data folder.
pub fn database_url(data: &Path) -> Result<String, Fault> {
    Ok(file_url(&data.join("botflix.db"))?.replacen("file://", "sqlite://", 1))
}

/// A folder that `up` has used.
pub fn existing_data_dir(data: &Path) -> Result<PathBuf, Fault> {
    let unusable = || Fault::permanent(format!("{} is no data folder", data.display()));
    let data = data
        .canonicalize()
        .map_err(|error| unusable().because(error))?;
    if data.join("botflix.db").is_file() {
        Ok(data)
    } else {
        Err(unusable().hint("`botflix up --data DIR` makes one"))
    }
}

fn make_data_dir(data: &Path) -> Result<PathBuf, Fault> {
    std::fs::create_dir_all(data)
        .and_then(|()| data.canonicalize())
        .map_err(|error| {
            Fault::permanent(format!("{} cannot be used", data.display())).because(error)
        })
}

/// `file:///…`, with whatever a URL must escape.
pub fn file_url(path: &Path) -> Result<String, Fault> {
    Url::from_file_path(path)
        .map(String::from)
        .map_err(|()| Fault::permanent(format!("{} is not an absolute path", path.display())))
}

/// How many tasks this machine runs at once.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub fn api_fault(error: botflix_api::StartError) -> Fault {
    use botflix_api::StartError;
    let retryable = match &error {
        StartError::Storage(error) => error.is_retryable(),
        StartError::Queue(error) => error.is_retryable(),
        StartError::Database(_) => true,
        StartError::Config(_)
        | StartError::Listen { .. }
        | StartError::Farm(_)
        | StartError::Metrics(_) => false,
    };
    let exit = if retryable {
        Exit::TryAgain
    } else {
        Exit::Failed
    };
    Fault::of(exit, "the server cannot start").because(error)
}
