//! The reader against files that ffmpeg wrote, and against files that lie.

use std::path::Path;
use std::process::Command;

use super::*;

fn ffmpeg(args: &str, out: &Path) {
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args.split_whitespace())
        .arg(out)
        .status()
        .unwrap();
    assert!(made.success(), "ffmpeg {args}");
}

const CLIP: &str = "-f lavfi -i testsrc2=s=64x64:r=24:d=2 -f lavfi -i sine=r=48000:d=2 \
    -c:v libx264 -preset veryfast -bf 2 -g 12 -pix_fmt yuv420p -c:a aac";

/// Offset and size of every packet of a stream, as ffprobe lists them.
fn packets(file: &Path, stream: &str) -> Vec<(u64, u32)> {
    let told = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", stream])
        .args(["-show_entries", "packet=pos,size", "-of", "csv=p=0"])
        .arg(file)
        .output()
        .unwrap();
    String::from_utf8(told.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| {
            // Side data of a packet stands behind in the same line.
            let mut fields = line.split(',');
            let size = fields.next()?.parse().ok()?;
            Some((fields.next()?.parse().ok()?, size))
        })
        .collect()
}

#[test]
fn tables_of_ffmpegs_mp4_and_mov_are_read_as_ffprobe_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["clip.mp4", "clip.mov"] {
        let clip = dir.path().join(name);
        ffmpeg(CLIP, &clip);
        let movie = read(&clip).unwrap().unwrap();
        for (kind, stream) in [(TrackKind::Video, "v"), (TrackKind::Sound, "a")] {
            let track = movie.track(kind).unwrap();
            let ours: Vec<_> = track
                .samples()
                .unwrap()
                .iter()
                .map(|sample| (sample.offset, sample.size))
                .collect();
            assert_eq!(ours, packets(&clip, stream), "{name} {stream}");
        }
        let picture = movie.track(TrackKind::Video).unwrap();
        assert_eq!(picture.entry().unwrap().size(), Some((64, 64)));
        assert_eq!(picture.avc().unwrap().length_bytes, 4);
        assert!((1..=2).contains(&picture.order().unwrap().depth()));
        let sound = movie.track(TrackKind::Sound).unwrap();
        let config = sound.entry().unwrap().audio_specific_config().unwrap();
        assert_eq!(config[0] >> 3, 2, "{name}: AAC LC");
        assert_eq!(avc::idr_frames(&clip, &movie).unwrap(), [0, 12, 24, 36]);
    }
}

#[test]
fn recovery_points_of_open_groups_are_not_taken_for_idr_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("open.mp4");
    ffmpeg(&format!("{CLIP} -x264-params open-gop=1:keyint=12"), &clip);
    let movie = read(&clip).unwrap().unwrap();
    let marked = movie.track(TrackKind::Video).unwrap().samples().unwrap();
    assert!(marked.iter().filter(|sample| sample.sync).count() > 1);
    assert_eq!(avc::idr_frames(&clip, &movie).unwrap(), [0]);
}

#[test]
fn fragments_and_other_files_are_none_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.mp4");
    ffmpeg(&format!("{CLIP} -movflags frag_keyframe+empty_moov"), &clip);
    assert!(read(&clip).unwrap().is_none());
    let other = dir.path().join("clip.mkv");
    ffmpeg(CLIP, &other);
    assert!(read(&other).unwrap().is_none());
    std::fs::write(&other, b"").unwrap();
    assert!(read(&other).unwrap().is_none());
}

#[test]
fn a_file_cut_or_changed_anywhere_in_its_index_is_refused_or_read_and_never_panics() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.mp4");
    ffmpeg(&format!("{CLIP} -t 0.5 -movflags +faststart"), &clip);
    let bytes = std::fs::read(&clip).unwrap();
    let index = bytes.windows(4).position(|kind| kind == b"mdat").unwrap();
    let damaged = dir.path().join("damaged.mp4");
    let try_it = |bytes: &[u8]| {
        std::fs::write(&damaged, bytes).unwrap();
        let Ok(Some(movie)) = read(&damaged) else {
            return;
        };
        for track in &movie.tracks {
            for sample in track.samples().unwrap_or_default() {
                assert!(sample.offset + u64::from(sample.size) <= bytes.len() as u64);
            }
            drop(track.order());
            drop(track.avc());
            let config = track.entry().and_then(Entry::audio_specific_config);
            assert!(config.is_none_or(|config| config.len() < bytes.len()));
        }
        drop(avc::idr_frames(&damaged, &movie));
    };
    for end in (0..bytes.len()).step_by(97) {
        try_it(&bytes[..end]);
    }
    for at in (0..index).step_by(3) {
        for value in [0x00, 0xff] {
            let mut changed = bytes.clone();
            changed[at] = value;
            try_it(&changed);
        }
    }
}

#[test]
fn a_table_that_promises_billions_of_samples_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.mp4");
    ffmpeg(CLIP, &clip);
    let mut bytes = std::fs::read(&clip).unwrap();
    let sizes = bytes.windows(4).position(|kind| kind == b"stsz").unwrap();
    // The same size for each of four billion.
    bytes[sizes + 8..sizes + 12].copy_from_slice(&1u32.to_be_bytes());
    bytes[sizes + 12..sizes + 16].copy_from_slice(&u32::MAX.to_be_bytes());
    std::fs::write(&clip, bytes).unwrap();
    let movie = read(&clip).unwrap().unwrap();
    let picture = movie.track(TrackKind::Video).unwrap();
    assert_eq!(
        picture.samples(),
        Err(Damage("a track has more samples than are read"))
    );
    assert!(movie.track(TrackKind::Sound).unwrap().samples().is_ok());
}
