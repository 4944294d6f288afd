//! The operators' token of a farm on one machine: made at first start, and handed over in a file that only its owner may read. Never logged.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use botflix_api::auth::OperatorToken;
use botflix_api::{Server, StartError, operator};

use super::api_fault;
use crate::exit::Fault;

const NAME: &str = "operator-token";
const OWNER_ONLY: u32 = 0o600;

/// Makes the token if there is none. The file comes first: a token in force that nobody has would be of no use.
pub async fn make_first_token(server: &Server, data: &Path) -> Result<(), Fault> {
    let db = &server.app().db;
    let failed = |error| api_fault(StartError::Database(error));
    if operator::has_token(db).await.map_err(failed)? {
        return Ok(());
    }
    let token = OperatorToken::generate()
        .map_err(|error| Fault::retryable("no operator token could be made").because(error))?;
    let path = write_operator_token(data, &token)?;
    operator::set_token(db, &token).await.map_err(failed)?;
    tracing::info!(path = %path.display(), "an operator token was made");
    Ok(())
}

/// Puts the token into its file of the data folder, in place of the one before it.
pub fn write_operator_token(data: &Path, token: &OperatorToken) -> Result<PathBuf, Fault> {
    let path = data.join(NAME);
    let arriving = data.join(format!("{NAME}.new"));
    place(&arriving, &path, token).map_err(|error| {
        Fault::permanent(format!("{} cannot be written", path.display())).because(error)
    })?;
    Ok(path)
}

fn place(arriving: &Path, path: &Path, token: &OperatorToken) -> io::Result<()> {
    match fs::remove_file(arriving) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Made with its mode: at no moment may another read it.
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(arriving)?;
    writeln!(file, "{}", token.reveal())?;
    file.sync_all()?;
    fs::rename(arriving, path)
}
