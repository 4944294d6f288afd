//! The contract of the farm: what a director, the API and a worker say to each other.
//!
//! Everything here is pure data and pure functions, except the two adapters that both sides of the farm share and that sit behind
//! Cargo features: [`storage`] (object storage) and [`queue`] (Redis). The pure modules never import them.

pub mod brief;
pub mod build_record;
pub mod exposition;
pub mod facts;
pub mod fail_point;
pub mod failure;
pub mod film;
pub mod finding;
pub mod findings;
pub mod hash;
pub mod http;
pub mod id;
pub mod loudness;
pub mod manifest;
pub mod metrics;
pub mod plan;
pub mod problem;
pub mod report;
pub mod schema;
pub mod storage_key;
pub mod task;
pub mod units;
pub mod verdict;
pub mod worker;

#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
#[cfg(feature = "queue")]
pub mod queue;
#[cfg(feature = "storage")]
pub mod storage;
