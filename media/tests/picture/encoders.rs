//! What is promised of each encoder: the same bytes for the same spec, and parameter sets that depend on the format and the quality alone.

use std::collections::BTreeSet;
use std::path::Path;

use botflix_common::film::Quality;
use botflix_common::task::EngineClass;

use crate::clips::{ffmpeg, ffprobe};
use crate::stage::{Stage, clip, spec};

const ON_THE_PROCESSOR: [EngineClass; 3] = [
    EngineClass::X264Cpu1,
    EngineClass::X265Cpu1,
    EngineClass::SvtAv1Cpu1,
];

fn made(stage: &Stage, name: &str, source: &str) -> std::path::PathBuf {
    let file = stage.path(name);
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            source,
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
        ],
        &file,
    );
    file
}

fn stream(file: &Path, what: &str) -> String {
    let entries = format!("stream={what}");
    let args = [
        "-show_entries",
        &entries,
        "-show_data_hash",
        "sha256",
        "-of",
        "csv=p=0",
    ];
    ffprobe(&args, file).trim().to_owned()
}

#[tokio::test]
async fn segments_of_any_clip_and_length_share_their_parameter_sets_and_come_out_the_same_twice() {
    let stage = Stage::open().await;
    let flat = made(&stage, "flat.mp4", "color=gray:s=64x64:r=5:d=1");
    let busy = made(
        &stage,
        "busy.mkv",
        "testsrc2=s=640x360:r=60:d=0.3,noise=alls=60:allf=t",
    );
    for engine in ON_THE_PROCESSOR {
        let mut sets = BTreeSet::new();
        for (file, frames) in [(&flat, 1), (&busy, 6)] {
            let mut spec = spec(clip(file), frames);
            spec.engine = engine;
            let out = stage.segment("one.mp4", &spec, &[file]).await;
            sets.insert(stream(&out, "extradata_hash,time_base,codec_tag_string"));
            let again = stage.segment("again.mp4", &spec, &[file]).await;
            assert_eq!(
                std::fs::read(out).unwrap(),
                std::fs::read(again).unwrap(),
                "{engine:?}"
            );
        }
        assert_eq!(sets.len(), 1, "{engine:?}: {sets:?}");
        let tag = sets.first().unwrap();
        let expected = match engine {
            EngineClass::X264Cpu1 => "avc1",
            EngineClass::X265Cpu1 => "hvc1",
            _ => "av01",
        };
        assert!(tag.contains(expected), "{tag}");
    }
}

#[tokio::test]
async fn a_better_quality_is_larger_and_a_draft_is_marked() {
    let stage = Stage::open().await;
    let source = "testsrc2=s=640x360:r=24:d=0.5,noise=alls=10:allf=t";
    let file = made(&stage, "clip.mp4", source);
    let mut sizes = Vec::new();
    for quality in [Quality::Draft, Quality::Standard, Quality::High] {
        let mut spec = spec(clip(&file), 12);
        spec.quality = quality;
        let out = stage.segment("quality.mp4", &spec, &[&file]).await;
        sizes.push(std::fs::metadata(out).unwrap().len());
    }
    assert!(sizes.is_sorted() && sizes[0] * 2 < sizes[2], "{sizes:?}");

    let black = made(&stage, "black.mp4", "color=black:s=320x180:r=24:d=0.5");
    let mut draft = spec(clip(&black), 12);
    draft.quality = Quality::Draft;
    let out = stage.segment("draft.mp4", &draft, &[&black]).await;
    // The mark is dark red, in the top right corner.
    let corner = crate::clips::cropped_colours(&out, "80:40:240:0");
    assert!(corner.iter().all(|[_, _, red]| *red > 140), "{corner:?}");
}
