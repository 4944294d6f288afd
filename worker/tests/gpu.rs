//! Which encoder a film gets, on imitations of hosts: a device that works, one that only claims to, and none. What stands for NVENC is the
//! host's; everything of ours is real.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod studio;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use botflix_common::manifest::read::read_manifest;
use botflix_common::task::{EngineClass, Verify};
use botflix_media::EngineConfig;
use botflix_media::engine::Prove;
use botflix_worker::local::{self, LocalFilm, LocalRender};
use studio::{Studio, sha_of};
use tokio_util::sync::CancellationToken;

/// An ffmpeg whose `h264_nvenc` encodes: by libx264, with what is NVENC's own taken out of the command line.
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
/// One that lists it, and whose driver is not there.
const LIES: &str = r#"echo "Cannot load libnvidia-encode.so.1" >&2; exit 1"#;

fn ffmpeg(dir: &Path, nvenc: &str) -> PathBuf {
    let program = dir.join("ffmpeg");
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
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// The files of a host with one NVIDIA device.
fn host(dir: &Path) -> PathBuf {
    let root = dir.join("host");
    fs::create_dir_all(root.join("dev")).unwrap();
    fs::write(root.join("dev/nvidia0"), "").unwrap();
    root
}

async fn film(dir: &Path, nvenc: &str, gpu: bool) -> LocalFilm {
    let studio = Studio::with(EngineConfig {
        ffmpeg: ffmpeg(dir, nvenc),
        prove: Prove::All,
        host_root: host(dir),
        ..EngineConfig::default()
    })
    .await;
    let clip = studio.clip("a.mp4", "160x120", "25", "1").await;
    let sha = sha_of(&clip);
    let manifest = serde_json::json!({
        "title": "One shot",
        "format": { "width": 320, "height": 180, "fps": 24 },
        "shots": [{ "id": "s1", "source": { "clip": sha } }],
    });
    let job = LocalRender {
        manifest: read_manifest(manifest.to_string().as_bytes()).unwrap(),
        files: [(sha, clip)].into(),
        concurrency: 1,
        verify: Verify::Full,
        gpu,
    };
    let silent: local::Listener = Arc::new(|_, _| {});
    local::render(&studio.runner, job, silent, CancellationToken::new())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_device_that_is_proven_makes_the_segments_and_the_film_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let made = film(dir.path(), WORKS, true).await;
    assert_eq!(made.plan.engine, Some(EngineClass::NvencH264));
    assert_eq!(made.record.engine, Some(EngineClass::NvencH264));
    assert_eq!(made.facts.frames, 24);
}

#[tokio::test]
async fn a_device_is_left_alone_where_the_processor_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let made = film(dir.path(), WORKS, false).await;
    assert_eq!(made.record.engine, Some(EngineClass::X264Cpu1));
}

#[tokio::test]
async fn a_device_that_only_claims_to_encode_costs_no_film() {
    let dir = tempfile::tempdir().unwrap();
    let made = film(dir.path(), LIES, true).await;
    assert_eq!(made.record.engine, Some(EngineClass::X264Cpu1));
    assert_eq!(made.facts.frames, 24);
}
