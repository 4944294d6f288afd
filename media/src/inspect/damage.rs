//! Pictures that came out of the decoder patched up, because their bytes are damaged, and how far that is seen: what follows up to the next whole
//! key picture is built on them. Knows what ffmpeg says of it, not when pictures are shown.

use botflix_common::facts::pictures::MAX_SPANS;

/// Pictures by their numbers as shown, from a damaged one to the next whole key picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    pub first: u64,
    /// Behind the last; `None`: the end of the clip.
    pub end: Option<u64>,
    /// How many in it are damaged themselves.
    pub pictures: u32,
}

/// Collects them, as many as [`MAX_SPANS`]; the last of so many lasts until the clip ends.
#[derive(Debug, Default)]
pub struct Damages {
    pub found: Vec<Damage>,
    /// ffmpeg said that a picture was patched up, perhaps not which.
    pub heard: bool,
    /// The next picture is one.
    announced: bool,
}

impl Damages {
    /// A line that describes no picture. With one thread, ffmpeg (5.1.9) says of a patched picture that it is corrupt right before it comes; with
    /// more it may come unannounced, and only `concealing … errors` is sure to be said, some pictures off.
    pub fn line(&mut self, line: &str) {
        let Some((level, text)) = message(line) else {
            return;
        };
        let corrupt = level == "warning"
            && (text.starts_with("corrupt decoded frame")
                || text.contains(": corrupt decoded frame in stream "));
        self.announced |= corrupt;
        self.heard |= corrupt || level == "info" && text.starts_with("concealing ");
    }

    /// A picture came.
    pub fn picture(&mut self, number: u64, is_key: bool) {
        let damaged = std::mem::take(&mut self.announced);
        let full = self.found.len() == MAX_SPANS;
        let open = self.found.last_mut().filter(|last| last.end.is_none());
        match (open, damaged) {
            (Some(open), true) => open.pictures = open.pictures.saturating_add(1),
            (Some(open), false) if is_key && !full => open.end = Some(number),
            (None, true) => self.found.push(Damage {
                first: number,
                end: None,
                pictures: 1,
            }),
            (Some(_) | None, false) => {}
        }
    }

    /// What was announced was none of the pictures.
    pub fn sound(&mut self) {
        self.announced = false;
    }
}

/// Level and text of `[who @ 0x1] [level] text`, where several may speak for each other, or none.
fn message(line: &str) -> Option<(&str, &str)> {
    let mut rest = line;
    loop {
        let (word, after) = rest.strip_prefix('[')?.split_once("] ")?;
        if !word.contains(" @ ") {
            return Some((word, after));
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_lasts_until_the_next_whole_key_picture() {
        let mut damages = Damages::default();
        for number in 0..60 {
            if matches!(number, 5 | 7 | 12 | 40) {
                damages.line("[warning] file:a.mp4: corrupt decoded frame in stream 0");
            }
            damages.picture(number, number % 12 == 0);
        }
        let damage = |first, end, pictures| Damage {
            first,
            end,
            pictures,
        };
        let wanted = [damage(5, Some(24), 3), damage(40, Some(48), 1)];
        assert_eq!(damages.found, wanted);
        damages.line("[warning] file:a.mp4: corrupt decoded frame in stream 1");
        damages.sound();
        damages.picture(60, true);
        assert_eq!(damages.found, wanted);
        damages.line("[vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] [warning] corrupt decoded frame");
        damages.picture(61, false);
        assert_eq!(damages.found.last(), Some(&damage(61, None, 1)));
    }

    #[test]
    fn words_of_the_file_are_not_taken_for_damage() {
        let mut damages = Damages::default();
        damages.line("[info]     title           : [warning] x: corrupt decoded frame in stream 0");
        damages.line("[info]     title           : [h264 @ 0x1] [info] concealing 9 DC errors");
        assert!(!damages.heard);
        damages.line("[h264 @ 0x1] [info] concealing 920 DC, 920 AC, 920 MV errors in I frame");
        assert!(damages.heard);
        damages.picture(0, true);
        assert!(damages.found.is_empty(), "nobody said which");
    }

    #[test]
    fn a_clip_that_is_damaged_all_over_is_told_in_a_bounded_list() {
        let mut damages = Damages::default();
        for number in 0..10_000 {
            if number % 2 == 1 {
                damages.line("[warning] a: corrupt decoded frame in stream 0");
            }
            damages.picture(number, true);
        }
        assert_eq!(damages.found.len(), MAX_SPANS);
        let pictures: u32 = damages.found.iter().map(|damage| damage.pictures).sum();
        assert_eq!(pictures, 5_000);
        assert_eq!(damages.found.last().unwrap().end, None);
    }
}
