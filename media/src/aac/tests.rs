//! Against ffmpeg, sample by sample.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

fn ffmpeg(args: &[&str], out: &Path) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args)
        .arg(out)
        .status();
    assert!(status.unwrap().success(), "{args:?}");
}

fn by_ffmpeg(file: &Path) -> Vec<[f32; 2]> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(file)
        .args([
            "-map",
            "0:a:0",
            "-af",
            "aformat=sample_fmts=flt:channel_layouts=stereo",
        ])
        .args(["-f", "f32le", "pipe:1"])
        .output()
        .unwrap();
    let bytes = output.stdout.as_chunks::<4>().0.iter();
    let samples: Vec<f32> = bytes.map(|bytes| f32::from_le_bytes(*bytes)).collect();
    samples.as_chunks::<2>().0.to_vec()
}

fn in_process(track: &Track, first: u64) -> Vec<[f32; 2]> {
    let mut reader = Reader::open(track, first).unwrap();
    let mut frames = Vec::new();
    while reader.read(&mut frames).unwrap() {}
    frames
}

fn largest_difference(a: &[[f32; 2]], b: &[[f32; 2]]) -> f32 {
    a.as_flattened()
        .iter()
        .zip(b.as_flattened())
        .fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

/// Two seconds of tones with onsets, which make the encoder change its windows.
fn clip(dir: &Path, name: &str, channels: &str, more: &[&str]) -> PathBuf {
    let sound = format!(
        "aevalsrc='0.4*sin(1200*t)*lt(mod(t,0.3),0.2)|0.3*sin(3000*t)*lt(mod(t,0.4),0.1)':s=48000:d=2,aformat=channel_layouts={channels}"
    );
    let out = dir.join(name);
    let mut args = vec!["-f", "lavfi", "-i", &sound, "-c:a", "aac", "-aac_pns", "0"];
    args.extend(more);
    ffmpeg(&args, &out);
    out
}

#[test]
fn every_sample_of_aac_lc_in_mp4_and_mov_is_the_one_that_ffmpeg_gives() {
    let dir = tempfile::tempdir().unwrap();
    let stereo = clip(dir.path(), "stereo.mp4", "stereo", &["-b:a", "128k"]);
    let trimmed = dir.path().join("trimmed.mp4");
    ffmpeg(
        &[
            "-ss",
            "0.7131",
            "-i",
            stereo.to_str().unwrap(),
            "-t",
            "0.9",
            "-c",
            "copy",
        ],
        &trimmed,
    );
    let files = [
        clip(dir.path(), "mono.mp4", "mono", &["-b:a", "64k"]),
        clip(dir.path(), "stereo.mov", "stereo", &["-aac_coder", "fast"]),
        clip(
            dir.path(),
            "late.mp4",
            "stereo",
            &["-output_ts_offset", "0.4"],
        ),
        stereo,
        trimmed,
    ];
    for file in files {
        let track = Track::open(&file).unwrap().expect("decoded in process");
        let (ours, theirs) = (in_process(&track, 0), by_ffmpeg(&file));
        assert_eq!(ours.len(), theirs.len(), "{file:?}");
        assert_eq!(ours.len() as u64, track.frames(), "{file:?}");
        assert!(largest_difference(&ours, &theirs) < 1e-5, "{file:?}");
        for first in [1, 1000, 1024, 20_001] {
            let later = in_process(&track, first);
            assert!(
                largest_difference(&later, &ours[first as usize..]) == 0.0,
                "{file:?} {first}"
            );
            assert_eq!(later.len(), ours.len() - first as usize);
        }
        assert!(in_process(&track, track.frames() + 5000).is_empty());
    }
}

#[test]
fn what_only_ffmpeg_decodes_right_is_left_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        clip(dir.path(), "rate.mp4", "stereo", &["-ar", "44100"]),
        clip(dir.path(), "surround.mp4", "5.1", &[]),
        clip(
            dir.path(),
            "fragments.mp4",
            "stereo",
            &["-movflags", "frag_keyframe+empty_moov"],
        ),
        clip(
            dir.path(),
            "no-edits.mp4",
            "stereo",
            &["-use_editlist", "0"],
        ),
        clip(dir.path(), "matroska.mkv", "stereo", &[]),
        clip(dir.path(), "mp3.mp4", "stereo", &["-c:a", "libmp3lame"]),
    ];
    for file in files {
        assert!(Track::open(&file).unwrap().is_none(), "{file:?}");
    }
    let text = dir.path().join("text.mp4");
    std::fs::write(&text, "not a film").unwrap();
    assert!(Track::open(&text).unwrap().is_none());
}

#[test]
fn packets_that_are_damaged_make_the_decoder_stumble_and_nothing_worse() {
    let dir = tempfile::tempdir().unwrap();
    let file = clip(dir.path(), "clip.mp4", "stereo", &[]);
    let whole = std::fs::read(&file).unwrap();
    let media = whole.windows(4).position(|kind| kind == b"mdat").unwrap() + 4;
    let mut stumbled = 0;
    for seed in 0..40u64 {
        let mut bytes = whole.clone();
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for _ in 0..20 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = media + (state >> 33) as usize % 20_000;
            bytes[at] = state as u8;
        }
        std::fs::write(&file, bytes).unwrap();
        let track = Track::open(&file).unwrap().unwrap();
        let mut reader = Reader::open(&track, 0).unwrap();
        let mut frames = Vec::new();
        stumbled += loop {
            match reader.read(&mut frames) {
                Ok(true) => {}
                Ok(false) => break 0,
                Err(AacError::Stumbled(_)) => break 1,
                Err(other) => panic!("{other}"),
            }
        };
    }
    assert!(stumbled > 10, "{stumbled} of 40");
}
