//! The engine's words, shared by every command that has one.

use std::path::PathBuf;

use botflix_media::engine::Prove;
use botflix_media::{EngineConfig, SandboxPolicy};
use clap::{Args, ValueEnum};

/// The ffmpeg to use, and the walls around it.
#[derive(Args, Clone, Debug)]
pub struct EngineArgs {
    #[arg(long, value_name = "PATH", default_value = "ffmpeg")]
    pub ffmpeg: PathBuf,
    #[arg(long, value_name = "PATH", default_value = "ffprobe")]
    pub ffprobe: PathBuf,
    /// `enforce` refuses to work where the kernel cannot confine ffmpeg; `off` opens untrusted media unconfined
    #[arg(long, value_enum, default_value_t = Sandbox::Enforce)]
    pub sandbox: Sandbox,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Sandbox {
    Enforce,
    Off,
}

impl EngineArgs {
    /// Proves at start what nothing works without.
    pub fn config(&self) -> EngineConfig {
        EngineConfig {
            ffmpeg: self.ffmpeg.clone(),
            ffprobe: self.ffprobe.clone(),
            sandbox: match self.sandbox {
                Sandbox::Enforce => SandboxPolicy::Enforce,
                Sandbox::Off => SandboxPolicy::Off,
            },
            ..EngineConfig::default()
        }
    }

    /// Proves every encoder that a film could be made with.
    pub fn config_of_all_encoders(&self) -> EngineConfig {
        EngineConfig {
            prove: Prove::All,
            ..self.config()
        }
    }
}
