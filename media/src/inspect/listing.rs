//! One pass of ffprobe over the whole file: every packet listed, nothing decoded, then what the container says of its streams. Costs little
//! more than starting the process; all decoding happens in [`super::decode`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use botflix_common::facts::Defect;

use super::seen::Seen;
use super::stream::{Stream, fields, seconds};
use super::words::Words;
use crate::call::MAX_PIXELS;
use crate::{Call, Context, MediaError, Program};

/// Streams beyond these are counted and not followed.
const MAX_FOLLOWED: usize = 64;

const ENTRIES: &str = "packet=codec_type,stream_index,pts,duration,size,flags,pos\
    :stream=index,codec_type,codec_name,profile,width,height,sample_aspect_ratio,pix_fmt,color_range,color_space,\
    color_transfer,color_primaries,field_order,r_frame_rate,avg_frame_rate,time_base,duration,nb_frames,extradata_hash\
    :stream_disposition=attached_pic:stream_tags=alpha_mode:stream_side_data=displaymatrix:format=duration";

/// What came of looking.
pub enum Look {
    Streams(Box<Listing>),
    /// The file must not be decoded, and why.
    Defect(Defect),
    /// ffprobe can make nothing of it.
    Nothing,
}

#[derive(Debug, Default)]
pub struct Listing {
    pub streams: Vec<Stream>,
    seen: BTreeMap<u32, Seen>,
    pub claimed_seconds: Option<f64>,
    /// Complaints of demuxer and decoders.
    pub error_lines: u32,
    /// When the first decoded sound is heard, on the container's timeline.
    pub sound_start_seconds: Option<f64>,
}

/// `picture_packets` grows while the pictures are listed, for whoever wants to know how many there are to decode.
pub async fn list(
    ctx: &Context,
    clip: &Path,
    picture_packets: &AtomicU64,
) -> Result<Look, MediaError> {
    // The hash is wanted of the parameter sets; that of the packets, which comes with it, costs 2 % of a decode.
    let call = Call::new(Program::Ffprobe)
        .args(["-threads", "1"])
        .untrusted_input(clip)
        .args(["-show_packets", "-show_streams", "-show_format"])
        .args([
            "-show_data_hash",
            "sha256",
            "-show_entries",
            ENTRIES,
            "-of",
            "compact",
        ]);
    let mut listing = Listing::default();
    let output = ctx
        .lines(call, |line| {
            listing.line(line);
            if line.starts_with("packet|codec_type=video") {
                picture_packets.fetch_add(1, Ordering::Relaxed);
            }
        })
        .await?
        .unless_killed(Program::Ffprobe)?;
    if output.exit_code != Some(0) {
        return Ok(refusal(&output.stderr_tail).map_or(Look::Nothing, Look::Defect));
    }
    if listing.streams.is_empty() {
        return Ok(Look::Nothing);
    }
    listing.error_lines = output.error_lines;
    listing.seen.values_mut().for_each(Seen::finish);
    Ok(Look::Streams(Box::new(listing)))
}

impl Listing {
    /// Of a file whose index was read here. `pictures`: the number of the picture stream, and its packets.
    pub fn of_index(streams: Vec<Stream>, pictures: (u32, Seen)) -> Self {
        Self {
            streams,
            seen: BTreeMap::from([pictures]),
            ..Self::default()
        }
    }

    /// What `0:V:0` is for ffmpeg: the first picture track that is no cover.
    pub fn video(&self) -> Option<&Stream> {
        self.streams
            .iter()
            .find(|stream| stream.is("video") && !stream.is_cover)
    }

    /// What `0:a:0` is.
    pub fn audio(&self) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.is("audio"))
    }

    /// Packets and frames of the picture track.
    pub fn pictures(&self) -> Option<&Seen> {
        static NOTHING: Seen = Seen::nothing();
        self.video()
            .map(|stream| self.seen.get(&stream.index).unwrap_or(&NOTHING))
    }

    /// Adds what came of decoding.
    pub fn decoded(&mut self, words: Words) {
        self.error_lines = self.error_lines.saturating_add(words.error_lines);
        self.sound_start_seconds = words.sound_start_seconds;
        if let Some(index) = self.video().map(|stream| stream.index) {
            let seen = self.seen.entry(index).or_insert(Seen::nothing());
            seen.decoded(words);
        }
    }

    fn line(&mut self, line: &str) {
        let (kind, rest) = line.split_once('|').unwrap_or((line, ""));
        match kind {
            "packet" => {
                if let Some(seen) = self.of(rest) {
                    seen.packet(rest);
                }
            }
            "stream" if self.streams.len() < MAX_FOLLOWED => {
                let mut stream = Stream::read(rest);
                stream.side_data(rest);
                self.streams.push(stream);
            }
            // The first side data ends its stream's line, others stand on lines of their own behind it.
            "side_data" => {
                if let Some(stream) = self.streams.last_mut() {
                    stream.side_data(rest);
                }
            }
            "format" => {
                self.claimed_seconds = fields(rest)
                    .find(|(name, _)| *name == "duration")
                    .and_then(|(_, value)| seconds(value));
            }
            _ => {}
        }
    }

    fn of(&mut self, rest: &str) -> Option<&mut Seen> {
        let (_, index) = fields(rest).find(|(name, _)| *name == "stream_index")?;
        let index = index.parse().ok()?;
        if self.seen.len() >= MAX_FOLLOWED && !self.seen.contains_key(&index) {
            return None;
        }
        Some(self.seen.entry(index).or_insert(Seen::nothing()))
    }
}

/// The two limits that ffprobe enforces itself, in its words (ffmpeg 5.1.9).
fn refusal(stderr: &str) -> Option<Defect> {
    if let Some((_, size)) = stderr
        .split_once("Picture size ")
        .filter(|(_, rest)| rest.contains("exceeds"))
    {
        let (width, height) = size
            .split_whitespace()
            .next()
            .and_then(|size| size.split_once('x'))?;
        let pixels = width.parse::<f64>().ok()? * height.parse::<f64>().ok()?;
        return Some(Defect::OverLimit {
            what: "pixels".to_owned(),
            measured: pixels,
            limit: MAX_PIXELS.into(),
        });
    }
    let (_, codec) = stderr
        .split_once("Codec (")
        .filter(|(_, rest)| rest.contains("not on whitelist"))?;
    let codec: String = codec
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .take(24)
        .collect();
    Some(Defect::UndecodableVideo {
        detail: format!("the codec {codec} is not opened here"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_that_ffprobe_enforces_are_told_apart_from_damage() {
        let large = "[hevc @ 0x55] [IMGUTILS @ 0x7f] Picture size 7680x4320 exceeds specified max pixel count 9000000, see";
        assert!(
            matches!(refusal(large), Some(Defect::OverLimit { measured, .. }) if measured == 33_177_600.0)
        );
        let codec = "[magicyuv @ 0x55] Codec (magicyuv) not on whitelist 'h264,hevc'";
        let detail = "the codec magicyuv is not opened here".to_owned();
        assert_eq!(refusal(codec), Some(Defect::UndecodableVideo { detail }));
        assert_eq!(refusal("moov atom not found"), None);
    }

    #[test]
    fn a_listing_sorts_its_lines_by_stream() {
        let mut listing = Listing::default();
        for line in [
            "packet|codec_type=audio|stream_index=0|pts=-1024|pos=48|flags=KD|side_data|",
            "packet|codec_type=video|stream_index=1|pts=0|pos=900|flags=K_",
            "stream|index=0|codec_name=aac|codec_type=audio|time_base=1/48000|disposition:attached_pic=0",
            "stream|index=1|codec_name=h264|codec_type=video|width=64|height=36|time_base=1/600|side_data|displaymatrix=\\n00000000: 0 65536 0\\n00000001: -65536 0 0\\n",
            "format|duration=2.5|tag:title=a\\|duration=9",
        ] {
            listing.line(line);
        }
        assert_eq!(listing.video().map(|stream| stream.index), Some(1));
        let words = Words {
            pictures: 1,
            times: vec![0],
            sound_start_seconds: Some(1.0),
            ..Words::default()
        };
        listing.decoded(words);
        assert_eq!(
            listing.pictures().map(|seen| (seen.packets, seen.frames)),
            Some((1, 1))
        );
        assert_eq!(listing.sound_start_seconds, Some(1.0));
        assert_eq!(listing.claimed_seconds, Some(2.5));
        assert!(listing.video().unwrap().display_matrix.is_some());
    }
}
