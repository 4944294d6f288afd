//! Prints facts and verdict of one file as JSON: `inspect --json FILE [--as track]`. For measuring on a corpus; the product's command is
//! `botflix inspect`.

use std::path::PathBuf;

use botflix_common::verdict::{Role, judge};
use botflix_media::{Context, Engine, EngineConfig, MediaError, Progress};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "inspect" && word != "--json")
        .collect();
    let role = if words.iter().any(|word| word == "track") {
        Role::Track
    } else {
        Role::Shot
    };
    let file = words
        .first()
        .map(PathBuf::from)
        .ok_or("usage: inspect --json FILE [--as track]")?;
    let scratch = tempfile::tempdir()?;
    let engine = Engine::discover(EngineConfig::default()).await?;
    tracing::debug!(layers = ?engine.sandbox_layers(), version = engine.version(), "engine found");
    let context = Context {
        engine,
        scratch: scratch.path().to_owned(),
        progress: Progress::none(),
        cancel: CancellationToken::new(),
    };
    let facts = botflix_media::inspect(&context, &file.canonicalize()?)
        .await
        .inspect_err(explain)?;
    let judgement = judge(&facts, role);
    let answer = serde_json::json!({ "verdict": judgement.verdict, "reasons": judgement.reasons, "facts": facts });
    println!("{answer:#}");
    Ok(())
}

fn explain(error: &MediaError) {
    eprintln!("{:?}", error.failure());
}
