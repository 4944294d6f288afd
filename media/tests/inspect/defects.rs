//! Findings of clips: each rule fires on a made defect, and all are silent on clean material.

use botflix_common::facts::pictures::Damaged;
use botflix_common::findings;
use botflix_common::verdict::{Role, Verdict, judge};

use crate::studio::Studio;

/// 3 s of moving picture and moving stereo sound, tagged, without a flaw.
const CLEAN: &str = "-f lavfi -i testsrc2=size=640x360:rate=24:duration=3 \
    -f lavfi -i aevalsrc=0.2*sin(2*PI*330*t)*(1+sin(2*PI*3*t))|0.15*sin(2*PI*440*t)*(1+cos(2*PI*2*t)):sample_rate=48000:duration=3 \
    -c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv420p -c:a aac -b:a 128k \
    -colorspace bt709 -color_primaries bt709 -color_trc bt709";

/// Options that spoil the clean clip, and what they are then found to be.
const DEFECTS: [(&str, &str); 20] = [
    (
        "frozen_picture",
        "-vf trim=end=1.5,tpad=stop_mode=clone:stop_duration=1.5",
    ),
    (
        "black_picture",
        "-vf drawbox=color=black:t=fill:enable=between(t\\,1\\,2)",
    ),
    (
        "blank_picture",
        "-vf drawbox=color=orange:t=fill:enable=between(t\\,1\\,2)",
    ),
    (
        "flashes",
        "-vf drawbox=color=white:t=fill:enable=lt(mod(t\\,0.25)\\,0.125)",
    ),
    (
        "damaged_pictures",
        "-g 24 -bsf:v noise=amount=eq(n\\,24)*50",
    ),
    ("judder", "-vf fps=30"),
    (
        "soft_picture",
        "-vf scale=160:90,scale=640:360:flags=bicubic",
    ),
    ("baked_in_bars", "-vf scale=640:280,pad=640:360:0:40"),
    ("baked_in_bars", "-vf scale=480:360,pad=640:360:80:0"),
    ("low_bit_rate", "-vf scale=1280:720 -crf 50"),
    (
        "outside_range",
        "-vf lutyuv=y=clip((val-126)*1.4+126\\,0\\,255)",
    ),
    (
        "matrix_guessed",
        "-colorspace 2 -color_primaries 2 -color_trc 2",
    ),
    ("one_sided_sound", "-af pan=stereo|c0=c0|c1=0.001*c1"),
    ("inverted_phase", "-af pan=stereo|c0=c0|c1=-1*c0"),
    ("clipping", "-af volume=20dB"),
    (
        "dc_offset",
        "-af aeval=val(0)+0.05|val(1)+0.05,aformat=channel_layouts=stereo",
    ),
    (
        "hum",
        "-af aeval=val(0)+0.02*sin(2*PI*50*t)|val(1)+0.02*sin(2*PI*50*t),aformat=channel_layouts=stereo",
    ),
    ("short_sound", "-af atrim=end=2"),
    ("late_sound", "-af asetpts=PTS+0.5/TB,aresample=async=0"),
    ("silence", "-af volume=0:enable=between(t\\,0.3\\,2.7)"),
];

/// Pictures that are as they should be.
const CLEAN_PICTURES: [&str; 12] = [
    "testsrc2=size=640x360:rate=24:duration=3",
    "mandelbrot=size=640x360:rate=25",
    "testsrc=size=640x360:rate=30:duration=3",
    // Ends and colours are given, because older versions of ffmpeg draw those whatever the seed.
    "gradients=size=640x360:rate=24:duration=3:speed=0.02:x0=0:y0=0:x1=640:y1=360:n=3:c0=navy:c1=orange:c2=white:seed=7",
    "mandelbrot=size=1280x720:rate=24,crop=640:360:t*60:t*30",
    "testsrc2=size=1280x720:rate=24,zoompan=z=1+on/200:d=1:s=640x360:fps=24",
    "mandelbrot=size=640x360:rate=24,noise=alls=12:allf=t",
    "testsrc2=size=360x640:rate=24,hue=h=t*40",
    "mandelbrot=size=640x360:rate=24,eq=brightness=-0.25:contrast=0.6",
    "testsrc2=size=640x360:rate=60,fade=in:d=0.3",
    "mandelbrot=size=640x360:rate=24,gblur=sigma=1",
    "testsrc2=size=640x360:rate=24000/1001,rotate=t/4",
];

/// Sounds that are as they should be: chords, noise, syllables, near silence, bass.
const CLEAN_SOUNDS: [&str; 6] = [
    "aevalsrc=0.1*sin(2*PI*220*t)+0.1*sin(2*PI*277*t)|0.1*sin(2*PI*220*t)+0.1*sin(2*PI*330*t)",
    "anoisesrc=color=pink:amplitude=0.3:seed=1,aformat=channel_layouts=stereo",
    "anoisesrc=color=brown:amplitude=0.5:seed=1,tremolo=f=4:d=0.9,highpass=f=150,aformat=channel_layouts=stereo",
    "aevalsrc=0.002*sin(2*PI*500*t)|0.002*sin(2*PI*700*t)",
    "aevalsrc=0.3*sin(2*PI*55*t)*(1+0.2*sin(2*PI*t))|0.3*sin(2*PI*55*t)",
    "aevalsrc=0.9*sin(2*PI*150*t)*exp(-3*mod(t\\,0.5))|0.7*sin(2*PI*180*t)*exp(-3*mod(t\\,0.5))",
];

async fn rules(studio: &Studio, arguments: &str, name: &str) -> Vec<String> {
    let clip = studio.ffmpeg(arguments, name);
    let found = findings::of_clip(&studio.facts(&clip).await);
    found.into_iter().map(|finding| finding.rule).collect()
}

#[tokio::test]
async fn every_rule_about_a_clip_fires_on_a_made_defect_and_not_without_it() {
    let studio = Studio::open().await;
    assert_eq!(
        rules(&studio, CLEAN, "clean.mp4").await,
        Vec::<String>::new()
    );
    let mut wrong = Vec::new();
    for (at, (rule, options)) in DEFECTS.iter().enumerate() {
        let found = rules(&studio, &format!("{CLEAN} {options}"), &format!("{at}.mp4")).await;
        println!("{rule}: {found:?}");
        if !found.iter().any(|found| found == rule) {
            wrong.push(format!("{rule}: {found:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "silent on its defect:\n{}",
        wrong.join("\n")
    );
}

#[tokio::test]
async fn a_damaged_picture_is_told_with_its_time_however_many_threads_decode() {
    let studio = Studio::open().await;
    let damage = "-g 24 -sc_threshold 0 -bsf:v noise=amount=eq(n\\,24)*50";
    // Plain MP4 is decoded by one thread, QuickTime by two.
    for name in ["damaged.mp4", "damaged.mov"] {
        let clip = studio.ffmpeg(&format!("{CLEAN} {damage}"), name);
        let proxy = studio.path("proxy.mp4");
        let facts = botflix_media::inspect_with_proxy(&studio.context, &clip, &proxy).await;
        let facts = facts.unwrap();
        let video = facts.video.as_ref().unwrap();
        assert_eq!((video.frames, facts.defects.len()), (72, 0), "{name}");
        let wanted = Damaged {
            start_seconds: 1.0,
            end_seconds: 2.0,
            pictures: 1,
        };
        assert_eq!(video.observed.as_ref().unwrap().damaged, [wanted], "{name}");
        assert_eq!(judge(&facts, Role::Shot).verdict, Verdict::Accept, "{name}");
        let found = findings::of_clip(&facts);
        let found: Vec<_> = found.iter().map(|found| found.rule.as_str()).collect();
        assert_eq!(found, ["damaged_pictures"], "{name}");
    }
}

#[tokio::test]
async fn all_rules_about_a_clip_are_silent_on_clean_material() {
    let studio = Studio::open().await;
    let mut alarms = Vec::new();
    for (at, picture) in CLEAN_PICTURES.iter().enumerate() {
        let sound = CLEAN_SOUNDS[at % CLEAN_SOUNDS.len()];
        let arguments = format!(
            "-f lavfi -i {picture} -f lavfi -i {sound} -t 3 \
             -c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv420p -c:a aac -b:a 160k -ac 2 \
             -colorspace bt709 -color_primaries bt709 -color_trc bt709"
        );
        let found = rules(&studio, &arguments, &format!("{at}.mp4")).await;
        alarms.extend(
            found
                .into_iter()
                .map(|rule| format!("{rule} on {picture} with {sound}")),
        );
    }
    let judged = CLEAN_PICTURES.len() * DEFECTS.len();
    println!(
        "{} false alarms in {judged} judgements of {} clips",
        alarms.len(),
        CLEAN_PICTURES.len()
    );
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
}
