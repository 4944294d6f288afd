//! A real farm in a test: real Redis, Postgres, S3 server, ffmpeg and real `botflix` processes, and the means to hurt them.
//!
//! Nothing of our own is mocked here, and no rule of the product lives here: what a test sees it sees through HTTP, as an agent would.
//! Everything that is started is ended by process id when its handle is dropped.

pub mod bench;
pub mod chaos;
pub mod client;
pub mod corpus;
pub mod deadline;
pub mod farm;
pub mod farm_bench;
pub mod film;
pub mod gpu_host;
pub mod material;
pub mod postgres;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod redis;
pub mod s3;
pub mod sse;
pub mod story;
pub mod up;
pub mod walls;

pub use self::client::{Client, Refused};
pub use self::farm::{DatabaseKind, Farm, FarmBuilder, StorageKind};
pub use self::gpu_host::GpuHost;
pub use self::postgres::Postgres;
pub use self::process::{Binary, Missing, Signal, Spawned, optional};
pub use self::prometheus::{Prometheus, promtool};
pub use self::proxy::{Proxy, Weather};
pub use self::redis::RedisServer;
pub use self::s3::S3Server;
pub use self::up::Up;
