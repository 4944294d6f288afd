//! The table of all rules. A limit stands here and nowhere else.

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
const OURS: &str = "ours, calibrated on clean and made clips";

macro_rules! rules {
    ($($name:ident = $id:literal, $severity:expr, $limit:expr, $what:literal, $source:expr;)*) => {
        $(pub(super) const $name: Rule = rule($id, $severity, $limit, $what, $source);)*
        /// All rules, by family: pictures of a clip, pictures in a film, sound of a clip, sound in a film, texts, edit, the finished film.
        pub const RULES: &[Rule] = &[$($name),*];
    };
}

rules! {
    FROZEN = "frozen_picture", Warning, (1.0, "s"), "one picture shown again and again", "EBU QC 0028B (video freeze): 1 s and more is a fault unless meant";
    BLACK = "black_picture", Warning, (0.5, "s"), "black inside of a shot", "EBU QC 0010B (black frames); half a second is longer than any cut";
    BLANK = "blank_picture", Warning, (0.5, "s"), "pictures of one colour", "EBU QC 0012B (colour frames)";
    FLASHES = "flashes", Error, (3.0, "flashes/s"), "more flashes than are safe for viewers with photosensitive epilepsy", "ITU-R BT.1702-3, WCAG 2.2 success criterion 2.3.1";
    JUDDER = "judder", Warning, (0.02, "of the pictures"), "single pictures repeated at regular distances, as a conversion of the rate leaves them", OURS;
    SOFT = "soft_picture", Warning, (0.5, "of the size"), "a picture that was scaled up: its detail ends at half of its size or less", OURS;
    BARS = "baked_in_bars", Warning, (0.02, "of the side"), "black bars that are part of the clip", "EBU R 84: no blanking inside of the active picture";
    LOW_BIT_RATE = "low_bit_rate", Warning, (0.02, "bit/pixel"), "a bit rate at which encoders show blocks", "a third of the H.264 ladder of Apple's HLS authoring specification (0.07 bit/pixel at 720p)";
    RANGE = "outside_range", Warning, (0.02, "of the samples"), "luma outside of the limited range that the clip says it has", "EBU R 103: at most 1 % of the pixels; twice that here, for encoders ring";
    UNTAGGED = "matrix_guessed", Info, (576.0, "lines"), "a small picture without colour tags: it is shown as BT.709, other players take BT.601", "ITU-T H.273; players' habit of taking BT.601 up to 576 lines";

    RATE = "rate_conversion", Info, (0.005, "of the rate"), "a shot of another rate than the film: pictures are repeated or left out", "ITU-R BT.1729; a ratio of whole numbers stays even";
    ENLARGED = "enlarged_picture", Warning, (1.6, "times"), "a picture that is scaled up for this film", OURS;
    SHAPE = "visible_bars", Info, (0.05, "of the picture"), "bars beside a picture of another shape", "EBU R 95: more is seen on every screen";
    STEP = "exposure_step", Warning, (60.0, "codes"), "a sudden step of exposure or colour from shot to shot inside of a beat", OURS;

    ONE_SIDE = "one_sided_sound", Warning, (20.0, "dB"), "sound on one side only", "EBU QC 0044B (stereo balance); 20 dB apart is no stereo picture";
    INVERTED = "inverted_phase", Warning, (-0.5, "correlation"), "left and right of opposite phase: it vanishes on one loudspeaker", "EBU QC 0045B (phase correlation)";
    CLIPPING = "clipping", Warning, (2.0, "runs/s"), "runs of samples at full scale", "EBU QC 0019B (audio clipping)";
    DC = "dc_offset", Warning, (0.01, "of full scale"), "a constant offset", "EBU QC 0038B (DC offset): 1 %";
    HUM = "hum", Warning, (-60.0, "dBFS"), "mains hum of 50 or 60 Hz", "EBU QC 0130B (hum); heard from 46 dB below −14 LUFS on";
    SOUND_SHORT = "short_sound", Warning, (0.1, "s"), "sound that ends before the picture", "EBU R 37 allows 60 ms; two AAC frames more are no fault";
    SOUND_LATE = "late_sound", Warning, (0.1, "s"), "sound that starts after the picture", "EBU R 37 allows 60 ms; two AAC frames more are no fault";
    SILENCE = "silence", Warning, (2.0, "s"), "silence inside of a shot that has sound", "EBU QC 0018B (audio silence)";

    MISSING_SOUND = "missing_sound", Warning, NOTHING, "a shot without sound in a film with sound", OURS;
    LOUDNESS_STEP = "loudness_step", Warning, (8.0, "LU"), "a step of loudness from shot to shot inside of a beat", "EBU R 128 s1: short-term loudness within +5 LU of the programme; viewers reach for the volume at 8 LU";
    BURIED = "buried_speech", Warning, (6.0, "LU"), "speech that is hardly louder than the music under it", "WCAG 2.2 1.4.7 asks for 20 dB; 7 to 10 LU are preferred (Torcoli et al., JAES 2019)";

    CAPTION_OVERLAP = "caption_overlap", Warning, NOTHING, "two captions at once", "Netflix Timed Text Style Guide: one event at a time";
    CAPTION_OFF = "caption_off_shot", Warning, (0.1, "s"), "a line that runs past the end of its shot and is cut", OURS;
    READING = "reading_speed", Warning, (20.0, "characters/s"), "a caption that is too short to be read", "Netflix Timed Text Style Guide: 20 characters a second for adults";

    DIALOGUE = "dialogue_too_long", Warning, (25.0, "characters/s"), "more dialogue than can be spoken while the shot lasts", "fast English speech is 250 words of 6 characters a minute";
    NO_SPEECH = "dialogue_not_heard", Warning, NOTHING, "dialogue in the manifest, and no sound where it should be spoken", OURS;
    TWICE = "same_clip_twice", Info, (6.0, "bits"), "the same pictures in two shots", "64 bit difference hash: 6 bits and less are the same picture";
    PACE = "off_pace", Info, (5.0, "times"), "a shot much longer than the others", "Cutting et al. 2011: shot lengths of films are log-normal, five times the median is beyond two deviations";
    TOO_SHORT = "too_short", Warning, (0.25, "s"), "a shot too short to be seen", "Potter 1975: a scene is recognised in a quarter of a second";

    FILM_LENGTH = "film_length", Warning, (180.0, "s"), "a film shorter or longer than the catalog is made for", "the catalog's own: 60 to 180 s; found by the check of the finished film";
    SILENT_FILM = "silent_film", Warning, (-60.0, "dBTP"), "a film in which nothing is heard", "EBU QC 0018B; found by the check of the finished film";
    OFF_TARGET = "loudness_off_target", Warning, (0.5, "LU"), "a film off its target loudness, because the peak limit stands in the way", "EBU R 128: ± 0.5 LU; found by the check of the finished film";
}
