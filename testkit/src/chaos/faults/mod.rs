//! What can go wrong, and how it is made to: each fault is drawn from the seed with its target and its length, hurts real processes, servers and
//! wires, and takes back what it did.

mod database;
mod directors;
mod processes;
mod servers;
mod wires;

use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;

use super::load::Directors;
use super::stage::Stage;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Nothing: what the others are compared with.
    Nothing,
    WorkerKilled,
    FfmpegKilled,
    WorkerFrozen,
    WorkerTerminated,
    WorkersRolled,
    TwoVersions,
    WorkerDiskFull,
    ApiKilled,
    ApiKilledInUpload,
    ApiTerminated,
    ApisRolled,
    ApiFrozen,
    RedisFrozen,
    RedisFrozenForLong,
    RedisRestarted,
    RedisKilled,
    RedisLostEverything,
    RedisFlushed,
    RedisFull,
    WorkerOffRedis,
    WorkerOffStorage,
    ApiOffRedis,
    ApiOffDatabase,
    CablePulled,
    PostgresRestarted,
    PostgresFull,
    SqliteBusy,
    DatabaseDiskFull,
    StorageErrors,
    StorageStalls,
    StorageCutsShort,
    HundredSubmits,
    SlowUploads,
    CrashingClip,
    BallooningClip,
    HangingClip,
}

/// A fault that will happen.
#[derive(Clone, Debug)]
pub struct Drawn {
    pub kind: Kind,
    /// The process that is hurt, where it is one of several.
    pub target: String,
    pub lasts: Duration,
    /// Of whatever else it draws.
    pub seed: u64,
}

impl Kind {
    pub const ALL: [Self; 37] = [
        Self::Nothing,
        Self::WorkerKilled,
        Self::FfmpegKilled,
        Self::WorkerFrozen,
        Self::WorkerTerminated,
        Self::WorkersRolled,
        Self::TwoVersions,
        Self::WorkerDiskFull,
        Self::ApiKilled,
        Self::ApiKilledInUpload,
        Self::ApiTerminated,
        Self::ApisRolled,
        Self::ApiFrozen,
        Self::RedisFrozen,
        Self::RedisFrozenForLong,
        Self::RedisRestarted,
        Self::RedisKilled,
        Self::RedisLostEverything,
        Self::RedisFlushed,
        Self::RedisFull,
        Self::WorkerOffRedis,
        Self::WorkerOffStorage,
        Self::ApiOffRedis,
        Self::ApiOffDatabase,
        Self::CablePulled,
        Self::PostgresRestarted,
        Self::PostgresFull,
        Self::SqliteBusy,
        Self::DatabaseDiskFull,
        Self::StorageErrors,
        Self::StorageStalls,
        Self::StorageCutsShort,
        Self::HundredSubmits,
        Self::SlowUploads,
        Self::CrashingClip,
        Self::BallooningClip,
        Self::HangingClip,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing (for comparison)",
            Self::WorkerKilled => "worker: kill -9",
            Self::FfmpegKilled => "ffmpeg: kill -9",
            Self::WorkerFrozen => "worker: SIGSTOP beyond its lease, SIGCONT",
            Self::WorkerTerminated => "worker: SIGTERM under load",
            Self::WorkersRolled => "workers: rolling restart",
            Self::TwoVersions => "APIs of a newer payload, one worker of three with them",
            Self::WorkerDiskFull => "worker: scratch disk full",
            Self::ApiKilled => "API: kill -9",
            Self::ApiKilledInUpload => "API: kill -9 in mid upload",
            Self::ApiTerminated => "API: SIGTERM under load",
            Self::ApisRolled => "APIs: rolling restart",
            Self::ApiFrozen => "API: SIGSTOP beyond its lead, SIGCONT",
            Self::RedisFrozen => "Redis: frozen 0.5 to 5 s",
            Self::RedisFrozenForLong => "Redis: frozen 30 s",
            Self::RedisRestarted => "Redis: restarted with its file",
            Self::RedisKilled => "Redis: kill -9, restarted with its file",
            Self::RedisLostEverything => "Redis: kill -9, restarted without its file",
            Self::RedisFlushed => "Redis: FLUSHALL",
            Self::RedisFull => "Redis: maxmemory reached",
            Self::WorkerOffRedis => "wire worker-Redis: cut or dead",
            Self::WorkerOffStorage => "wire worker-storage: cut or dead",
            Self::ApiOffRedis => "wire API-Redis: cut or dead",
            Self::ApiOffDatabase => "wire API-Postgres: cut or dead",
            Self::CablePulled => "network namespace of a worker: cable pulled",
            Self::PostgresRestarted => "Postgres: immediate restart",
            Self::PostgresFull => "Postgres: all connections taken",
            Self::SqliteBusy => "SQLite: locked by another",
            Self::DatabaseDiskFull => "SQLite: disk full",
            Self::StorageErrors => "storage: 500 or 503 to everybody",
            Self::StorageStalls => "storage: stalls",
            Self::StorageCutsShort => "storage: bodies cut short",
            Self::HundredSubmits => "100 submits at once, one Idempotency-Key",
            Self::SlowUploads => "20 slow-loris uploads",
            Self::CrashingClip => "clip that crashes ffmpeg",
            Self::BallooningClip => "clip that has ffmpeg balloon",
            Self::HangingClip => "clip that hangs ffmpeg",
        }
    }

    /// Whether this farm, on this machine, can be hurt so.
    pub fn applies(self, stage: &Stage) -> bool {
        match self {
            Self::ApisRolled | Self::ApiFrozen => stage.apis.len() > 1,
            Self::WorkerDiskFull => stage.scratch_disk.is_some(),
            Self::CablePulled => stage.namespace.is_some(),
            Self::PostgresRestarted | Self::PostgresFull | Self::ApiOffDatabase => {
                stage.postgres.is_some()
            }
            Self::SqliteBusy => stage.postgres.is_none(),
            Self::DatabaseDiskFull => stage.database_disk.is_some(),
            Self::StorageErrors
            | Self::StorageStalls
            | Self::StorageCutsShort
            | Self::WorkerOffStorage => stage.s3.is_some(),
            _ => true,
        }
    }

    /// Target and length, from the seed alone.
    pub fn draw(self, stage: &Stage, rng: &mut Rng) -> Drawn {
        let pick = |names: &[String], rng: &mut Rng| rng.choice(names).cloned().unwrap_or_default();
        let target = match self {
            Self::WorkerKilled
            | Self::FfmpegKilled
            | Self::WorkerFrozen
            | Self::WorkerTerminated
            | Self::WorkerOffRedis
            | Self::WorkerOffStorage => pick(&stage.workers, rng),
            Self::WorkerDiskFull => stage.workers.first().cloned().unwrap_or_default(),
            Self::CablePulled => stage.workers.last().cloned().unwrap_or_default(),
            Self::ApiKilled
            | Self::ApiKilledInUpload
            | Self::ApiTerminated
            | Self::ApiFrozen
            | Self::ApiOffRedis
            | Self::ApiOffDatabase
            | Self::SlowUploads => pick(&stage.apis, rng),
            _ => String::new(),
        };
        let millis = match self {
            // Beyond the lease of 15 s.
            Self::WorkerFrozen => rng.u64(16_000..22_000),
            // Beyond the lead of 10 s.
            Self::ApiFrozen => rng.u64(11_000..16_000),
            Self::RedisFrozen => *rng.choice(&[500, 1_000, 5_000]).unwrap_or(&500),
            Self::RedisFrozenForLong => 30_000,
            Self::RedisFull | Self::SqliteBusy | Self::DatabaseDiskFull | Self::PostgresFull => {
                rng.u64(3_000..9_000)
            }
            Self::WorkerOffRedis | Self::CablePulled => rng.u64(4_000..20_000),
            Self::WorkerOffStorage | Self::ApiOffRedis | Self::ApiOffDatabase => {
                rng.u64(2_000..10_000)
            }
            Self::StorageErrors | Self::StorageStalls | Self::StorageCutsShort => {
                rng.u64(2_000..8_000)
            }
            Self::WorkerDiskFull => rng.u64(5_000..10_000),
            Self::TwoVersions => rng.u64(8_000..15_000),
            Self::SlowUploads => 8_000,
            _ => 0,
        };
        Drawn {
            kind: self,
            target,
            lasts: Duration::from_millis(millis),
            seed: rng.u64(..),
        }
    }
}

impl Drawn {
    /// What nobody else may hurt meanwhile.
    pub fn touches(&self, stage: &Stage) -> Vec<String> {
        let of = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        match self.kind {
            Kind::WorkersRolled => stage.workers.clone(),
            Kind::ApisRolled => stage.apis.clone(),
            Kind::TwoVersions => stage
                .apis
                .iter()
                .chain(stage.workers.last())
                .cloned()
                .collect(),
            // One API is left to lead.
            Kind::ApiFrozen | Kind::ApiOffRedis | Kind::ApiOffDatabase => stage.apis.clone(),
            Kind::RedisFrozen
            | Kind::RedisFrozenForLong
            | Kind::RedisRestarted
            | Kind::RedisKilled
            | Kind::RedisLostEverything
            | Kind::RedisFlushed
            | Kind::RedisFull => of(&["redis"]),
            Kind::PostgresRestarted
            | Kind::PostgresFull
            | Kind::SqliteBusy
            | Kind::DatabaseDiskFull => of(&["database"]),
            Kind::StorageErrors | Kind::StorageStalls | Kind::StorageCutsShort => of(&["storage"]),
            Kind::WorkerOffStorage => of(&["storage", &self.target]),
            _ if self.target.is_empty() => Vec::new(),
            _ => vec![self.target.clone()],
        }
    }

    /// Hurts, waits, and takes it back.
    pub async fn happen(&self, stage: &Stage, directors: &Directors) -> Result<()> {
        match self.kind {
            Kind::Nothing => Ok(()),
            Kind::WorkerKilled
            | Kind::FfmpegKilled
            | Kind::WorkerFrozen
            | Kind::WorkerTerminated
            | Kind::WorkersRolled
            | Kind::TwoVersions
            | Kind::WorkerDiskFull
            | Kind::ApiKilled
            | Kind::ApiTerminated
            | Kind::ApisRolled
            | Kind::ApiFrozen => processes::happen(self, stage).await,
            Kind::RedisFrozen
            | Kind::RedisFrozenForLong
            | Kind::RedisRestarted
            | Kind::RedisKilled
            | Kind::RedisLostEverything
            | Kind::RedisFlushed
            | Kind::RedisFull => servers::happen(self, stage).await,
            Kind::WorkerOffRedis
            | Kind::WorkerOffStorage
            | Kind::ApiOffRedis
            | Kind::ApiOffDatabase
            | Kind::CablePulled
            | Kind::StorageErrors
            | Kind::StorageStalls
            | Kind::StorageCutsShort => wires::happen(self, stage).await,
            Kind::PostgresRestarted
            | Kind::PostgresFull
            | Kind::SqliteBusy
            | Kind::DatabaseDiskFull => database::happen(self, stage).await,
            Kind::ApiKilledInUpload
            | Kind::HundredSubmits
            | Kind::SlowUploads
            | Kind::CrashingClip
            | Kind::BallooningClip
            | Kind::HangingClip => directors::happen(self, stage, directors).await,
        }
    }
}
