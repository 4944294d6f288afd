//! `chaos`: a farm of real processes under every fault of the matrix, and what is true of it afterwards. See `docs/chaos.md`.

use anyhow::Result;
use botflix_testkit::chaos;

#[tokio::main]
async fn main() -> Result<()> {
    chaos::main().await
}
