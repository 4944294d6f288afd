//! Real processes: an API, workers, Redis, a database and object storage, driven through the public HTTP API and hurt by process id.
//!
//! What is true here is what an agent sees. Nothing of the product is linked in but its contract (`botflix-common`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bench;
mod episode;
mod faults;
mod input;
mod laptop;
mod log;
mod report;
mod top;
mod upload;
mod watch;
mod workers;

use botflix_testkit::Binary;

fn binary() -> Binary {
    Binary::at(env!("CARGO_BIN_EXE_botflix"))
}
