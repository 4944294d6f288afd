//! The bench of the control plane still fits the farm: it measures nothing here.

use botflix_testkit::{farm_bench, optional};

use crate::binary;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_renders_and_ten_simulated_workers_go_through_the_bench() {
    let Some(report) = optional(farm_bench::smoke(&binary()).await) else {
        return;
    };
    assert!(report.contains("| tasks left | 0 |"), "{report}");
}
