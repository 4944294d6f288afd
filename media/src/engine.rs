//! The ffmpeg that this process found and trusts: where it is, which build, and proof that it can do the work, inside the sandbox it will
//! work in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ffmpeg_sidecar::log_parser::try_parse_version;
use tokio_util::sync::CancellationToken;

use crate::error::MediaError;
use crate::process::{self, Call, Job, Program};
use crate::progress::Progress;
use crate::sandbox::{Sandbox, SandboxPolicy};

/// `-version` and one encoded frame take 0.2 s; a cold, loaded host gets this much.
const DISCOVERY_DEADLINE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// A path, or a name to be looked up in `PATH`.
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
    pub sandbox: SandboxPolicy,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            ffmpeg: PathBuf::from("ffmpeg"),
            ffprobe: PathBuf::from("ffprobe"),
            sandbox: SandboxPolicy::default(),
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
    version: String,
    sandbox: Sandbox,
}

impl Engine {
    /// Finds both programs, prepares the sandbox and proves libx264 and aac by encoding with them.
    pub async fn discover(config: EngineConfig) -> Result<Self, MediaError> {
        let mut engine = Self {
            shared: Arc::new(Shared {
                ffmpeg: locate(&config.ffmpeg)?,
                ffprobe: locate(&config.ffprobe)?,
                version: String::new(),
                sandbox: Sandbox::prepare(config.sandbox)?,
            }),
        };
        let version = engine.ask_version(Program::Ffmpeg).await?;
        engine.ask_version(Program::Ffprobe).await?;
        engine.prove_encoders().await?;
        // Nothing else holds the engine yet, so this copies nothing.
        Arc::make_mut(&mut engine.shared).version = version;
        Ok(engine)
    }

    /// As it goes into records, e.g. `ffmpeg 5.1.9-0+deb12u1`.
    pub fn version(&self) -> &str {
        &self.shared.version
    }

    /// The walls that are in force around every child.
    pub fn sandbox_layers(&self) -> &[&'static str] {
        self.shared.sandbox.layers()
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

    async fn ask_version(&self, program: Program) -> Result<String, MediaError> {
        let call = Call::new(program)
            .arg("-version")
            .deadline(DISCOVERY_DEADLINE);
        let output = self.run_alone(call).await?;
        let text = String::from_utf8_lossy(&output);
        let first = text.lines().next().unwrap_or_default();
        // ffprobe says "ffprobe version …" in the same shape.
        try_parse_version(&first.replacen("ffprobe", "ffmpeg", 1))
            .map(|version| format!("ffmpeg {version}"))
            .ok_or_else(|| MediaError::EngineUnfit {
                detail: format!("{} does not say its version", program.name()),
                stderr_tail: first.to_owned(),
            })
    }

    /// A listed encoder may still fail at run time: only an encoded picture and sound prove it.
    async fn prove_encoders(&self) -> Result<(), MediaError> {
        let call = Call::new(Program::Ffmpeg)
            .args(["-f", "lavfi", "-i", "color=size=64x64:rate=24"])
            .args(["-f", "lavfi", "-i", "sine=sample_rate=48000"])
            .args([
                "-frames:v",
                "2",
                "-t",
                "0.1",
                "-c:v",
                "libx264",
                "-pix_fmt",
                "yuv420p",
                "-c:a",
                "aac",
            ])
            .args(["-f", "nut", "pipe:1"])
            .deadline(DISCOVERY_DEADLINE);
        match self.run_alone(call).await {
            Ok(encoded) if !encoded.is_empty() => Ok(()),
            Ok(_) => Err(MediaError::EngineUnfit {
                detail: "libx264 and aac encoded nothing".to_owned(),
                stderr_tail: String::new(),
            }),
            Err(MediaError::Ffmpeg { stderr_tail, .. }) => Err(MediaError::EngineUnfit {
                detail: "it cannot encode with libx264 and aac here".to_owned(),
                stderr_tail,
            }),
            Err(other) => Err(other),
        }
    }

    async fn run_alone(&self, call: Call) -> Result<Vec<u8>, MediaError> {
        let job = Job {
            engine: self,
            scratch: None,
            progress: &Progress::none(),
            cancel: &CancellationToken::new(),
        };
        Ok(process::collect(&job, call).await?.stdout)
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
