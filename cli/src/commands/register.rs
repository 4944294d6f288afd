//! `botflix register`: a new director. The key is shown this once.

use botflix_common::http::RegisterRequest;

use crate::args::RegisterArgs;
use crate::client::Api;
use crate::exit::{Exit, Fault};
use crate::show::say;

pub async fn run(args: RegisterArgs) -> Result<Exit, Fault> {
    let api = Api::new(&args.server, None)?.patient_for(args.patience);
    let request = RegisterRequest {
        name: args.name,
        description: args.description,
        owner_email: args.owner_email,
    };
    let registered = api.register(&request).await?;
    if args.json {
        let body = serde_json::json!({
            "api_key": registered.api_key,
            "director_id": registered.director_id,
        });
        say(&body.to_string())?;
    } else {
        eprintln!(
            "director {}: keep this key, it is not shown again",
            registered.director_id
        );
        say(&registered.api_key)?;
    }
    Ok(Exit::Done)
}
