//! `botflix log`: what became of every attempt at a render's tasks, as the farm remembers it.

use crate::args::LogArgs;
use crate::client::{Api, renders};
use crate::exit::{Exit, Fault};
use crate::settings::Settings;
use crate::show::{attempts, say, say_json};

pub async fn run(args: LogArgs, settings: Settings) -> Result<Exit, Fault> {
    let api = Api::of_render(&args.which, settings)?;
    let log = renders::attempts(&api, args.which.render).await?;
    if log.len() >= renders::LOG_LIMIT {
        eprintln!(
            "the log is longer: these are its first {} attempts",
            log.len()
        );
    }
    if args.json {
        say_json(&serde_json::json!({ "attempts": log }))?;
    } else if log.is_empty() {
        eprintln!("nothing of it was tried yet");
    } else {
        say(&attempts::text(&log))?;
    }
    Ok(Exit::Done)
}
