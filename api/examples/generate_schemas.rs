//! Writes `schemas/`: what the server serves at `/agent/schemas/` and `/openapi.json`, for people and tools that have no server.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    std::fs::create_dir_all(&folder)?;
    for (name, text) in botflix_api::openapi::generated_files() {
        std::fs::write(folder.join(name), text)?;
        println!("schemas/{name}");
    }
    Ok(())
}
