//! The sandbox, shown to hold: each test also shows that without the wall the same act succeeds.

use std::net::TcpListener;
use std::path::Path;

use botflix_media::{Call, EngineConfig, MediaError, Program, SandboxPolicy};

use crate::studio::Studio;

fn decode(input: &str) -> Call {
    Call::new(Program::Ffmpeg).args(["-i", input, "-f", "null", "-"])
}

#[tokio::test]
async fn a_child_reads_only_what_it_was_given() {
    let studio = Studio::open().await;
    let tenant = studio.ffmpeg("-f lavfi -i sine=duration=1", "tenant.wav");
    let input = tenant.to_str().unwrap();
    let refused = studio.context.run(decode(input)).await;
    assert!(
        matches!(&refused, Err(MediaError::Ffmpeg { stderr_tail, .. }) if stderr_tail.contains("Permission denied")),
        "{refused:?}"
    );
    studio
        .context
        .run(decode(input).readable(&tenant))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_child_writes_only_beside_its_output_and_in_scratch() {
    let studio = Studio::open().await;
    let elsewhere = studio.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let target = elsewhere.join("out.wav");
    let sine = || Call::new(Program::Ffmpeg).args(["-f", "lavfi", "-i", "sine=duration=1"]);
    assert!(studio.context.run(sine().arg(&target)).await.is_err());
    assert!(!target.exists());
    studio.context.run(sine().output(&target)).await.unwrap();
    assert!(target.exists());
    studio
        .context
        .run(sine().arg(studio.context.scratch.join("a.wav")))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_child_reaches_no_network() {
    for (policy, reaches) in [(SandboxPolicy::Enforce, false), (SandboxPolicy::Off, true)] {
        let studio = Studio::with(policy).await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let call = decode(&format!("tcp://{address}?timeout=500000"));
        let output = studio.context.run_unchecked(call).await.unwrap();
        assert_ne!(output.exit_code, Some(0));
        listener.set_nonblocking(true).unwrap();
        assert_eq!(
            listener.accept().is_ok(),
            reaches,
            "{policy:?}: {}",
            output.stderr_tail
        );
    }
}

#[tokio::test]
async fn the_environment_and_descriptors_of_the_worker_stay_with_it() {
    let studio = Studio::open().await;
    let stay = Call::new(Program::Ffmpeg).args([
        "-re",
        "-f",
        "lavfi",
        "-i",
        "anullsrc",
        "-f",
        "null",
        "-metadata",
        "title=environment-test",
        "-",
    ]);
    let context = studio.context.clone();
    let running = tokio::spawn(async move { context.run(stay).await });
    let child = crate::process::child_with("environment-test").await;
    let environment = std::fs::read_to_string(format!("/proc/{child}/environ")).unwrap();
    let names: Vec<&str> = environment
        .split('\0')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| !["LC_ALL", "TMPDIR", "HOME"].contains(name))
            .count(),
        0,
        "{names:?}"
    );
    let status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap();
    assert!(
        status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"),
        "{status}"
    );
    // Three standard streams, the progress pipe, and what ffmpeg opens itself; no copy of a pipe of another child.
    let open = std::fs::read_dir(format!("/proc/{child}/fd"))
        .unwrap()
        .count();
    assert!(open <= 8, "{open} descriptors");
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn the_layers_in_force_are_reported() {
    let studio = Studio::open().await;
    let layers = studio.context.engine.sandbox_layers();
    assert!(
        ["landlock-files", "seccomp", "rlimits"]
            .iter()
            .all(|layer| layers.contains(layer)),
        "{layers:?}"
    );
    let open = Studio::with(SandboxPolicy::Off).await;
    let layers = open.context.engine.sandbox_layers();
    assert!(
        layers.contains(&"rlimits") && !layers.contains(&"seccomp"),
        "{layers:?}"
    );
}

#[tokio::test]
async fn a_missing_engine_is_the_operators_to_fix() {
    let config = EngineConfig {
        ffmpeg: Path::new("no-such-ffmpeg").to_owned(),
        ..EngineConfig::default()
    };
    let Err(error) = botflix_media::Engine::discover(config).await else {
        panic!("found it")
    };
    assert_eq!(error.failure().code, "engine_missing");
    assert_eq!(
        error.failure().who_can_fix,
        botflix_common::failure::WhoCanFix::Operator
    );
}
