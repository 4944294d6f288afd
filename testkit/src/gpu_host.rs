//! Imitations of hosts with an NVIDIA device: their files below `dev`, and an ffmpeg in front of the real one. Only the host is imitated.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// `h264_nvenc` encodes: by libx264, with what is NVENC's own taken out of the command line.
const WORKS: &str = r#"
for word do
  shift
  if [ -n "$drop" ]; then drop=; continue; fi
  case "$word" in
    h264_nvenc) set -- "$@" libx264 ;;
    p1|p4|p6) set -- "$@" ultrafast ;;
    -cq) set -- "$@" -crf ;;
    -rc|-no-scenecut|-strict_gop|-b:v) drop=1 ;;
    *) set -- "$@" "$word" ;;
  esac
done"#;
/// It is listed, and the driver is not there.
const LIES: &str = r#"echo "Cannot load libnvidia-encode.so.1" >&2; exit 1"#;

/// Both paths are to be given to the engine.
pub struct GpuHost {
    pub ffmpeg: PathBuf,
    /// What stands for `/`.
    pub root: PathBuf,
}

impl GpuHost {
    pub fn that_encodes(dir: &Path) -> Result<Self> {
        Self::make(dir, WORKS)
    }

    pub fn that_only_claims_to(dir: &Path) -> Result<Self> {
        Self::make(dir, LIES)
    }

    fn make(dir: &Path, nvenc: &str) -> Result<Self> {
        let ffmpeg = dir.join("ffmpeg");
        let script = format!(
            r#"#!/bin/sh
PATH="/usr/bin:/usr/local/bin:/bin"
case "$*" in
  *-encoders*) ffmpeg "$@"; echo " V....D h264_nvenc  imitated"; exit ;;
  *h264_nvenc*) {nvenc} ;;
esac
exec ffmpeg "$@"
"#
        );
        fs::write(&ffmpeg, script)?;
        fs::set_permissions(&ffmpeg, fs::Permissions::from_mode(0o755))?;
        let root = dir.join("host");
        fs::create_dir_all(root.join("dev"))?;
        fs::write(root.join("dev/nvidia0"), "")?;
        Ok(Self { ffmpeg, root })
    }
}
