//! `botflix demo`: an embedded farm, a story made on the spot and sent through the public API, and the place to watch it.

use tokio_util::sync::CancellationToken;

use botflix_api::farm::Retention;

use crate::args::DemoArgs;
use crate::demo::{self, Shown};
use crate::embedded::{EmbeddedFarm, FarmSettings};
use crate::exit::{Exit, Fault};
use crate::show::say;
use crate::show::stages::Stages;
use crate::signals;

pub async fn run(args: DemoArgs) -> Result<Exit, Fault> {
    let stop = signals::stop_requested()?;
    let farm = EmbeddedFarm::start(FarmSettings {
        data: args.data.clone(),
        listen: args.listen,
        slots: None,
        public_url: None,
        operator_token: None,
        retention: Retention::default(),
        engine: args.engine.config(),
    })
    .await?;
    let ended = tokio::select! {
        ended = show(&args, &farm, &stop) => ended,
        fault = farm.failed() => Err(fault),
        () = stop.cancelled() => Ok(Exit::Done),
    };
    farm.stop().await;
    ended
}

async fn show(
    args: &DemoArgs,
    farm: &EmbeddedFarm,
    stop: &CancellationToken,
) -> Result<Exit, Fault> {
    let server = farm.public_url();
    eprintln!(
        "BotFlix serves at {server}, its data is in {}",
        args.data.display()
    );
    let stages = Stages::new();
    let shown = demo::run(&server, &args.data, args.engine.config(), &stages).await;
    stages.finish();
    let Shown {
        episode, report, ..
    } = shown?;
    eprintln!("\n\"{}\"", episode.title);
    for line in report {
        eprintln!("  {line}");
    }
    say(&format!("Watch it at {}", episode.watch_url))?;
    if args.exit {
        return Ok(Exit::Done);
    }
    eprintln!("Serving until Ctrl-C.");
    stop.cancelled().await;
    Ok(Exit::Done)
}
