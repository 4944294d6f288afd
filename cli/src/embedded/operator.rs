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
    let path = Arriving::write(data, &token)?.place()?;
    operator::set_token(db, &token).await.map_err(failed)?;
    tracing::info!(path = %path.display(), "an operator token was made");
    Ok(())
}

/// A token that lies beside the file of the one before it, which is still in force.
pub struct Arriving {
    file: PathBuf,
    place: PathBuf,
}

impl Arriving {
    pub fn write(data: &Path, token: &OperatorToken) -> Result<Self, Fault> {
        let (file, place) = (data.join(format!("{NAME}.new")), data.join(NAME));
        write(&file, token).map_err(|error| unwritten(&file, error))?;
        Ok(Self { file, place })
    }

    /// Takes the place of the one before it.
    pub fn place(self) -> Result<PathBuf, Fault> {
        fs::rename(&self.file, &self.place).map_err(|error| unwritten(&self.place, error))?;
        Ok(self.place)
    }
}

fn unwritten(path: &Path, error: io::Error) -> Fault {
    Fault::permanent(format!("{} cannot be written", path.display())).because(error)
}

fn write(path: &Path, token: &OperatorToken) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Made with its mode: at no moment may another read it.
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(path)?;
    writeln!(file, "{}", token.reveal())?;
    file.sync_all()
}
