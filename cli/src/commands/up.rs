//! `botflix up`: the whole farm on this machine, nothing configured.

use crate::args::UpArgs;
use crate::embedded::{EmbeddedFarm, FarmSettings};
use crate::exit::{Exit, Fault};
use crate::settings::Settings;
use crate::show::say;
use crate::signals;

pub async fn run(args: UpArgs, settings: Settings) -> Result<Exit, Fault> {
    let stop = signals::stop_requested()?;
    let settings = FarmSettings {
        operator_token: settings.operator_token,
        data: args.data,
        listen: args.listen,
        slots: args.workers,
        public_url: args.public_url,
        retention: args.keep.retention(),
        engine: args.engine.config(),
    };
    let mut farm = EmbeddedFarm::start(settings).await?;
    say(&format!("BotFlix is ready at {}", farm.public_url()))?;
    let ended = loop {
        tokio::select! {
            () = stop.cancelled() => break Ok(Exit::Done),
            fault = farm.failed() => break Err(fault),
            () = farm.worker_told_to_stop() => {}
        }
        eprintln!("an operator stops the worker; the rest goes on");
        farm.end_worker();
    };
    farm.stop().await;
    ended
}
