//! The proof of an engine, kept in a file between starts. It is good for exactly what it was made with: two files, a sandbox, devices.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::proof::Proof;
use super::{Engine, Prove};
use crate::process::Program;

/// Raised when another proof is asked for.
const PROOF_VERSION: u32 = 1;
/// A proof is a few hundred bytes.
const MAX_PROOF_BYTES: u64 = 64 << 10;

#[derive(Serialize, Deserialize)]
struct Remembered {
    seal: String,
    proof: Proof,
}

/// What a proof depends on, as text. `None`: it cannot be told, and nothing is kept.
pub(super) fn seal(engine: &Engine, prove: Prove) -> Option<String> {
    let mut seal = format!("proof {PROOF_VERSION} {prove:?}");
    for program in [Program::Ffmpeg, Program::Ffprobe] {
        let path = engine.program(program);
        let file = fs::metadata(path).ok()?;
        write!(
            seal,
            "; {} {} bytes, inode {} of {}, changed {}.{:09}",
            path.display(),
            file.len(),
            file.ino(),
            file.dev(),
            file.mtime(),
            file.mtime_nsec(),
        )
        .ok()?;
    }
    let host = &engine.shared.host;
    write!(
        seal,
        "; {:?}; {:?}; {:?}",
        engine.sandbox_layers(),
        host.nodes,
        host.nvidia_models
    )
    .ok()?;
    Some(seal)
}

pub(super) fn recall(file: &Path, seal: &str) -> Option<Proof> {
    let small = fs::metadata(file).ok()?.len() <= MAX_PROOF_BYTES;
    let bytes = small.then(|| fs::read(file).ok()).flatten()?;
    let remembered: Remembered = serde_json::from_slice(&bytes).ok()?;
    (remembered.seal == seal).then_some(remembered.proof)
}

/// Best effort: without it the next start proves again. Written beside and moved, so that two processes at once leave one whole file.
pub(super) fn remember(file: &Path, seal: &str, proof: &Proof) {
    let remembered = Remembered {
        seal: seal.to_owned(),
        proof: proof.clone(),
    };
    let beside = file.with_extension(format!("{}.tmp", std::process::id()));
    let written = serde_json::to_vec(&remembered)
        .map_err(std::io::Error::other)
        .and_then(|bytes| fs::write(&beside, bytes))
        .and_then(|()| fs::rename(&beside, file));
    if let Err(error) = written {
        tracing::warn!(file = %file.display(), %error, "the proof of the engine is not kept");
    }
}
