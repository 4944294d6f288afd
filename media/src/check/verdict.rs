//! Judges the evidence: what makes a film unfit to publish, and what is merely worth telling. Pure.

use botflix_common::film::VideoCodec;
use botflix_common::finding::Finding;
use botflix_common::findings::rules::UNPUBLISHED_OFF_TARGET_LU;
use botflix_common::task::{CheckSpec, FilmFacts, Verify};
use botflix_common::units::SAMPLE_RATE_HZ;

use super::container::{Container, Track};
use super::listing::Listed;
use super::pictures::Decoded;
use super::sound::Heard;
use super::{Ingredients, noticed};
use crate::mix::MAX_GAIN_DB;
use crate::mix::loudness::Measured;

/// Sound and picture may differ in length by less than one AAC packet, seconds.
const MAX_DRIFT_SECONDS: f64 = 0.021;

/// The last AAC packet decodes whole: ffmpeg 5.1 does not apply the edit list's end.
const PACKET_SAMPLES: u64 = 1024;

/// A gain this near to the most is the most, dB.
const GAIN_TOLERANCE_DB: f64 = 0.1;

/// A true peak nearer to the limit than this says that the limiter was at work, dB.
const PEAK_LIMITED_DB: f64 = 3.0;

/// Matrix, transfer, primaries and range of every film, as ffprobe names them.
pub(super) const COLOURS: [&str; 4] = ["bt709", "bt709", "bt709", "tv"];

/// Everything that was read and measured.
pub(super) struct Evidence<'a> {
    pub(super) spec: &'a CheckSpec,
    pub(super) from: Ingredients<'a>,
    pub(super) container: &'a Container,
    pub(super) listed: &'a Listed,
    pub(super) decoded: &'a Decoded,
    pub(super) heard: &'a Heard,
}

/// Points that do not hold.
#[derive(Default)]
struct Points(Vec<String>);

impl Points {
    fn require(&mut self, holds: bool, violated: impl FnOnce() -> String) {
        if !holds {
            self.0.push(violated());
        }
    }
}

impl Evidence<'_> {
    /// Every point in which the film is not as planned; empty when it may be published.
    pub(super) fn violations(&self) -> Vec<String> {
        let mut points = Points::default();
        self.tracks(&mut points);
        self.frames(&mut points);
        if let Some(track) = self.container.picture() {
            self.picture(track, &mut points);
        }
        if let (Some(track), Some(measured)) = (self.container.sound(), self.heard.measured) {
            self.sound(track, measured, &mut points);
        }
        points.require(self.heard.is_the_mix, || {
            "the sound is not that of the mix".to_owned()
        });
        points.0
    }

    fn video_seconds(&self) -> f64 {
        self.spec.format.fps.seconds_at(self.listed.packets)
    }

    fn tracks(&self, points: &mut Points) {
        let container = self.container;
        for (kind, wanted) in [
            ("video", 1),
            ("audio", 1),
            ("subtitle", usize::from(self.spec.captions > 0)),
        ] {
            let found = container.of_kind(kind).count();
            points.require(found == wanted, || {
                format!("{found} {kind} tracks instead of {wanted}")
            });
        }
        let captions = container
            .of_kind("subtitle")
            .all(|track| track.codec == "mov_text");
        points.require(captions, || "captions are not timed text".to_owned());
        let wanted = self.spec.chapters as usize;
        points.require(container.chapters == wanted, || {
            format!("{} chapters instead of {wanted}", container.chapters)
        });
        points.require(self.listed.index_first, || {
            "the index comes after the media".to_owned()
        });
    }

    fn frames(&self, points: &mut Points) {
        let (listed, decoded, wanted) = (self.listed, self.decoded, self.spec.total_frames);
        points.require(listed.packets == wanted, || {
            format!("{} pictures instead of {wanted}", listed.packets)
        });
        let kind = match self.spec.verify {
            Verify::Full => "pictures",
            Verify::Joins => "pictures at joins",
        };
        points.require(decoded.pictures == decoded.wanted, || {
            format!(
                "{} {kind} decode instead of {}",
                decoded.pictures, decoded.wanted
            )
        });
        points.require(decoded.errors == 0, || {
            format!("the decoder complained {} times", decoded.errors)
        });
        points.require(listed.starts_on_key_picture, || {
            "the first picture is not a key picture".to_owned()
        });
        if let Some(frame) = listed.join_without_key {
            points.0.push(format!(
                "no key picture at frame {frame}, where a segment starts"
            ));
        }
        if let Some(frame) = decoded.other_picture {
            points.0.push(format!(
                "frame {frame}, where a segment starts, does not show what its clip shows"
            ));
        }
        if let Some((frame, tick)) = listed.off_grid {
            points.0.push(format!(
                "picture {frame} is shown off the frame grid, at tick {tick}"
            ));
        }
        points.require(listed.digest == self.from.picture_digest, || {
            "the pictures are not those of the segments, in their order".to_owned()
        });
    }

    fn picture(&self, track: &Track, points: &mut Points) {
        let format = self.spec.format;
        points.require(
            (track.width, track.height) == (format.width, format.height),
            || {
                format!(
                    "pictures of {}×{} instead of {}×{}",
                    track.width, track.height, format.width, format.height
                )
            },
        );
        let time_base = format!("1/{}", format.fps.timescale().0);
        points.require(track.time_base == time_base, || {
            format!(
                "a clock of {} instead of {time_base} for {} fps",
                track.time_base, format.fps
            )
        });
        let codec = match self.spec.codec {
            VideoCodec::H264 => "h264",
            VideoCodec::Hevc => "hevc",
            VideoCodec::Av1 => "av1",
        };
        points.require(
            track.codec == codec && track.pixel_format == "yuv420p",
            || {
                format!(
                    "pictures are {} {} instead of {codec} yuv420p",
                    track.codec, track.pixel_format
                )
            },
        );
        // A clip's own stream may leave open what the container says.
        let mut colours = track.colours().into_iter().zip(COLOURS);
        let agree = colours.all(|(said, wanted)| said == wanted || said == "unknown");
        points.require(self.listed.tagged && agree, || {
            format!(
                "colours are {} instead of BT.709, limited",
                track.colours().join(", ")
            )
        });
        points.require(track.square_pixels(), || "pixels are not square".to_owned());
        starts_at_zero(track, points);
    }

    fn sound(&self, track: &Track, measured: Measured, points: &mut Points) {
        let wanted = self.spec.total_samples;
        points.require(
            (wanted..wanted + PACKET_SAMPLES).contains(&self.heard.samples),
            || {
                format!(
                    "{} sound samples decode instead of {wanted}",
                    self.heard.samples
                )
            },
        );
        let rate = SAMPLE_RATE_HZ.to_string();
        points.require(
            track.codec == "aac"
                && track.sample_rate.as_deref() == Some(&rate)
                && track.channels == Some(2),
            || "sound is not 48 kHz stereo AAC".to_owned(),
        );
        starts_at_zero(track, points);
        let drift = (track.duration_seconds().unwrap_or(0.0) - self.video_seconds()).abs();
        points.require(drift < MAX_DRIFT_SECONDS, || {
            format!(
                "sound and picture differ in length by {:.1} ms",
                drift * 1000.0
            )
        });
        let limit = self.spec.loudness.true_peak;
        points.require(measured.peak_or_silence() <= limit, || {
            format!(
                "a true peak of {:.2} dBTP over the limit of {limit}",
                measured.peak_or_silence()
            )
        });
        points.require(
            !self.is_far_off() || self.peak_limited() || self.hardly_heard(),
            || {
                format!(
                    "an integrated loudness of {:.2} LUFS instead of {}",
                    measured.integrated.unwrap_or(f64::NEG_INFINITY),
                    self.spec.loudness.integrated
                )
            },
        );
    }

    fn is_far_off(&self) -> bool {
        let wanted = self.spec.loudness.integrated;
        let integrated = self.heard.measured.and_then(|sound| sound.integrated);
        integrated.is_some_and(|i| (i - wanted).abs() > UNPUBLISHED_OFF_TARGET_LU)
    }

    /// The peak limit stands in the way of more loudness.
    fn peak_limited(&self) -> bool {
        self.heard.measured.is_some_and(|sound| {
            sound
                .integrated
                .is_some_and(|i| i < self.spec.loudness.integrated)
                && sound.peak_or_silence() > self.spec.loudness.true_peak - PEAK_LIMITED_DB
        })
    }

    /// The material is so soft that the most gain that makes sense does not bring it to the target.
    fn hardly_heard(&self) -> bool {
        let integrated = self.heard.measured.and_then(|sound| sound.integrated);
        integrated.is_some_and(|i| i < self.spec.loudness.integrated)
            && self.from.sound.gain_db >= MAX_GAIN_DB - GAIN_TOLERANCE_DB
    }

    pub(super) fn facts(&self) -> FilmFacts {
        let sound = self.container.sound().and_then(Track::duration_seconds);
        FilmFacts {
            width: self.spec.format.width,
            height: self.spec.format.height,
            fps: self.spec.format.fps,
            frames: self.listed.packets,
            video_seconds: self.video_seconds(),
            audio_seconds: sound.unwrap_or(0.0),
            integrated_lufs: self.heard.measured.and_then(|sound| sound.integrated),
            true_peak_dbtp: self.heard.measured.and_then(|sound| sound.true_peak),
            bytes: self.container.bytes,
            draft: false,
        }
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let wanted = self.spec.loudness;
        let (integrated, true_peak) = self
            .heard
            .measured
            .map_or((None, None), |sound| (sound.integrated, sound.true_peak));
        let reason = if self.hardly_heard() {
            format!("the sound is so soft that not even {MAX_GAIN_DB} dB bring it to the target")
        } else {
            format!(
                "the target loudness cannot be reached under a true peak of {} dBTP",
                wanted.true_peak
            )
        };
        [
            noticed::length(self.video_seconds()),
            noticed::silence(true_peak),
            noticed::off_target(integrated, wanted, reason),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn starts_at_zero(track: &Track, points: &mut Points) {
    points.require(track.start_pts == Some(0), || {
        format!(
            "the {} track does not start at 0 but at {:?}",
            track.kind, track.start_pts
        )
    });
}
