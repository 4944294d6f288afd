//! `bench-farm`: what the farm's control plane costs per task, and how that grows, as a report in Markdown. See `docs/scale.md`.

use anyhow::Result;
use botflix_testkit::farm_bench;

fn main() -> Result<()> {
    farm_bench::run()
}
