//! Words of the commands that look at one file: a clip, a document, a finished film.

use std::path::PathBuf;

use botflix_common::verdict::Role;
use clap::{Args, ValueEnum};

use super::{CacheArgs, EngineArgs};

#[derive(Args)]
pub struct InspectArgs {
    pub file: PathBuf,
    /// What it is to be used for [default: still for PNG, JPEG and WebP, else shot]
    #[arg(long = "as", value_enum)]
    pub use_as: Option<Use>,
    /// Print `{"verdict", "reasons", "facts", "findings"}`
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub engine: EngineArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Use {
    /// Pictures, with or without sound
    Shot,
    /// One picture that is held
    Still,
    /// Sound alone
    Track,
}

impl From<Use> for Role {
    fn from(use_as: Use) -> Self {
        match use_as {
            Use::Shot => Self::Shot,
            Use::Still => Self::Still,
            Use::Track => Self::Track,
        }
    }
}

#[derive(Args)]
pub struct ValidateArgs {
    #[arg(value_enum)]
    pub document: DocumentKind,
    pub file: PathBuf,
    /// Print `{"valid", "errors"}`
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum DocumentKind {
    Brief,
    Manifest,
}

#[derive(Args)]
pub struct CheckArgs {
    /// A finished film
    pub file: PathBuf,
    /// What it should be: loudness, codec, chapters and captions are compared with it
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Where the manifest's clips lie: size, rate, frames and every shot are compared, too
    #[arg(long, value_name = "DIR", requires = "manifest")]
    pub clips: Option<PathBuf>,
    /// Print `{"passed", "film", "points", "findings"}`
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub cache: CacheArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

#[derive(Args)]
pub struct FixArgs {
    /// The manifest that was rendered
    pub manifest: PathBuf,
    /// Of `render --report` (with `--plan`: before anything is rendered)
    #[arg(long, value_name = "FILE")]
    pub report: PathBuf,
    /// The rules whose fixes are applied [default: all that have one]
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Put the new manifest here instead of on stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Args)]
pub struct RebuildArgs {
    /// Of `render --record`
    pub record: PathBuf,
    /// Where the clips lie; they are found by their bytes, whatever they are called
    #[arg(long, value_name = "DIR")]
    pub clips: PathBuf,
    /// Put the film here
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print `{"identical", "sha256", "differences"}`
    #[arg(long)]
    pub json: bool,
    /// Tasks at once [default: one for each core]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    #[command(flatten)]
    pub engine: EngineArgs,
}

#[derive(Args)]
pub struct EncodersArgs {
    /// Print `[{"class", "proven", "why_not"}]`
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub engine: EngineArgs,
}
