//! Makes material with ffmpeg, outside of the engine under test, and inspects it.

use std::path::{Path, PathBuf};
use std::process::Command;

use botflix_common::facts::ClipFacts;
use botflix_common::verdict::{Role, Verdict, judge};
use botflix_media::{Context, Engine, EngineConfig, Progress, SandboxPolicy, inspect};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// 2 s of 24 fps H.264 with B-frames and a stereo sine of −18 dBFS.
const CLEAN: &str = "-f lavfi -i testsrc2=size=320x180:rate=24:duration=2 \
    -f lavfi -i aevalsrc=0.125*sin(2*PI*1000*t)|0.125*sin(2*PI*1000*t):sample_rate=48000:duration=2 \
    -c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac -b:a 128k";

pub struct Studio {
    dir: TempDir,
    pub context: Context,
}

impl Studio {
    pub async fn open() -> Self {
        Self::with(SandboxPolicy::Enforce).await
    }

    pub async fn with(sandbox: SandboxPolicy) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let scratch = dir.path().join("scratch");
        std::fs::create_dir(&scratch).unwrap();
        let engine = Engine::discover(EngineConfig {
            sandbox,
            ..EngineConfig::default()
        })
        .await
        .unwrap();
        let context = Context {
            engine,
            scratch,
            progress: Progress::none(),
            cancel: CancellationToken::new(),
        };
        Self { dir, context }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The clean clip with more output options, which win over its own.
    pub fn clip(&self, name: &str, more: &str) -> PathBuf {
        self.ffmpeg(&format!("{CLEAN} {more}"), name)
    }

    /// `arguments` are split at spaces.
    pub fn ffmpeg(&self, arguments: &str, name: &str) -> PathBuf {
        let path = self.path(name);
        let status = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y"])
            .args(arguments.split_whitespace())
            .arg(&path)
            .current_dir(self.dir.path())
            .status()
            .unwrap();
        assert!(status.success(), "ffmpeg {arguments}");
        path
    }

    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub async fn facts(&self, clip: &Path) -> ClipFacts {
        inspect(&self.context, clip).await.unwrap()
    }

    pub async fn shot(&self, clip: &Path) -> (Verdict, Vec<String>) {
        self.judge(clip, Role::Shot).await
    }

    pub async fn judge(&self, clip: &Path, role: Role) -> (Verdict, Vec<String>) {
        let judgement = judge(&self.facts(clip).await, role);
        (
            judgement.verdict,
            judgement
                .reasons
                .into_iter()
                .map(|reason| reason.code)
                .collect(),
        )
    }
}

pub fn codes(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}
