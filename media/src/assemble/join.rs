//! The call that makes the film: what ffmpeg is told of segments, times, captions, chapters and language. Text only; [`super`] runs it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use botflix_common::film::Chapter;
use botflix_common::task::AssembleSpec;
use botflix_common::units::{FrameRate, SAMPLE_RATE_HZ};

use super::{broken, language};
use crate::{Call, MediaError, Program, vtt};

/// `+faststart` moves the whole film when all is written, and says nothing while it does: ten minutes for many gigabytes on a slow disk.
const STALL_LIMIT: Duration = Duration::from_secs(600);

/// Everything of the film but its specification.
pub(super) struct Parts<'a> {
    pub(super) list: PathBuf,
    pub(super) captions: PathBuf,
    pub(super) chapters: PathBuf,
    pub(super) sound: &'a Path,
    /// Pictures by which decoding runs ahead, the most of any segment.
    pub(super) reorder_depth: u64,
    pub(super) duration_seconds: f64,
}

/// The call, less its output.
pub(super) fn call(spec: &AssembleSpec, parts: &Parts<'_>) -> Call {
    let fps = spec.format.fps;
    let (timescale, ticks) = fps.timescale();
    let language = language::iso_639_2(&spec.language);
    let call = Call::new(Program::Ffmpeg)
        // Left to itself the concat demuxer turns H.264 to Annex B and repeats its headers at each key frame: other bytes than the segments'.
        .args(["-f", "concat", "-safe", "0", "-auto_convert", "0"])
        .own_input(&parts.list)
        .own_input(parts.sound)
        .own_input(&parts.captions)
        .args(["-f", "ffmetadata"])
        .own_input(&parts.chapters)
        .args(["-map", "0:v:0", "-map", "1:a:0"]);
    let call = if spec.captions.is_empty() {
        call
    } else {
        // Off until the viewer asks.
        call.args(["-map", "2:s:0", "-disposition:s:0", "0"])
            .args(["-metadata:s:s:0", &format!("language={language}")])
    };
    // With `-map_metadata -1` alone ffmpeg 5.1 drops the chapters' titles, too.
    call.args([
        "-map_metadata:g",
        "-1",
        "-map_metadata:s",
        "-1",
        "-map_chapters",
        "3",
    ])
    .args(["-metadata", &format!("title={}", spec.title)])
    .args(["-metadata:s:a:0", &format!("language={language}")])
    .args(["-c", "copy"])
    // Onto the exact grid: what segments and the list round is far less than half a frame.
    .args([
        "-bsf:v",
        &format!(
            "setts=pts=round(PTS/{ticks})*{ticks}:dts=(N-{})*{ticks}:duration={ticks}",
            parts.reorder_depth
        ),
    ])
    .args(["-fflags", "+bitexact"])
    .args(["-video_track_timescale", &timescale.to_string()])
    .args(["-movie_timescale", &movie_timescale(fps).to_string()])
    .args(["-movflags", "+faststart", "-f", "mp4"])
    .stall_limit(STALL_LIMIT)
    .media_seconds(parts.duration_seconds)
}

/// Ticks in which frames and samples are whole numbers, so that neither edit list rounds: 48,000 where frames allow, else five times that.
fn movie_timescale(fps: FrameRate) -> u32 {
    let whole = |timescale: u32| {
        (u64::from(timescale) * u64::from(fps.den())).is_multiple_of(u64::from(fps.num()))
    };
    if whole(SAMPLE_RATE_HZ) || !whole(SAMPLE_RATE_HZ * 5) {
        SAMPLE_RATE_HZ
    } else {
        SAMPLE_RATE_HZ * 5
    }
}

/// The ffconcat list of the segments with their exact durations.
pub(super) fn list(spec: &AssembleSpec, files: &[PathBuf]) -> Result<Vec<u8>, MediaError> {
    let mut list = b"ffconcat version 1.0\n".to_vec();
    for (segment, file) in spec.segments.iter().zip(files) {
        let path = file.as_os_str().as_encoded_bytes();
        if path.contains(&b'\n') {
            let found = "a line break in the name of a segment's file".to_owned();
            return Err(broken(
                "segment_name_unusable",
                "a segment cannot be opened",
                found,
            ));
        }
        list.extend_from_slice(b"file 'file:");
        for byte in path {
            match byte {
                // Leaves the quotes, gives an escaped quote, and enters them again.
                b'\'' => list.extend_from_slice(b"'\\''"),
                byte => list.push(*byte),
            }
        }
        let seconds = spec.format.fps.seconds_at(segment.frames);
        list.extend_from_slice(format!("'\nduration {seconds:.6}\n").as_bytes());
    }
    Ok(list)
}

/// The chapters in ffmpeg's metadata format.
pub(super) fn chapters(chapters: &[Chapter], total_seconds: f64) -> String {
    let mut text = String::from(";FFMETADATA1\n");
    for cue in vtt::chapter_cues(chapters, total_seconds) {
        // Writing to a String cannot fail.
        let written = write!(
            text,
            "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle=",
            cue.start_ms, cue.end_ms
        );
        debug_assert!(written.is_ok());
        for c in cue.text.chars() {
            if matches!(c, '=' | ';' | '#' | '\\' | '\n') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_samples_are_whole_ticks_of_the_movie() {
        let timescale = |num, den| movie_timescale(FrameRate::new(num, den).unwrap());
        assert_eq!(timescale(24, 1), 48_000);
        assert_eq!(timescale(25, 2), 48_000);
        assert_eq!(timescale(24_000, 1001), 48_000);
        assert_eq!(timescale(30_000, 1001), 240_000);
        assert_eq!(timescale(8797, 1000), 48_000);
    }

    #[test]
    fn what_ffmpegs_metadata_format_would_read_as_syntax_is_escaped() {
        let titled = [Chapter {
            start_seconds: 0.0,
            title: "a=b;c#d\\e".to_owned(),
        }];
        assert!(chapters(&titled, 1.0).ends_with("END=1000\ntitle=a\\=b\\;c\\#d\\\\e\n"));
    }
}
