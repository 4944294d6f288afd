//! `botflix operator-token`: a new token for whoever runs the farm. It needs the database and no server.

use botflix_api::auth::OperatorToken;
use botflix_api::db::Database;
use botflix_api::operator;

use crate::args::{OperatorTokenAction, OperatorTokenArgs};
use crate::embedded::{self, api_fault};
use crate::exit::{Exit, Fault};
use crate::show::say;

pub async fn run(args: OperatorTokenArgs) -> Result<Exit, Fault> {
    let OperatorTokenAction::Reset { data, database } = args.action;
    let token = OperatorToken::generate()
        .map_err(|error| Fault::retryable("no token could be made").because(error))?;
    match (data, database) {
        (Some(data), _) => {
            let url = embedded::database_url(&embedded::existing_data_dir(&data)?)?;
            // Its file is replaced last: until the new token is in force, the file holds the one that is.
            let arriving = embedded::ArrivingToken::write(&data, &token)?;
            set(&url, &token).await?;
            let path = arriving.place()?;
            say(&path.display().to_string())?;
        }
        (None, Some(url)) => {
            set(&url, &token).await?;
            eprintln!("the operator token: keep it, it is not shown again");
            say(token.reveal())?;
        }
        (None, None) => return Err(Fault::permanent("--data or --database must be given")),
    }
    Ok(Exit::Done)
}

async fn set(url: &str, token: &OperatorToken) -> Result<(), Fault> {
    let failed = |error| api_fault(botflix_api::StartError::Database(error));
    let db = Database::connect(url).await.map_err(failed)?;
    let set = operator::set_token(&db, token).await.map_err(failed);
    db.close().await;
    set
}
