//! Which encoders a host can use, on imitations of hosts: an ffmpeg that lists what does not work, and device files of a GPU that has no encoder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use botflix_common::film::VideoCodec;
use botflix_common::task::EngineClass;
use botflix_media::engine::Prove;
use botflix_media::{Engine, EngineConfig, SandboxPolicy};

/// An ffmpeg whose list of encoders promises NVENC and VAAPI, and which counts how often it is started. All else is the real one.
fn lying_ffmpeg(dir: &Path) -> PathBuf {
    let program = dir.join("ffmpeg");
    let script = format!(
        r#"#!/bin/sh
echo start >> {count}
case "$*" in
  *-encoders*) /usr/bin/env -i PATH="/usr/bin:/usr/local/bin:/bin" ffmpeg "$@"
    echo " V....D h264_nvenc  liar"; echo " V....D hevc_nvenc  liar"; echo " V....D h264_vaapi  liar" ;;
  *_nvenc*|*_vaapi*) echo "Cannot load libnvidia-encode.so.1" >&2; exit 1 ;;
  *) exec /usr/bin/env -i PATH="/usr/bin:/usr/local/bin:/bin" ffmpeg "$@" ;;
esac
"#,
        count = dir.join("starts").display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

fn starts(dir: &Path) -> usize {
    fs::read_to_string(dir.join("starts"))
        .unwrap()
        .lines()
        .count()
}

/// A host's own files, as far as the engine reads them.
fn host(dir: &Path, model: Option<&str>) -> PathBuf {
    let root = dir.join("host");
    fs::create_dir_all(root.join("dev/dri")).unwrap();
    fs::write(root.join("dev/dri/renderD128"), "").unwrap();
    if let Some(model) = model {
        fs::write(root.join("dev/nvidia0"), "").unwrap();
        let gpu = root.join("proc/driver/nvidia/gpus/0000:01:00.0");
        fs::create_dir_all(&gpu).unwrap();
        fs::write(
            gpu.join("information"),
            format!("Model: \t\t {model}\nIRQ: 1\n"),
        )
        .unwrap();
    }
    root
}

async fn engine(dir: &Path, model: Option<&str>) -> Engine {
    Engine::discover(EngineConfig {
        ffmpeg: lying_ffmpeg(dir),
        // A script needs a shell, which no child may start.
        sandbox: SandboxPolicy::Off,
        prove: Prove::All,
        proof_cache: Some(dir.join("proof.json")),
        host_root: host(dir, model),
        ..EngineConfig::default()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn an_encoder_that_is_listed_and_does_not_work_is_not_used_and_the_reason_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path(), Some("NVIDIA GeForce RTX 4070")).await;
    assert_eq!(first.why_not(EngineClass::X264Cpu1), None);
    assert_eq!(first.why_not(EngineClass::X265Cpu1), None);
    for class in [
        EngineClass::NvencH264,
        EngineClass::NvencHevc,
        EngineClass::VaapiH264,
    ] {
        let why = first.why_not(class).unwrap();
        assert!(why.contains("libnvidia-encode"), "{why}");
        let best = first.encoders_of(class.codec())[0];
        assert_eq!(best, EngineClass::on_cpu(class.codec()));
    }
    assert!(
        first
            .why_not(EngineClass::NvencAv1)
            .unwrap()
            .contains("no av1_nvenc")
    );

    // The proof is kept: the second start asks nobody.
    let before = starts(dir.path());
    let again = Engine::discover(EngineConfig {
        ffmpeg: dir.path().join("ffmpeg"),
        sandbox: SandboxPolicy::Off,
        prove: Prove::All,
        proof_cache: Some(dir.path().join("proof.json")),
        host_root: dir.path().join("host"),
        ..EngineConfig::default()
    })
    .await
    .unwrap();
    assert_eq!(starts(dir.path()), before);
    assert_eq!(again.encoders(), first.encoders());
    assert_eq!(
        again.why_not(EngineClass::NvencH264),
        first.why_not(EngineClass::NvencH264)
    );
    // A file that was written again is another engine.
    engine(dir.path(), Some("NVIDIA GeForce RTX 4070")).await;
    assert!(starts(dir.path()) > before);
}

#[tokio::test]
async fn an_h100_is_known_to_decode_only() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Some("NVIDIA H100 80GB HBM3")).await;
    let why = engine.why_not(EngineClass::NvencH264).unwrap();
    assert_eq!(
        why,
        "decode only: this GPU has no encoder (NVIDIA H100 80GB HBM3)"
    );
    assert_eq!(
        engine.encoders_of(VideoCodec::Hevc),
        [EngineClass::X265Cpu1]
    );
}
