//! Sound: on its picture, at its loudness, under its peak.

use std::path::{Path, PathBuf};

use botflix_media::inspect;

use crate::clips::{colours, ebur128, ffmpeg, samples};
use crate::studio::{Picture, Shot, Studio, format};

/// A black clip of one second with one white frame at `flash_seconds` and a click at the same moment, whose sound track starts late.
fn flash_and_click(flash_seconds: f64, rate: u32, sound_starts: f64, sound_rate: u32, out: &Path) {
    let picture = format!(
        "color=black:s=320x180:r={rate}:d=1,geq=lum='if(between(T,{0}-0.001,{0}+0.9/{rate}),235,16)':cb=128:cr=128",
        flash_seconds
    );
    let click = flash_seconds - sound_starts;
    let sound = format!(
        "aevalsrc='if(between(t,{click},{click}+0.01),0.9*sin(6283*(t-{click})),0)':s={sound_rate}:d={}",
        1.0 - sound_starts
    );
    let offset = sound_starts.to_string();
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            &picture,
            "-itsoffset",
            &offset,
            "-f",
            "lavfi",
            "-i",
            &sound,
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "aac",
            "-b:a",
            "128k",
        ],
        out,
    );
}

#[tokio::test]
async fn a_click_sounds_with_its_flash_in_every_shot_even_where_sound_starts_late() {
    let studio = Studio::open().await;
    let mut shots = Vec::new();
    for (number, (flash, rate, starts, sound_rate)) in [
        (0.5, 24, 0.0, 48_000),
        (0.6, 25, 0.3, 44_100),
        (0.7, 30, 0.15, 48_000),
    ]
    .into_iter()
    .enumerate()
    {
        let clip = studio.path(&format!("clip-{number}.mp4"));
        flash_and_click(flash, rate, starts, sound_rate, &clip);
        let facts = inspect(&studio.ctx, &clip).await.unwrap();
        let sound_offset = facts.audio.unwrap().start_offset_seconds;
        assert!(
            (sound_offset - starts).abs() < 0.03,
            "{sound_offset} for {starts}"
        );
        for start_seconds in [0.0, 0.25] {
            let mut shot = Shot::new(&clip, 20);
            shot.start_seconds = start_seconds;
            shot.sound = Some(sound_offset);
            shots.push(shot);
        }
    }
    let fps = format("24000/1001").fps;
    let film = studio
        .film("film", Picture::Conformed, "24000/1001", &shots)
        .await;
    studio.checked(&film).await.unwrap();
    let (pictures, sound) = (colours(&film.file), samples(&film.file));
    for number in 0..shots.len() as u64 {
        let frames = number * 20..(number + 1) * 20;
        let flash = frames
            .clone()
            .max_by_key(|frame| pictures[*frame as usize][0])
            .map(|frame| fps.seconds_at(frame))
            .unwrap();
        let window = fps.samples_at(frames.start) as usize..fps.samples_at(frames.end) as usize;
        let loudest = sound[window.clone()]
            .iter()
            .fold(0.0f32, |most, sample| most.max(sample.abs()));
        let click = window
            .clone()
            .find(|at| sound[*at].abs() > loudest / 2.0)
            .unwrap() as f64
            / 48_000.0;
        assert!(
            (click - flash).abs() <= 0.021,
            "shot {number}: flash {flash:.4} s, click {click:.4} s"
        );
    }
}

async fn levelled(studio: &Studio, source: &str, seconds: u64) -> PathBuf {
    let clip = studio.path("sound.wav");
    ffmpeg(&["-f", "lavfi", "-i", source, "-c:a", "pcm_f32le"], &clip);
    let out = studio.path("sound.m4a");
    let facts = studio
        .mixed(
            format("24").fps,
            &[Shot::new(&clip, seconds * 24)],
            &[],
            &out,
        )
        .await;
    let (integrated, peak) = ebur128(&out);
    assert!(
        (integrated + 14.0).abs() < 0.5,
        "{facts:?}, ffmpeg says {integrated} LUFS"
    );
    assert!(peak <= -1.0, "{facts:?}, ffmpeg says {peak} dBTP");
    assert!(
        (facts.integrated_lufs.unwrap() - integrated).abs() < 0.15,
        "{facts:?}, ffmpeg says {integrated} LUFS"
    );
    out
}

#[tokio::test]
async fn loud_noise_meets_loudness_and_peak_as_encoded() {
    levelled(
        &Studio::open().await,
        "anoisesrc=c=white:a=1:r=48000:d=3:seed=1,volume=12dB",
        3,
    )
    .await;
}

#[tokio::test]
async fn soft_speech_like_bursts_meet_loudness_and_peak_as_encoded() {
    // Syllables of pink noise, 4 a second with pauses, around −40 dBFS, with plosives 20 dB above.
    let source = "anoisesrc=c=pink:a=0.02:r=48000:d=4:seed=1,volume='if(lt(mod(t,1.6),1.2),if(lt(mod(t,0.25),0.01),10,lt(mod(t,0.25),0.15)),0)':eval=frame";
    levelled(&Studio::open().await, source, 4).await;
}

#[tokio::test]
async fn a_track_is_heard_where_it_starts_and_ends_with_the_film() {
    let studio = Studio::open().await;
    let track = studio.path("music.wav");
    ffmpeg(&["-f", "lavfi", "-i", "sine=f=1000:r=44100:d=5"], &track);
    let mut mute = Shot::new(&track, 48);
    mute.sound = None;
    let out = studio.path("sound.m4a");
    studio
        .mixed(format("24").fps, &[mute], &[(track, 48_000)], &out)
        .await;
    let sound = samples(&out);
    // AAC rings for a moment before an onset.
    assert!(sound[..46_000].iter().all(|sample| sample.abs() < 0.01));
    let onset = sound.iter().position(|sample| sample.abs() > 0.1).unwrap();
    assert!(onset.abs_diff(48_000) < 100, "{onset}");
    assert!((96_000..97_024).contains(&sound.len()), "{}", sound.len());
}

#[tokio::test]
async fn a_silent_film_stays_silent_and_says_so() {
    let studio = Studio::open().await;
    let clip = studio.path("mute.mp4");
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180:r=24:d=1.5",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
        ],
        &clip,
    );
    let mut shot = Shot::new(&clip, 36);
    shot.sound = None;
    let film = studio.film("film", Picture::Copied, "24", &[shot]).await;
    assert_eq!(
        (film.sound.integrated_lufs, film.sound.true_peak_dbtp),
        (None, None)
    );
    assert!(samples(&film.file).iter().all(|sample| *sample == 0.0));
    let checked = studio.checked(&film).await.unwrap();
    let rules: Vec<_> = checked
        .findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect();
    assert_eq!(rules, ["film_length", "silent_film"]);
}

#[tokio::test]
async fn sound_that_cannot_be_as_loud_as_asked_is_delivered_with_a_finding() {
    let studio = Studio::open().await;
    let clip = studio.path("clicks.mp4");
    // One loud sample in each half second: all peak, no loudness.
    let clicks = "aevalsrc='if(eq(mod(n,24000),12000),0.9,0)':s=48000:d=2";
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180:r=24:d=2",
            "-f",
            "lavfi",
            "-i",
            clicks,
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "pcm_s16le",
            "-f",
            "mov",
        ],
        &clip,
    );
    let film = studio
        .film("film", Picture::Conformed, "24", &[Shot::new(&clip, 48)])
        .await;
    let checked = studio.checked(&film).await.unwrap();
    let finding = checked
        .findings
        .iter()
        .find(|finding| finding.rule == "loudness_off_target")
        .unwrap();
    assert!(
        finding.measured.unwrap() < -15.0 && finding.limit == Some(-14.0),
        "{finding:?}"
    );
    assert!(checked.film.true_peak_dbtp.unwrap() <= -1.0, "{checked:?}");
}

#[tokio::test]
async fn sound_too_short_or_sparse_to_have_a_loudness_still_keeps_its_peak() {
    let studio = Studio::open().await;
    let clip = studio.path("short.wav");
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "anoisesrc=a=1:r=48000:d=0.2:seed=1,volume=6dB",
            "-c:a",
            "pcm_f32le",
        ],
        &clip,
    );
    let out = studio.path("sound.m4a");
    let facts = studio
        .mixed(format("24").fps, &[Shot::new(&clip, 5)], &[], &out)
        .await;
    assert_eq!(facts.integrated_lufs, None);
    assert!(facts.true_peak_dbtp.unwrap() <= -1.0, "{facts:?}");
}
