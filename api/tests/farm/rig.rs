//! What every test stands on: a Redis, a database, a folder as object storage, and farms as quick as tests want them.

use std::time::Duration;

use botflix_api::clock;
use botflix_api::db::directors::DirectorRow;
use botflix_api::db::{Database, directors};
use botflix_api::farm::{Farm, FarmConfig};
use botflix_common::id::DirectorId;
use botflix_common::queue::{Queue, QueueConfig};
use botflix_common::storage::Storage;
use botflix_testkit::{Postgres, RedisServer};
use tempfile::TempDir;

pub const LIMIT: Duration = Duration::from_secs(60);

/// The servers of one test. They end with it.
pub struct Base {
    pub redis: RedisServer,
    pub database_url: String,
    dir: TempDir,
}

impl Base {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            database_url: format!("sqlite://{}", dir.path().join("farm.db").display()),
            redis: RedisServer::start().unwrap(),
            dir,
        }
    }

    pub fn postgres(server: &Postgres) -> Self {
        Self {
            database_url: server.create_database().unwrap(),
            redis: RedisServer::start().unwrap(),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn queue(&self) -> Queue {
        let mut config = QueueConfig::new(self.redis.url());
        config.renew_every = Duration::from_millis(300);
        config.lease = Duration::from_secs(1);
        config.command_timeout = Duration::from_millis(900);
        config.report_redelivery = Duration::from_secs(2);
        Queue::connect(config).unwrap()
    }

    pub fn storage(&self) -> Storage {
        let blobs = self.dir.path().join("storage");
        std::fs::create_dir_all(&blobs).unwrap();
        Storage::open(&format!("file://{}", blobs.display())).unwrap()
    }

    pub async fn database(&self) -> Database {
        Database::connect(&self.database_url).await.unwrap()
    }

    /// A farm process more.
    pub async fn farm(&self, config: FarmConfig) -> Farm {
        let registry = prometheus::Registry::new();
        Farm::start(
            self.database().await,
            self.queue(),
            self.storage(),
            config,
            &registry,
        )
        .await
        .unwrap()
    }

    pub async fn rig(self) -> Rig {
        self.rig_with(quick()).await
    }

    pub async fn rig_with(self, config: FarmConfig) -> Rig {
        let farm = self.farm(config).await;
        let director = director(farm.database()).await;
        Rig {
            base: self,
            farm,
            director,
        }
    }
}

/// A farm that does everything some ten times as often as the real one.
pub fn quick() -> FarmConfig {
    let mut config = FarmConfig::default();
    config.dispatch_every = Duration::from_millis(100);
    config.reconcile_every = Duration::from_millis(100);
    config.lead_lease = Duration::from_secs(1);
    config.lead_renewed_every = Duration::from_millis(200);
    // A scripted worker holds no lease: what it has taken is not in Redis, and must not be missed while the machine is busy.
    config.settled_after = Duration::from_secs(5);
    config.absent_for = Duration::from_millis(500);
    config.first_backoff = Duration::from_millis(20);
    config.longest_backoff = Duration::from_millis(100);
    config.progress_every = Duration::from_millis(10);
    config
}

/// The same, and quick to miss what is not in Redis.
pub fn suspicious() -> FarmConfig {
    let mut config = quick();
    config.settled_after = Duration::from_millis(500);
    config.absent_for = Duration::from_millis(300);
    config
}

/// A new director.
pub async fn director(db: &Database) -> DirectorId {
    let row = DirectorRow {
        id: DirectorId::fresh(),
        name: "Ida".to_owned(),
        description: String::new(),
        owner_email: None,
        profile: Default::default(),
        created_at_ms: clock::now_ms(),
    };
    let mut tx = db.write().await.unwrap();
    directors::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    row.id
}

/// One running farm with one director.
pub struct Rig {
    pub base: Base,
    pub farm: Farm,
    pub director: DirectorId,
}
