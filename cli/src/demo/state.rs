//! What the demo remembers between runs: its key and its render.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use botflix_common::hash::Sha;
use botflix_common::id::RenderId;
use serde::{Deserialize, Serialize};

use crate::exit::Fault;

const NAME: &str = "state.json";

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Readable by the owner alone, as the file is.
    pub api_key: Option<String>,
    pub manifest: Option<Sha>,
    pub render: Option<RenderId>,
}

impl State {
    /// What an earlier run left, or nothing.
    pub fn read(dir: &Path) -> Result<Self, Fault> {
        match std::fs::read(dir.join(NAME)) {
            // One that cannot be understood is an old one: the demo starts afresh.
            Ok(text) => Ok(serde_json::from_slice(&text).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Fault::permanent("the demo's state cannot be read").because(error)),
        }
    }

    pub fn write(&self, dir: &Path) -> Result<(), Fault> {
        let failed = |error| Fault::permanent("the demo's state cannot be written").because(error);
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let part = dir.join(format!("{NAME}.part"));
        let mut file = std::fs::File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&part)
            .map_err(failed)?;
        file.write_all(&text)
            .and_then(|()| std::fs::rename(&part, dir.join(NAME)))
            .map_err(failed)
    }
}
