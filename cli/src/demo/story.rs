//! The demo's story: "The Lighthouse at the End of the Signal". What is seen, heard and said, and when. Its clips differ in size, rate and
//! sound on purpose, as clips of real generators do.

mod shots;

use super::paint::canvas::Canvas;
pub use shots::SHOTS;

/// Raised when anything here or in the pictures changes: material of another version is made anew.
pub const VERSION: u32 = 1;
pub const TITLE: &str = "The Lighthouse at the End of the Signal";
pub const DESCRIPTION: &str = "A keeper of metal and patience listens to an empty sea, until something answers. \
    Every picture, voice and note was made on the spot by the BotFlix demo.";
/// Frames per second of the film.
pub const FILM_FPS: u32 = 24;
pub const FILM_SIZE: (u32, u32) = (1280, 720);

pub struct Beat {
    pub id: &'static str,
    pub name: &'static str,
}

pub const BEATS: [Beat; 4] = [
    Beat {
        id: "light",
        name: "The last light",
    },
    Beat {
        id: "voice",
        name: "A voice in the noise",
    },
    Beat {
        id: "storm",
        name: "The storm",
    },
    Beat {
        id: "answer",
        name: "The answer",
    },
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    Narrator,
    Keeper,
    Ship,
}

impl Speaker {
    pub fn name(self) -> &'static str {
        match self {
            Self::Narrator => "Narrator",
            Self::Keeper => "Keeper",
            Self::Ship => "Ship",
        }
    }
}

pub struct SpokenLine {
    pub speaker: Speaker,
    /// Seconds from the start of the shot.
    pub start: f64,
    pub text: &'static str,
}

/// A shot's own sound, as a source of ffmpeg's filter language.
#[derive(Clone, Copy)]
pub enum Sound {
    None,
    Stereo(&'static str),
    /// At 44.1 kHz.
    Mono(&'static str),
}

pub struct Shot {
    pub id: &'static str,
    pub beat: &'static str,
    pub seconds: u32,
    /// Dots that are painted, and by how much each is enlarged.
    pub dots: (usize, usize),
    pub enlarge: u32,
    pub rate: (u32, u32),
    pub fit: &'static str,
    pub sound: Sound,
    pub paint: fn(&mut Canvas, f32),
    pub lines: &'static [SpokenLine],
}

impl Shot {
    pub fn file_name(&self) -> String {
        format!("{}.mp4", self.id)
    }

    /// Frames of the clip, in its own rate.
    pub fn frames(&self) -> u64 {
        let (num, den) = self.rate;
        (f64::from(self.seconds) * f64::from(num) / f64::from(den)).round() as u64
    }

    /// Exact length of the clip, seconds.
    pub fn length(&self) -> f64 {
        let (num, den) = self.rate;
        self.frames() as f64 * f64::from(den) / f64::from(num)
    }
}

/// The film's length, seconds.
pub fn total_seconds() -> f64 {
    SHOTS.iter().map(Shot::length).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_is_an_episode_of_at_least_twelve_shots_that_differ() {
        const { assert!(SHOTS.len() >= 12) };
        assert!(
            (60.0..=180.0).contains(&total_seconds()),
            "{}",
            total_seconds()
        );
        let differ = |of: fn(&Shot) -> (u32, u32)| {
            let mut all: Vec<_> = SHOTS.iter().map(of).collect();
            all.sort_unstable();
            all.dedup();
            all.len()
        };
        assert!(differ(|shot| shot.rate) >= 3);
        assert!(
            differ(|shot| (
                shot.dots.0 as u32 * shot.enlarge,
                shot.dots.1 as u32 * shot.enlarge
            )) >= 3
        );
        assert!(SHOTS.iter().any(|shot| matches!(shot.sound, Sound::None)));
        assert!(
            SHOTS
                .iter()
                .any(|shot| matches!(shot.sound, Sound::Mono(_)))
        );
    }
}
