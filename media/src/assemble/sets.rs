//! Parameter sets of H.264 segments that come from different encoders. One sample entry serves the whole film; where sets differ, each segment's
//! own stand in band before each of its IDR pictures. (Several sample entries are legal and crash a page of Chromium.)

use crate::mp4::avc::Config;

/// Profiles of 8-bit 4:2:0 from the least to the most able: Constrained and plain Baseline, Main, Extended, High.
const PROFILES: [u8; 4] = [66, 77, 88, 100];
const HIGH: u8 = 100;
/// What `avcC` says beyond Main: 4:2:0, 8 bit for luma and chroma, no extensions.
const HIGH_EXTENSION: [u8; 4] = [0xfd, 0xf8, 0xf8, 0];

/// The sets of a film's segments, each once, in the order in which they come.
#[derive(Debug, Default)]
pub(super) struct Sets {
    configs: Vec<Config>,
    /// A segment changes its sets in mid stream.
    restless: bool,
}

impl Sets {
    /// The number of this configuration. `None`: its pictures cannot stand in one track with those before.
    pub(super) fn add(&mut self, config: &Config) -> Option<usize> {
        if self
            .configs
            .first()
            .is_some_and(|first| first.length_bytes != config.length_bytes)
        {
            return None;
        }
        let known = self.configs.iter().position(|known| known == config);
        Some(known.unwrap_or_else(|| {
            self.configs.push(config.clone());
            self.configs.len() - 1
        }))
    }

    pub(super) fn mark_restless(&mut self) {
        self.restless = true;
    }

    /// What stands in band before each IDR picture of the segments with configuration `number`; empty where all agree. It stands before those
    /// that agree with the entry, too: a decoder that comes back to them, by playing or by seeking, holds the sets of another.
    pub(super) fn in_band(&self, number: usize) -> Vec<u8> {
        let Some(first) = self.configs.first() else {
            return Vec::new();
        };
        if !self.restless && self.configs.iter().all(|config| config.same_sets(first)) {
            return Vec::new();
        }
        self.configs
            .get(number)
            .map(Config::in_band)
            .unwrap_or_default()
    }

    /// The film's configuration: the first segment's sets, with a profile and level that cover all. `None` without segments.
    pub(super) fn entry(&self) -> Option<Config> {
        let mut entry = self.configs.first()?.clone();
        let rank = |profile: u8| {
            PROFILES
                .iter()
                .position(|known| *known == profile)
                .unwrap_or(PROFILES.len())
        };
        for config in &self.configs {
            if config.profile != entry.profile {
                // A promise that holds for one profile means something else in another.
                entry.compatibility = 0;
                if rank(config.profile) > rank(entry.profile) {
                    entry.profile = config.profile;
                    entry.extension.clone_from(&config.extension);
                }
            }
            entry.compatibility &= config.compatibility;
            entry.level = entry.level.max(config.level);
        }
        if entry.profile == HIGH && entry.extension.is_empty() {
            entry.extension = HIGH_EXTENSION.to_vec();
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(profile: u8, compatibility: u8, level: u8, set: u8) -> Config {
        Config {
            profile,
            compatibility,
            level,
            length_bytes: 4,
            sequence_sets: vec![vec![0x67, set]],
            picture_sets: vec![vec![0x68, set]],
            extension: Vec::new(),
        }
    }

    #[test]
    fn the_entry_covers_every_segment_and_equal_sets_need_nothing_in_band() {
        let mut sets = Sets::default();
        assert_eq!(sets.add(&config(66, 0xc0, 30, 1)), Some(0));
        assert_eq!(sets.add(&config(66, 0xc0, 30, 1)), Some(0));
        assert!(sets.in_band(0).is_empty());
        assert_eq!(sets.add(&config(100, 0, 31, 2)), Some(1));
        assert_eq!(sets.add(&config(77, 0x40, 40, 3)), Some(2));
        let entry = sets.entry().unwrap();
        assert_eq!(
            (entry.profile, entry.compatibility, entry.level),
            (100, 0, 40)
        );
        assert_eq!(entry.extension, HIGH_EXTENSION);
        assert_eq!(entry.sequence_sets, [[0x67, 1]]);
        assert_eq!(sets.in_band(1), [0, 0, 0, 2, 0x67, 2, 0, 0, 0, 2, 0x68, 2]);
        assert!(!sets.in_band(0).is_empty(), "coming back to the first");
    }

    #[test]
    fn lengths_of_another_width_cannot_stand_in_the_same_track() {
        let mut sets = Sets::default();
        sets.add(&config(66, 0, 30, 1));
        let narrow = Config {
            length_bytes: 2,
            ..config(66, 0, 30, 1)
        };
        assert_eq!(sets.add(&narrow), None);
    }
}
