//! `bench`: what films cost, ours and others', as a report in Markdown. See `docs/benchmarks.md`.

use anyhow::Result;
use botflix_testkit::bench;

fn main() -> Result<()> {
    bench::run()
}
