//! No child outlives the reason for it.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use botflix_media::{Call, Context, MediaError, Program, Progress};

use crate::studio::Studio;

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs in real time until it is ended, findable by its title.
pub fn endless(title: &str) -> Call {
    Call::new(Program::Ffmpeg).args([
        "-re",
        "-f",
        "lavfi",
        "-i",
        "anullsrc",
        "-metadata",
        &format!("title={title}"),
        "-f",
        "null",
        "-",
    ])
}

async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The process whose command line has this title.
pub async fn child_with(title: &str) -> u32 {
    until(title, || {
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .find_map(|entry| {
                let id = entry.file_name().to_str()?.parse().ok()?;
                let line = std::fs::read(entry.path().join("cmdline")).ok()?;
                let is_ffmpeg = line
                    .split(|byte| *byte == 0)
                    .next()
                    .is_some_and(|program| program.ends_with(b"ffmpeg"));
                (is_ffmpeg && String::from_utf8_lossy(&line).contains(&format!("title={title}")))
                    .then_some(id)
            })
    })
    .await
}

/// Gone, or dead and waiting for its parent.
async fn ended(child: u32) {
    until("the end of the child", || {
        match std::fs::read_to_string(format!("/proc/{child}/stat")) {
            Ok(stat) => stat
                .rsplit(") ")
                .next()
                .is_some_and(|rest| rest.starts_with('Z'))
                .then_some(()),
            Err(_) => Some(()),
        }
    })
    .await;
}

fn group_of(child: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap();
    stat.rsplit(") ")
        .next()
        .unwrap()
        .split(' ')
        .nth(2)
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_dropped_future_takes_its_process_group_with_it() {
    let studio = Studio::open().await;
    let context = studio.context.clone();
    let running = tokio::spawn(async move { context.run(endless("dropped-future")).await });
    let child = child_with("dropped-future").await;
    assert_eq!(group_of(child), child, "it leads a group of its own");
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    ended(child).await;
}

#[tokio::test]
async fn canceling_a_task_ends_its_child_before_the_answer() {
    let studio = Studio::open().await;
    let context = studio.context.clone();
    let running = tokio::spawn(async move { context.run(endless("canceled-task")).await });
    let child = child_with("canceled-task").await;
    studio.context.cancel.cancel();
    assert!(matches!(running.await.unwrap(), Err(MediaError::Canceled)));
    assert!(!std::path::Path::new(&format!("/proc/{child}")).exists());
}

#[tokio::test]
async fn a_child_past_its_deadline_is_ended() {
    let studio = Studio::open().await;
    let outcome = studio
        .context
        .run(endless("deadline").deadline(Duration::from_millis(600)))
        .await;
    assert!(
        matches!(outcome, Err(MediaError::Deadline { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_child_without_a_sign_of_life_is_ended_and_a_slow_one_is_not() {
    let studio = Studio::open().await;
    let limit = Duration::from_millis(1500);
    let pipe = studio.path("never");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let stuck = Call::new(Program::Ffmpeg)
        .own_input(&pipe)
        .args(["-f", "null", "-"])
        .stall_limit(limit);
    let outcome = studio.context.run(stuck).await;
    assert!(
        matches!(outcome, Err(MediaError::Stalled { .. })),
        "{outcome:?}"
    );

    let slow = Call::new(Program::Ffmpeg)
        .args([
            "-re", "-f", "lavfi", "-i", "anullsrc", "-t", "4", "-f", "null", "-",
        ])
        .stall_limit(limit);
    studio.context.run(slow).await.unwrap();
}

#[tokio::test]
async fn progress_grows_from_zero_to_one() {
    let studio = Studio::open().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let context = Context {
        progress: Progress::new(move |fraction, _| sink.lock().unwrap().push(fraction)),
        ..studio.context.clone()
    };
    let call = Call::new(Program::Ffmpeg)
        .args([
            "-re", "-f", "lavfi", "-i", "anullsrc", "-t", "2", "-f", "null", "-",
        ])
        .media_seconds(2.0);
    context.run(call).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.len() >= 3, "{seen:?}");
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(*seen.last().unwrap() > 0.9, "{seen:?}");
}

#[tokio::test]
async fn bytes_fed_in_come_out_as_samples() {
    let studio = Studio::open().await;
    let wav = std::fs::read(studio.ffmpeg(
        "-f lavfi -i sine=sample_rate=48000:duration=1 -c:a pcm_f32le",
        "in.wav",
    ))
    .unwrap();
    let copy = studio.path("fed.wav");
    let call = Call::new(Program::Ffmpeg)
        .args(["-f", "wav", "-i", "pipe:0", "-c:a", "pcm_f32le"])
        .output(&copy);
    studio.context.feed(call, wav.as_slice()).await.unwrap();
    let mut samples = 0;
    let call = Call::new(Program::Ffmpeg)
        .own_input(&copy)
        .args(["-f", "f32le", "pipe:1"]);
    let output = studio.context.decode_pcm(call, |chunk| {
        samples += chunk.len();
        Ok(())
    });
    assert_eq!(output.await.unwrap().exit_code, Some(0));
    assert_eq!(samples, 48_000);
}

#[tokio::test]
async fn an_answer_longer_than_the_limit_ends_the_child() {
    let studio = Studio::open().await;
    let flood =
        Call::new(Program::Ffmpeg).args(["-f", "lavfi", "-i", "anullsrc", "-f", "f32le", "pipe:1"]);
    assert!(matches!(
        studio.context.run(flood).await,
        Err(MediaError::TooMuchOutput { .. })
    ));
}

/// Not a test of its own: the process that the next one kills.
#[tokio::test]
#[ignore = "started by a_killed_worker_leaves_no_child_behind"]
async fn hold_a_child() {
    let studio = Studio::open().await;
    studio.context.run(endless("orphan")).await.unwrap();
}

#[tokio::test]
async fn a_killed_worker_leaves_no_child_behind() {
    let mut worker = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "process::hold_a_child"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let child = child_with("orphan").await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    ended(child).await;
}
