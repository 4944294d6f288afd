//! What is measured of usable clips.

use botflix_common::units::FrameRate;
use botflix_common::verdict::{Role, Verdict};

use crate::studio::{Studio, codes};

#[tokio::test]
async fn a_clean_clip_is_measured_to_the_frame_and_the_decibel() {
    let studio = Studio::open().await;
    let clip = studio.clip("clean.mp4", "");
    let facts = studio.facts(&clip).await;
    let video = facts.video.clone().unwrap();
    assert_eq!(
        (
            video.codec.as_str(),
            video.width,
            video.height,
            video.frames
        ),
        ("h264", 320, 180, 48)
    );
    assert_eq!(video.frame_rate, FrameRate::new(24, 1).unwrap());
    assert!(video.constant_rate && video.starts_on_idr && !video.interlaced);
    assert_eq!(
        (video.start_seconds, video.sar, video.timescale),
        (0.0, (1, 1), 12288)
    );
    assert!((video.duration_seconds - 2.0).abs() < 1e-6);
    assert!(
        (1..=3).contains(&video.reorder_frames),
        "{}",
        video.reorder_frames
    );
    assert_eq!(video.parameter_sets.unwrap().len(), 64);

    let audio = facts.audio.clone().unwrap();
    assert_eq!(
        (audio.codec.as_str(), audio.sample_rate_hz, audio.channels),
        ("aac", 48_000, 2)
    );
    assert!(
        audio.start_offset_seconds.abs() < 0.001,
        "{}",
        audio.start_offset_seconds
    );
    // Priming is gone; the last AAC frame may run on.
    assert!(
        (96_000..97_100).contains(&audio.samples),
        "{}",
        audio.samples
    );
    // EBU Tech 3341: a 1 kHz stereo sine has as many LUFS as dBFS.
    assert!(
        (audio.integrated_lufs.unwrap() + 18.06).abs() < 0.2,
        "{:?}",
        audio.integrated_lufs
    );
    assert!(
        (audio.true_peak_dbtp.unwrap() + 18.06).abs() < 0.5,
        "{:?}",
        audio.true_peak_dbtp
    );
    assert_eq!(studio.shot(&clip).await, (Verdict::Accept, vec![]));
}

#[tokio::test]
async fn silent_soundless_and_portrait_clips_are_accepted() {
    let studio = Studio::open().await;
    let silent = studio.clip("silent.mp4", "-af volume=0");
    assert_eq!(studio.shot(&silent).await, (Verdict::Accept, vec![]));
    assert_eq!(
        studio.facts(&silent).await.audio.unwrap().integrated_lufs,
        None
    );
    let mute = studio.clip("mute.mp4", "-an");
    assert_eq!(studio.shot(&mute).await, (Verdict::Accept, vec![]));
    let portrait = studio.clip("portrait.mp4", "-vf transpose");
    assert_eq!(studio.shot(&portrait).await, (Verdict::Accept, vec![]));
}

#[tokio::test]
async fn what_forbids_a_copy_asks_for_conversion_by_name() {
    let studio = Studio::open().await;
    let cases = [
        (
            "vfr.mp4",
            "-vf select=not(between(n\\,20\\,24)) -fps_mode vfr",
            &["variable_rate"][..],
        ),
        (
            "hdr.mp4",
            "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc",
            &["hdr"],
        ),
        ("full.mp4", "-pix_fmt yuvj420p", &["full_range"]),
        ("sd.mp4", "-colorspace smpte170m", &["colour"]),
        ("wide.mp4", "-vf setsar=4/3", &["sample_aspect"]),
        ("ten.mp4", "-pix_fmt yuv420p10le", &["pixel_format"]),
        ("slow.mp4", "-vf fps=12", &["frame_rate"]),
        (
            "fields.mp4",
            "-flags +ildct+ilme -x264-params tff=1",
            &["interlaced"],
        ),
        (
            "fragments.mp4",
            "-movflags frag_keyframe+empty_moov",
            &["start_offset", "fragmented"],
        ),
        ("short.mp4", "-af atrim=end=1", &["audio_short"]),
        (
            "late.mp4",
            "-af asetpts=PTS+0.5/TB,aresample=async=0",
            &["audio_late"],
        ),
        (
            "other.webm",
            "-c:v libvpx -c:a libopus",
            &["container", "codec"],
        ),
    ];
    for (name, options, expected) in cases {
        let clip = studio.clip(name, options);
        assert_eq!(
            studio.shot(&clip).await,
            (Verdict::Convert, codes(expected)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn container_level_oddities_are_found_in_copies_of_a_clean_clip() {
    let studio = Studio::open().await;
    studio.clip("clean.mp4", "-g 12");
    let turned = studio.ffmpeg("-i clean.mp4 -c copy -metadata:s:v rotate=90", "turned.mp4");
    assert_eq!(
        studio.shot(&turned).await,
        (Verdict::Convert, codes(&["rotation"]))
    );
    let facts = studio.facts(&turned).await.video.unwrap();
    assert!(facts.rotation_degrees == 90 || facts.rotation_degrees == 270);
    assert_eq!(facts.display_size(), (180, 320));

    // A copy from between two key pictures hides what comes before the cut.
    let cut = studio.ffmpeg("-ss 0.7 -i clean.mp4 -c copy", "cut.mp4");
    let (verdict, reasons) = studio.shot(&cut).await;
    assert_eq!(verdict, Verdict::Convert);
    assert!(reasons.contains(&"edit_list".to_owned()), "{reasons:?}");

    let shifted = studio.ffmpeg(
        "-itsoffset 1 -i clean.mp4 -itsoffset 0 -i clean.mp4 -map 0:v -map 1:a -c copy",
        "shifted.mp4",
    );
    assert_eq!(
        studio.shot(&shifted).await,
        (Verdict::Convert, codes(&["start_offset", "audio_short"]))
    );
    let offset = studio
        .facts(&shifted)
        .await
        .audio
        .unwrap()
        .start_offset_seconds;
    assert!((offset + 1.0).abs() < 0.03, "{offset}");

    studio.file("words.srt", "1\n00:00:00,000 --> 00:00:01,000\nhello\n");
    let captioned = studio.ffmpeg(
        "-i clean.mp4 -i words.srt -map 0 -map 1 -c copy -c:s mov_text",
        "captioned.mp4",
    );
    assert_eq!(
        studio.shot(&captioned).await,
        (Verdict::Convert, codes(&["extra_streams"]))
    );
}

#[tokio::test]
async fn parameter_sets_are_equal_for_equal_settings_and_differ_otherwise() {
    let studio = Studio::open().await;
    let mut sets = Vec::new();
    for (name, options) in [
        ("a.mp4", ""),
        ("b.mp4", "-vf hue=s=0"),
        ("c.mp4", "-refs 1 -bf 0"),
    ] {
        let clip = studio.clip(name, options);
        sets.push(
            studio
                .facts(&clip)
                .await
                .video
                .unwrap()
                .parameter_sets
                .unwrap(),
        );
    }
    assert_eq!(sets[0], sets[1]);
    assert_ne!(sets[0], sets[2]);
}

#[tokio::test]
async fn sound_files_are_tracks_and_never_shots() {
    let studio = Studio::open().await;
    studio.file(
        "cover.ppm",
        [b"P6 64 64 255\n".as_slice(), &[90; 64 * 64 * 3]].concat(),
    );
    let sine = "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=3";
    let covered = format!(
        "{sine} -i cover.ppm -map 0 -map 1 -c:v mjpeg -pix_fmt yuvj420p -disposition:v attached_pic"
    );
    for (name, arguments) in [
        ("a.wav", sine),
        ("a.mp3", sine),
        ("a.flac", sine),
        ("a.ogg", &format!("{sine} -c:a libvorbis")),
        ("a.aac", sine),
        ("a.m4a", sine),
        ("covered.mp3", &covered),
    ] {
        let clip = studio.ffmpeg(arguments, name);
        assert_eq!(
            studio.judge(&clip, Role::Track).await,
            (Verdict::Accept, vec![]),
            "{name}"
        );
        assert_eq!(
            studio.shot(&clip).await,
            (Verdict::Refuse, codes(&["no_video"])),
            "{name}"
        );
        let audio = studio.facts(&clip).await.audio.unwrap();
        let seconds = audio.duration_seconds();
        assert!((2.99..3.1).contains(&seconds), "{name}: {seconds} s");
        assert_eq!(audio.start_offset_seconds, 0.0);
    }
}

#[tokio::test]
async fn the_index_of_a_plain_clip_tells_what_ffprobe_would() {
    let studio = Studio::open().await;
    for (number, more) in [
        "",
        "-bf 0 -g 12",
        "-r 30000/1001 -vf setsar=4/3",
        "-colorspace bt709 -color_range tv",
    ]
    .into_iter()
    .enumerate()
    {
        let plain = studio.clip(&format!("plain-{number}.mp4"), more);
        let plain_facts = studio.facts(&plain).await;
        // The same packets, but turned: that is more than the index is asked for.
        let turned = studio.ffmpeg(
            &format!("-i plain-{number}.mp4 -c copy -metadata:s:v:0 rotate=180"),
            &format!("turned-{number}.mp4"),
        );
        let mut facts = studio.facts(&turned).await;
        let video = facts.video.as_mut().unwrap();
        assert_eq!(video.rotation_degrees, 180, "{more}");
        video.rotation_degrees = 0;
        facts.bytes = plain_facts.bytes;
        assert_eq!(facts, plain_facts, "{more}");
    }
}

#[tokio::test]
async fn every_idr_picture_is_remembered_by_what_is_decoded_of_it() {
    let studio = Studio::open().await;
    let clip = studio.clip("keys.mp4", "-g 10 -keyint_min 10 -sc_threshold 0");
    let video = studio.facts(&clip).await.video.unwrap();
    assert_eq!(video.idr_frames, [0, 10, 20, 30, 40]);
    let luma = studio.ffmpeg("-i keys.mp4 -vf extractplanes=y -f rawvideo", "keys.gray");
    let luma = std::fs::read(luma).unwrap();
    let crcs: Vec<u32> = luma
        .chunks_exact(320 * 180)
        .step_by(10)
        .map(crc32fast::hash)
        .collect();
    assert_eq!(video.idr_crcs, crcs);
    let full = studio.clip(
        "full.mp4",
        "-vf scale=out_range=pc -color_range pc -pix_fmt yuvj420p",
    );
    let video = studio.facts(&full).await.video.unwrap();
    assert!(!video.idr_frames.is_empty() && video.idr_crcs.is_empty());
}
