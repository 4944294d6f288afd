//! The table of all rules, those of the finished film included. A limit stands here and nowhere else.
//!
//! The source of a limit begins with what kind of source it is: `norm` (a document says this number), `calibrated` (measured: made defects are found,
//! and clean clips pass), `ours` (our own choice, with what speaks for it).

use super::Rule;
use crate::finding::Severity::{self, Error, Info, Warning};

const fn rule(
    id: &'static str,
    severity: Severity,
    limit: (f64, &'static str),
    what: &'static str,
    source: &'static str,
) -> Rule {
    let (limit, unit) = limit;
    Rule {
        id,
        severity,
        unit,
        limit: if unit.is_empty() { None } else { Some(limit) },
        source,
        what,
    }
}

const NOTHING: (f64, &str) = (0.0, "");
/// The clips and the count of false alarms are in `media/tests/inspect/defects.rs`.
const TRIED: &str = "calibrated: found in clips made to have it, not in clean ones";
const NO_LIMIT: &str = "ours: it is there or it is not";

macro_rules! rules {
    ($($name:ident = $id:literal, $severity:expr, $limit:expr, $what:literal, $source:expr;)*) => {
        $(pub const $name: Rule = rule($id, $severity, $limit, $what, $source);)*
        /// All rules, by family: pictures of a clip, pictures in a film, sound of a clip, sound in a film, texts, edit, the finished film.
        pub const RULES: &[Rule] = &[$($name),*];
    };
}

rules! {
    FROZEN = "frozen_picture", Warning, (1.0, "s"), "one picture shown again and again", TRIED;
    BLACK = "black_picture", Warning, (0.5, "s"), "black inside of a shot", "calibrated: found in clips made to have it, not in clean ones; longer than any cut through black";
    BLANK = "blank_picture", Warning, (0.5, "s"), "pictures of one colour", TRIED;
    FLASHES = "flashes", Error, (3.0, "flashes/s"), "more flashes than are safe for viewers with photosensitive epilepsy", "norm: WCAG 2.2, success criterion 2.3.1: not more than three in any second; ITU-R BT.1702 has the same number";
    DAMAGED = "damaged_pictures", Warning, (1.0, "pictures"), "damage to the file that the decoder patched up: blocks, smears, grey", TRIED;
    JUDDER = "judder", Warning, (0.02, "of the pictures"), "single pictures repeated at regular distances, as a conversion of the rate leaves them", TRIED;
    SOFT = "soft_picture", Warning, (0.5, "of the size"), "a picture that was scaled up: its detail ends at half of its size or less", TRIED;
    BARS = "baked_in_bars", Warning, (0.02, "of the side"), "black bars that are part of the clip", TRIED;
    LOW_BIT_RATE = "low_bit_rate", Warning, (0.02, "bit/pixel"), "a bit rate at which encoders show blocks", "calibrated: found in clips made to have it, not in clean ones; 0.6 Mbit/s for 720p at 30 fps";
    RANGE = "outside_range", Warning, (0.02, "of the samples"), "luma outside of the limited range that the clip says it has", "ours: twice the 1 % of the pixels that EBU R 103 tolerates, for encoders ring";
    UNTAGGED = "matrix_guessed", Info, (576.0, "lines"), "a small picture without colour tags: it is shown as BT.709, other players take BT.601", "ours: players guess by size; mpv takes BT.601 up to 576 lines";

    RATE = "rate_conversion", Info, (0.005, "of the rate"), "a shot of another rate than the film: pictures are repeated or left out", "ours: rates nearer than this are played by repeating a picture less than once in 8 s";
    ENLARGED = "enlarged_picture", Warning, (1.6, "times"), "a picture that is scaled up for this film", "ours: 720p in a film of 1080p passes, 480p does not";
    SHAPE = "visible_bars", Info, (0.05, "of the picture"), "bars beside a picture of another shape", "ours: the border that EBU R 95 keeps free of graphics";
    STEP = "exposure_step", Warning, (60.0, "codes"), "a sudden step of exposure or colour from shot to shot inside of a beat", "ours: not measured on real films yet";

    ONE_SIDE = "one_sided_sound", Warning, (20.0, "dB"), "sound on one side only", TRIED;
    INVERTED = "inverted_phase", Warning, (-0.5, "correlation"), "left and right of opposite phase: it vanishes on one loudspeaker", TRIED;
    CLIPPING = "clipping", Warning, (2.0, "runs/s"), "runs of samples at full scale", TRIED;
    DC = "dc_offset", Warning, (0.01, "of full scale"), "a constant offset", TRIED;
    HUM = "hum", Warning, (-60.0, "dBFS"), "mains hum of 50 or 60 Hz", "calibrated: found in clips made to have it, not in clean ones; 46 dB below a film of −14 LUFS";
    SOUND_SHORT = "short_sound", Warning, (0.1, "s"), "sound that ends before the picture", "ours: two AAC packets more than the 60 ms of EBU R 37, which is about lip sync, not about length";
    SOUND_LATE = "late_sound", Warning, (0.1, "s"), "sound that starts after the picture", "ours: two AAC packets more than the 60 ms by which EBU R 37 lets sound follow the picture";
    SILENCE = "silence", Warning, (2.0, "s"), "silence inside of a shot that has sound", TRIED;

    MISSING_SOUND = "missing_sound", Warning, NOTHING, "a shot without sound in a film with sound", NO_LIMIT;
    LOUDNESS_STEP = "loudness_step", Warning, (8.0, "LU"), "a step of loudness from shot to shot inside of a beat", "ours: more than the 5 LU by which EBU R 128 s1 lets short-term loudness exceed the programme";
    BURIED = "buried_speech", Warning, (6.0, "LU"), "speech that is hardly louder than the music under it", "ours: far less than the 20 dB that WCAG 2.2, success criterion 1.4.7, asks for";

    CAPTION_OVERLAP = "caption_overlap", Warning, NOTHING, "two captions at once", NO_LIMIT;
    CAPTION_OFF = "caption_off_shot", Warning, (0.1, "s"), "a line that runs past the end of its shot and is cut", "ours: two to three pictures";
    READING = "reading_speed", Warning, (20.0, "characters/s"), "a caption that is too short to be read", "ours: what Netflix' English Timed Text Style Guide allows for adults";

    DIALOGUE = "dialogue_too_long", Warning, (25.0, "characters/s"), "more dialogue than can be spoken while the shot lasts", "ours: fast English, 250 words of 6 characters a minute";
    NO_SPEECH = "dialogue_not_heard", Warning, NOTHING, "dialogue in the manifest, and no sound where it should be spoken", NO_LIMIT;
    TWICE = "same_clip_twice", Info, (6.0, "bits"), "the same pictures in two shots", "ours: of the 64 bits of a difference hash";
    PACE = "off_pace", Info, (5.0, "times"), "a shot much longer than the others", "ours: times the median of the film's shots";
    TOO_SHORT = "too_short", Warning, (0.25, "s"), "a shot too short to be seen", "ours: six pictures at 24 fps";

    FILM_LENGTH = "film_length", Warning, (180.0, "s"), "a film shorter or longer than the catalog is made for", "ours: 60 to 180 s is what the catalog is made for";
    SILENT_FILM = "silent_film", Warning, (-60.0, "dBTP"), "a film in which nothing is heard", "ours: 46 dB below a film of −14 LUFS";
    OFF_TARGET = "loudness_off_target", Warning, (0.3, "LU"), "a film off its target loudness: the peak limit stands in the way, or the sound is too soft", "ours: the 0.2 LU that the mix may be off, and the 0.1 LU by which meters may differ after EBU Tech 3341";
    TRUE_PEAK = "true_peak_high", Warning, (0.1, "dB"), "a true peak over the film's limit: players and encoders will clip it", "ours: half of the 0.2 dB by which EBU Tech 3341 lets a meter read too much";
    NO_SOUND = "film_without_sound", Warning, NOTHING, "a film without a sound track", NO_LIMIT;
    DRIFT = "film_drift", Warning, (1.0, "frames"), "sound that ends before or after the pictures", "ours: what is shorter than a picture cannot be seen";
    RATE_VARIES = "film_rate_varies", Warning, NOTHING, "pictures that do not follow each other at one constant rate", NO_LIMIT;
    COLOUR_TAGS = "film_colour_tags", Warning, NOTHING, "colours that are not tagged as BT.709, limited: players will differ", NO_LIMIT;
    INDEX_LAST = "film_index_last", Warning, NOTHING, "an index behind the media: players must fetch all of the file before they begin", NO_LIMIT;
}

/// The other end of [`FILM_LENGTH`], seconds.
pub const SHORTEST_FILM_SECONDS: f64 = 60.0;

/// Farther off its target loudness a film of ours is not published, unless its peaks or its softness are the reason, LU. What EBU R 128, version 3.0
/// (2014), tolerates; version 4.0 (2020) lets productions be off by 1.0 LU.
pub const UNPUBLISHED_OFF_TARGET_LU: f64 = 0.5;
