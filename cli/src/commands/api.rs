//! `botflix api`: an API server of a farm whose database, queue and storage are elsewhere.

use botflix_api::{ApiConfig, ForWorkers};

use crate::args::ApiArgs;
use crate::embedded::api_fault;
use crate::exit::{Exit, Fault};
use crate::settings::Settings;
use crate::show::say;
use crate::signals;

pub async fn run(args: ApiArgs, settings: Settings) -> Result<Exit, Fault> {
    let stop = signals::stop_requested()?;
    let mut config = ApiConfig::new(args.database, args.redis, args.storage, args.listen);
    config.lease = settings.test_lease()?;
    config.payload_version = settings.test_payload_version()?;
    config.storage_options = settings.storage_options;
    config.public_url = args.public_url;
    config.for_workers = ForWorkers {
        // A variable that is set to nothing, as Compose does, says nothing.
        redis: args.worker_redis.filter(|url| !url.is_empty()),
        storage: args.worker_storage,
        storage_options: settings.worker_storage_options,
    };
    config.farm.retention = args.keep.retention();
    config.operator_token = settings.operator_token.map(|token| token.0);
    let server = tokio::select! {
        started = botflix_api::start(config) => started.map_err(api_fault)?,
        () = stop.cancelled() => return Ok(Exit::Done),
    };
    say(&format!("BotFlix is ready at {}", server.public_url()))?;
    stop.cancelled().await;
    server.stop().await;
    Ok(Exit::Done)
}
