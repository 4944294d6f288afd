//! Chaos over real processes: the short form of `make chaos`, processes that die between any two steps, and upgrades under load.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod fail_points;
mod rolling;
mod storm;

use botflix_testkit::Binary;

fn binary() -> Binary {
    Binary::at(env!("CARGO_BIN_EXE_botflix"))
}
