//! A running API server: what `botflix api` and `botflix up` start and stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use botflix_common::queue::{Queue, QueueError};
use botflix_common::storage::{Storage, StorageError};
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bodies::Links;
use super::listener::{self, Patience};
use super::{App, AppState, Limits, health, routes, worker_metrics};
use crate::config::ApiConfig;
use crate::db::{Database, DbError};
use crate::farm::{Farm, FarmError};
use crate::metrics::Metrics;
use crate::operator::OperatorAccess;

/// How long requests under way may take to end once the server stops.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Config(String),
    #[error("the database cannot be used")]
    Database(#[from] DbError),
    #[error("object storage cannot be used")]
    Storage(#[from] StorageError),
    #[error("Redis cannot be used")]
    Queue(#[from] QueueError),
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("the farm cannot be started")]
    Farm(#[from] FarmError),
    #[error("metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
}

/// A server that is listening. Dropped without [`Server::stop`], its tasks go on until the runtime ends.
pub struct Server {
    local_addr: SocketAddr,
    app: AppState,
    serving: JoinHandle<()>,
}

/// Connects to the parts, starts the farm's loops, and listens. The parts need not be there except the database, which is migrated first.
pub async fn start(config: ApiConfig) -> Result<Server, StartError> {
    let operators =
        OperatorAccess::of(config.operator_token.as_deref()).map_err(StartError::Config)?;
    let storage = Storage::open_with(&config.storage, config.storage_options.clone())?;
    let queue = Queue::connect(config.queue())?;
    let db = Database::connect(&config.database).await?;
    let listen_error = |source| StartError::Listen {
        address: config.listen,
        source,
    };
    let socket = TcpListener::bind(config.listen)
        .await
        .map_err(listen_error)?;
    let local_addr = socket.local_addr().map_err(listen_error)?;
    let public_url = config.public_url(local_addr).map_err(StartError::Config)?;

    let registry = Registry::new();
    let farm = Farm::start(
        db.clone(),
        queue.clone(),
        storage.clone(),
        config.farm.clone(),
        &registry,
    )
    .await?;
    let app = Arc::new(App {
        db,
        farm,
        queue,
        storage,
        metrics: Metrics::new(registry)?,
        links: Links::new(&public_url),
        limits: Limits {
            max_clip_bytes: config.max_clip_bytes,
            upload_idle: config.upload_idle,
        },
        operators,
        for_workers: config.joined(),
        stopping: CancellationToken::new(),
        tasks: TaskTracker::new(),
        health: health::Health::default(),
        relay: worker_metrics::Relay::default(),
    });
    let router = routes::router(Arc::clone(&app));
    let serving = tokio::spawn(listener::serve(
        socket,
        router,
        Patience::default(),
        app.stopping.clone(),
    ));
    tracing::info!(%local_addr, public_url, "serving");
    Ok(Server {
        local_addr,
        app,
        serving,
    })
}

impl Server {
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The origin of all links, without a slash at the end.
    pub fn public_url(&self) -> &str {
        self.app.links.public_url()
    }

    /// Shows what another part of this process counts on `/metrics`, too.
    pub fn show_metrics_of(&self, registry: Registry) {
        self.app.metrics.show_beside(registry);
    }

    pub fn app(&self) -> &AppState {
        &self.app
    }

    /// Takes no more connections, lets what is under way end for up to ten seconds, then stops the farm's loops and closes the database.
    pub async fn stop(mut self) {
        self.app.stopping.cancel();
        self.app.tasks.close();
        let ended = async {
            let served = (&mut self.serving).await;
            self.app.tasks.wait().await;
            served
        };
        match tokio::time::timeout(STOP_GRACE, ended).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "serving ended badly"),
            Err(_) => {
                tracing::warn!("requests were still under way and are cut");
                self.serving.abort();
            }
        }
        self.app.farm.stop().await;
        self.app.db.close().await;
    }
}
