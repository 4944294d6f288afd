//! Runs tasks: lease, fetch, media, verify, upload, report.
//!
//! A worker needs Redis and object storage and nothing else. This crate knows no SQL, and of HTTP only the small listener for health and
//! metrics. [`runner`] is the one task runner; [`node`] feeds it from the queue, [`local`] from a plan in this process.

mod attempt;
pub mod clip_cache;
pub mod error;
mod failure;
mod hand_back;
mod host;
mod limits;
mod listener;
pub mod local;
mod metrics;
pub mod node;
mod presence;
mod probation;
pub mod runner;
pub mod scratch;
pub mod selftest;
mod standing;
pub mod tasks;

pub use error::StartError;
pub use limits::{DEFAULT_GPU_SESSIONS, Limits};
pub use node::{Worker, WorkerConfig};
pub use presence::StopOrder;
pub use runner::{Ran, RunnerConfig, TaskRunner};
