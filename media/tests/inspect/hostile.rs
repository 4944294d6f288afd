//! Files that are broken, foreign or made to harm.

use botflix_common::facts::Defect;
use botflix_common::verdict::{Role, Verdict};
use botflix_media::{Call, Program, SandboxPolicy};

use crate::studio::{Studio, codes};

#[tokio::test]
async fn files_that_are_no_media_are_refused_by_their_bytes() {
    let studio = Studio::open().await;
    studio.clip("other.mp4", "");
    let flv = studio.ffmpeg("-i other.mp4 -c:v flv1 -an -f flv", "flv_named.mp4");
    let cases = [
        (studio.file("empty.mp4", ""), "empty"),
        (
            studio.file("text.mp4", "just a few words, no pictures\n"),
            "unsupported_container",
        ),
        (
            studio.file(
                "drawing.mp4",
                "<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
            ),
            "unsupported_container",
        ),
        (
            studio.file("page.mp4", "<!DOCTYPE html><video src='other.mp4'>"),
            "unsupported_container",
        ),
        (
            studio.file("noise.mp4", [0x9d; 3000]),
            "unsupported_container",
        ),
        (flv, "unsupported_container"),
        (
            studio.file(
                "hls.mp4",
                "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nother.mp4\n#EXT-X-ENDLIST\n",
            ),
            "playlist",
        ),
        (
            studio.file("concat.mp4", "ffconcat version 1.0\nfile other.mp4\n"),
            "playlist",
        ),
    ];
    for (path, code) in cases {
        for role in [Role::Shot, Role::Track] {
            assert_eq!(
                studio.judge(&path, role).await,
                (Verdict::Refuse, codes(&[code])),
                "{}",
                path.display()
            );
        }
    }
}

/// The second layer: if sniffing missed a playlist, ffmpeg itself would still not follow it. Shown without the third layer, the sandbox.
#[tokio::test]
async fn ffmpeg_does_not_follow_a_playlist_to_another_file() {
    let studio = Studio::with(SandboxPolicy::Off).await;
    studio.clip("other.mp4", "");
    let list = studio.file("list.mp4", "ffconcat version 1.0\nfile other.mp4\n");
    let decode = |call: Call| call.args(["-map", "0:v", "-f", "framecrc", "pipe:1"]);
    let plain = decode(
        Call::new(Program::Ffmpeg)
            .args(["-f", "concat", "-i"])
            .arg(&list),
    );
    assert!(
        studio.context.run(plain).await.is_ok(),
        "the trap itself must work"
    );
    for forced in [None, Some("concat")] {
        let call = Call::new(Program::Ffmpeg).args(forced.iter().flat_map(|format| ["-f", format]));
        let output = studio
            .context
            .run_unchecked(decode(call.untrusted_input(&list)))
            .await
            .unwrap();
        assert_ne!(output.exit_code, Some(0));
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn a_file_cut_off_in_its_media_is_truncated() {
    let studio = Studio::open().await;
    let whole = std::fs::read(studio.clip("whole.mp4", "-movflags +faststart")).unwrap();
    let half = studio.file("half.mp4", &whole[..whole.len() / 2]);
    let (verdict, reasons) = studio.shot(&half).await;
    assert_eq!(verdict, Verdict::Refuse);
    assert!(reasons.contains(&"truncated".to_owned()), "{reasons:?}");

    let mkv = std::fs::read(studio.clip("whole.mkv", "")).unwrap();
    let half = studio.file("half.mkv", &mkv[..mkv.len() / 2]);
    assert_eq!(
        studio.shot(&half).await,
        (Verdict::Refuse, codes(&["truncated"]))
    );

    let wav = std::fs::read(studio.ffmpeg("-f lavfi -i sine=duration=4", "whole.wav")).unwrap();
    let half = studio.file("half.wav", &wav[..wav.len() / 2]);
    assert_eq!(
        studio.judge(&half, Role::Track).await,
        (Verdict::Refuse, codes(&["truncated"]))
    );

    let index_only = studio.file("head.mp4", &whole[..40]);
    assert_eq!(
        studio.shot(&index_only).await,
        (Verdict::Refuse, codes(&["truncated"]))
    );
}

#[tokio::test]
async fn pictures_that_the_decoder_drops_are_counted() {
    let studio = Studio::open().await;
    let clip = studio.clip("clean.mp4", "-an -bf 0 -g 1 -movflags +faststart");
    let mut bytes = std::fs::read(&clip).unwrap();
    // Zeros over the slice data of one picture in the middle of the media.
    let middle = bytes.len() / 2;
    bytes[middle..middle + 6000].fill(0);
    let damaged = studio.file("damaged.mp4", bytes);
    let facts = studio.facts(&damaged).await;
    let lost = facts
        .defects
        .iter()
        .any(|defect| matches!(defect, Defect::LostFrames { .. } | Defect::Truncated { .. }));
    assert!(lost, "{:?}", facts.defects);
    assert_ne!(studio.shot(&damaged).await.0, Verdict::Accept);
}

#[tokio::test]
async fn encrypted_media_is_refused_though_it_would_decode_to_garbage() {
    let studio = Studio::open().await;
    let key = "00112233445566778899aabbccddeeff";
    let clip = studio.clip(
        "encrypted.mp4",
        &format!("-encryption_scheme cenc-aes-ctr -encryption_key {key} -encryption_kid {key}"),
    );
    assert_eq!(
        studio.shot(&clip).await,
        (Verdict::Refuse, codes(&["encrypted"]))
    );
}

#[tokio::test]
async fn boxes_nested_a_thousand_deep_are_refused_at_once() {
    let studio = Studio::open().await;
    let bomb: Vec<u8> = (0..1000u32)
        .flat_map(|level| {
            ((1000 - level) * 8)
                .to_be_bytes()
                .into_iter()
                .chain(*b"moov")
        })
        .collect();
    let path = studio.file(
        "bomb.mp4",
        [b"\0\0\0\x10ftypisom\0\0\0\0".as_slice(), &bomb].concat(),
    );
    assert_eq!(
        studio.shot(&path).await,
        (Verdict::Refuse, codes(&["nesting_bomb"]))
    );
}

#[tokio::test]
async fn sizes_outside_the_limits_are_refused_before_much_is_decoded() {
    let studio = Studio::open().await;
    let huge = studio.ffmpeg(
        "-f lavfi -i color=size=7680x4320:rate=24 -frames:v 2 -c:v libx264 -preset ultrafast",
        "huge.mp4",
    );
    assert_eq!(
        studio.shot(&huge).await,
        (Verdict::Refuse, codes(&["too_many_pixels"]))
    );
    let tiny = studio.clip("tiny.mp4", "-vf scale=14:64");
    assert_eq!(
        studio.shot(&tiny).await,
        (Verdict::Refuse, codes(&["too_small"]))
    );
    let still = studio.clip("still.mp4", "-frames:v 1 -an");
    assert_eq!(
        studio.shot(&still).await,
        (Verdict::Refuse, codes(&["too_few_frames"]))
    );
}

#[tokio::test]
async fn a_codec_that_is_not_on_the_list_is_not_decoded() {
    let studio = Studio::open().await;
    let clip = studio.ffmpeg(
        "-f lavfi -i testsrc2=size=64x64:duration=1 -c:v magicyuv",
        "magic.mkv",
    );
    let (verdict, reasons) = studio.shot(&clip).await;
    assert_eq!(
        (verdict, reasons),
        (Verdict::Refuse, codes(&["nothing_decodable"]))
    );
    let motion_jpeg = studio.ffmpeg(
        "-f lavfi -i testsrc2=size=64x64:duration=1 -c:v mjpeg",
        "jpeg.mov",
    );
    assert_eq!(
        studio.shot(&motion_jpeg).await,
        (Verdict::Refuse, codes(&["nothing_decodable"]))
    );
}

#[tokio::test]
async fn a_name_full_of_metacharacters_is_only_a_name() {
    let studio = Studio::open().await;
    let clip = studio.clip("clean.mp4", "");
    let odd = studio.path("-i a&b=c;$(d)?%03d:'\".mp4");
    std::fs::rename(clip, &odd).unwrap();
    assert_eq!(studio.shot(&odd).await, (Verdict::Accept, vec![]));
}

/// The walk alone, without ffmpeg: whatever the bytes say, it ends, and quickly.
#[tokio::test]
async fn the_box_walk_survives_any_damage_to_sizes() {
    let studio = Studio::open().await;
    let mut noise = 0x2545_f491_4f6c_dd1du64;
    let mut random = move |below: usize| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        usize::try_from(noise % below as u64).unwrap()
    };
    for name in ["clean.mp4", "clean.mkv", "clean.wav"] {
        let clip = std::fs::read(studio.clip(
            name,
            if name.ends_with("wav") {
                "-vn -c:a pcm_s16le"
            } else {
                ""
            },
        ))
        .unwrap();
        for _ in 0..300 {
            let mut bytes = clip[..clip.len() - random(clip.len() / 2)].to_vec();
            for _ in 0..random(20) {
                let at = random(bytes.len());
                bytes[at] = [0, 1, 0x7f, 0xff][random(4)];
            }
            let path = studio.file("damaged", bytes);
            let start = std::time::Instant::now();
            botflix_media::boxes::survey(&path).unwrap();
            assert!(start.elapsed().as_secs() < 2);
        }
    }
}
