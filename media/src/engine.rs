//! The ffmpeg that this process found and trusts: where it is, which build, and proof of what it can do here, inside the sandbox it will
//! work in.

mod exam;
mod host;
mod memory;
mod proof;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use botflix_common::film::VideoCodec;
use botflix_common::task::EngineClass;

use crate::error::MediaError;
use crate::process::Program;
use crate::sandbox::{Sandbox, SandboxPolicy};
use host::Host;
use proof::Proof;

pub use exam::Exam;

#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// A path, or a name to be looked up in `PATH`.
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
    pub sandbox: SandboxPolicy,
    pub prove: Prove,
    /// Where the proof is kept, so that the next start needs no process at all. Good for exactly these two files, this sandbox and these devices.
    pub proof_cache: Option<PathBuf>,
    /// Below which `dev` and `proc` tell what devices there are: `/`, but for tests.
    pub host_root: PathBuf,
}

/// How much is tried at start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prove {
    /// H.264 and AAC, without which nothing works.
    #[default]
    Needed,
    /// Those, and what this host's devices encode: costs a host without any nothing.
    Devices,
    /// Every encoder that a film could be made with; a second or two, once.
    All,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            ffmpeg: PathBuf::from("ffmpeg"),
            ffprobe: PathBuf::from("ffprobe"),
            sandbox: SandboxPolicy::default(),
            prove: Prove::default(),
            proof_cache: None,
            host_root: PathBuf::from("/"),
        }
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    ffmpeg: PathBuf,
    ffprobe: PathBuf,
    sandbox: Sandbox,
    host: Host,
    proof: Proof,
}

impl Engine {
    /// Finds both programs, prepares the sandbox, and proves encoders by a picture that is encoded and decoded again.
    pub async fn discover(config: EngineConfig) -> Result<Self, MediaError> {
        let mut engine = Self {
            shared: Arc::new(Shared {
                ffmpeg: locate(&config.ffmpeg)?,
                ffprobe: locate(&config.ffprobe)?,
                sandbox: Sandbox::prepare(config.sandbox)?,
                host: Host::look(&config.host_root),
                proof: Proof::default(),
            }),
        };
        let seal = memory::seal(&engine, config.prove);
        let remembered = config
            .proof_cache
            .as_deref()
            .and_then(|file| memory::recall(file, seal.as_deref()?));
        let proof = match remembered {
            Some(proof) => proof,
            None => {
                let proof = proof::prove(&engine, config.prove).await?;
                if let (Some(file), Some(seal)) = (&config.proof_cache, seal) {
                    memory::remember(file, &seal, &proof);
                }
                proof
            }
        };
        // Nothing else holds the engine yet, so this copies nothing.
        Arc::make_mut(&mut engine.shared).proof = proof;
        Ok(engine)
    }

    /// As it goes into records, e.g. `ffmpeg 5.1.9-0+deb12u1`.
    pub fn version(&self) -> &str {
        &self.shared.proof.version
    }

    /// What was proven to encode here.
    pub fn encoders(&self) -> &[EngineClass] {
        &self.shared.proof.encoders
    }

    /// Why a class of encoder is not used here; `None` where it is.
    pub fn why_not(&self, class: EngineClass) -> Option<&str> {
        if self.encoders().contains(&class) {
            return None;
        }
        let refused = &self.shared.proof.refused;
        Some(
            refused
                .iter()
                .find(|(name, _)| *name == class)
                .map_or("it was not tried at start", |(_, why)| why),
        )
    }

    /// What was proven to encode films of a codec, best first: devices before the processor. Says so where this host has a device that does not.
    pub fn encoders_of(&self, codec: VideoCodec) -> Vec<EngineClass> {
        let proven = self.encoders().iter().copied();
        let (mut devices, processor): (Vec<_>, Vec<_>) = proven
            .filter(|class| class.codec() == codec)
            .partition(|class| class.is_gpu());
        if devices.is_empty() {
            self.warn_of_idle_devices(|class| class.codec() == codec);
        }
        devices.extend(processor);
        devices
    }

    /// What was proven to encode on a device, best first. Says so where this host has a device that encodes nothing.
    pub fn device_encoders(&self) -> Vec<EngineClass> {
        let proven = self.encoders().iter().copied();
        let devices: Vec<EngineClass> = proven.filter(|class| class.is_gpu()).collect();
        if devices.is_empty() {
            self.warn_of_idle_devices(|_| true);
        }
        devices
    }

    fn warn_of_idle_devices(&self, of_interest: impl Fn(EngineClass) -> bool) {
        let host = &self.shared.host;
        for (class, why) in &self.shared.proof.refused {
            if of_interest(*class) && host.has_device_for(*class) {
                tracing::warn!(
                    encoder = class.name(),
                    why,
                    "a device of this host cannot encode: the processor does"
                );
            }
        }
    }

    /// The walls that are in force around every child.
    pub fn sandbox_layers(&self) -> &[&'static str] {
        self.shared.sandbox.layers()
    }

    /// The devices that a call which encodes on one may open.
    pub fn devices(&self) -> &[PathBuf] {
        &self.shared.host.nodes
    }

    /// Whether this build has the filters that map HDR and wide colours to a plain picture (zimg).
    pub(crate) fn converts_colours(&self) -> bool {
        self.shared.proof.zscale
    }

    pub(crate) fn program(&self, program: Program) -> &Path {
        match program {
            Program::Ffmpeg => &self.shared.ffmpeg,
            Program::Ffprobe => &self.shared.ffprobe,
        }
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.shared.sandbox
    }
}

/// The absolute path of a program. Children get no `PATH`, so it is searched here, once.
fn locate(program: &Path) -> Result<PathBuf, MediaError> {
    let missing = || MediaError::EngineMissing {
        program: program.display().to_string(),
    };
    let found = if program.components().count() > 1 {
        Some(program.to_owned())
    } else {
        std::env::var_os("PATH").and_then(|dirs| {
            std::env::split_paths(&dirs)
                .map(|dir| dir.join(program))
                .find(|path| path.is_file())
        })
    };
    found
        .ok_or_else(missing)?
        .canonicalize()
        .map_err(|_| missing())
}
