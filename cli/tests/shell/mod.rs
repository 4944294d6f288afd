//! The command line as a shell script meets it: words in, exit code and two streams out.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The program under test, with nothing of the caller's settings.
pub fn botflix(args: &[&str]) -> Output {
    botflix_with(args, &[])
}

/// … and with these variables.
pub fn botflix_with(args: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_botflix"))
        .args(args)
        .env_remove("BOTFLIX_DIRECTOR_KEY")
        .env_remove("RUST_LOG")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn last_json(output: &Output) -> Value {
    serde_json::from_str(out(output).lines().last().unwrap()).unwrap()
}

pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The directory itself.
    pub fn dir(&self) -> String {
        self.str("")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.str(name)
    }

    pub fn str(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }
}

/// A small clip by the system's own ffmpeg.
pub fn clip(to: &Path, size: &str, rate: &str, seconds: &str) {
    let pictures = format!("testsrc2=size={size}:rate={rate}:duration={seconds}");
    let sound = format!("sine=frequency=330:sample_rate=48000:duration={seconds}");
    let made = Command::new("ffmpeg")
        .args([
            "-v", "error", "-nostdin", "-f", "lavfi", "-i", &pictures, "-f", "lavfi", "-i", &sound,
        ])
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "aac",
        ])
        .arg(to)
        .status()
        .unwrap();
    assert!(made.success());
}

/// Runs ffmpeg with the words of a line, then the file.
pub fn ffmpeg(line: &str, to: &Path) {
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(line.split_whitespace())
        .arg(to)
        .status()
        .unwrap();
    assert!(made.success(), "{line}");
}

/// Words of a local render that remembers in `cache`.
pub fn local_render(manifest: &str, clips: &str, out: &str, cache: &str, more: &[&str]) -> Output {
    let common = [
        "render", manifest, "--clips", clips, "--local", "--out", out, "--cache", cache,
    ];
    let rest = ["--json", "--cpu-only", "--sandbox", "off"];
    let words: Vec<&str> = common.iter().chain(&rest).chain(more).copied().collect();
    botflix(&words)
}
