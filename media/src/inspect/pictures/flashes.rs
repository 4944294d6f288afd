//! Flashes as ITU-R BT.1702-3 and WCAG 2.3.1 define them: a pair of opposing changes of luminance by a tenth of white or more, the darker
//! state below 0.8 of white, over at least a quarter of the picture. More than three within a second may harm.

use botflix_common::facts::pictures::{Flashing, MAX_SPANS};

use super::{Clock, LUMA_BYTES};

/// BT.1702-3: 20 cd/m² on a screen of 200 cd/m²; WCAG: 10 % of the maximum.
const STEP: f32 = 0.1;
/// BT.1702-3: 160 cd/m² of 200; WCAG: 0.80.
const DARKER_BELOW: f32 = 0.8;
/// BT.1702-3: a quarter of the screen.
const AREA_SHARE: f64 = 0.25;
const MOST_PER_SECOND: usize = 3;
/// A change that takes this many pictures is one change: fields go over their limit one after another.
const TOGETHER: usize = 2;
/// More changes than this are not kept: an hour of flashes.
const MAX_CHANGES: usize = 1 << 18;

#[derive(Clone, Copy, Default)]
struct Field {
    /// The extreme since the last change.
    extreme: f32,
    rising: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

#[derive(Default)]
pub struct Flashes {
    luminance: Vec<f32>,
    fields: Vec<Field>,
    /// Fields that went up and down in each of the last pictures.
    recent: Vec<(usize, usize)>,
    changes: Vec<(usize, Way)>,
    pictures: usize,
}

impl Flashes {
    pub fn picture(&mut self, luma: &[u8]) {
        if self.luminance.is_empty() {
            self.luminance = (0..=255u8).map(luminance).collect();
            self.fields = luma
                .iter()
                .map(|code| Field {
                    extreme: self.light(*code),
                    rising: true,
                })
                .collect();
        }
        let (mut ups, mut downs) = (0, 0);
        let table = &self.luminance;
        for (field, code) in self.fields.iter_mut().zip(luma) {
            let light = table.get(usize::from(*code)).copied().unwrap_or_default();
            match field.change(light) {
                Some(Way::Up) => ups += 1,
                Some(Way::Down) => downs += 1,
                None => {}
            }
        }
        self.recent.push((ups, downs));
        if self.recent.len() > TOGETHER {
            self.recent.remove(0);
        }
        let least = (LUMA_BYTES as f64 * AREA_SHARE) as usize;
        let (ups, downs) = self
            .recent
            .iter()
            .fold((0, 0), |(ups, downs), (up, down)| (ups + up, downs + down));
        let way = match (ups >= least, downs >= least) {
            (true, _) if ups >= downs => Some(Way::Up),
            (_, true) => Some(Way::Down),
            _ => None,
        };
        // The same way again is the rest of the same change.
        let last = self.changes.last().map(|(_, way)| *way);
        if let Some(way) = way.filter(|way| Some(*way) != last && self.changes.len() < MAX_CHANGES)
        {
            self.changes.push((self.pictures, way));
            self.recent.clear();
        }
        self.pictures += 1;
    }

    fn light(&self, code: u8) -> f32 {
        self.luminance
            .get(usize::from(code))
            .copied()
            .unwrap_or_default()
    }

    /// Seconds in which there were too many.
    pub fn finish(&self, clock: &Clock<'_>) -> Vec<Flashing> {
        let times: Vec<f64> = self.changes.iter().map(|(at, _)| clock.at(*at)).collect();
        let mut found: Vec<Flashing> = Vec::new();
        for (first, start) in times.iter().enumerate() {
            let within = times.partition_point(|time| *time < start + 1.0) - first;
            let flashes = within / 2;
            if flashes <= MOST_PER_SECOND {
                continue;
            }
            let end = times.get(first + within - 1).copied().unwrap_or(*start);
            let per_second = u32::try_from(flashes).unwrap_or(u32::MAX);
            match found.last_mut().filter(|last| last.end_seconds >= *start) {
                Some(last) => {
                    last.end_seconds = end;
                    last.per_second = last.per_second.max(per_second);
                }
                None => found.push(Flashing {
                    start_seconds: *start,
                    end_seconds: end,
                    per_second,
                }),
            }
        }
        found.truncate(MAX_SPANS);
        found
    }
}

impl Field {
    /// Whether the field has just gone a step away from its last extreme.
    fn change(&mut self, light: f32) -> Option<Way> {
        if self.rising == (light > self.extreme) || light == self.extreme {
            self.extreme = light;
            return None;
        }
        let darker = light.min(self.extreme);
        if (light - self.extreme).abs() < STEP || darker >= DARKER_BELOW {
            return None;
        }
        self.extreme = light;
        self.rising = !self.rising;
        Some(if self.rising { Way::Up } else { Way::Down })
    }
}

/// Relative luminance of a grey of this code (BT.1886: a power of 2.4).
fn luminance(code: u8) -> f32 {
    ((f32::from(code) - 16.0) / 219.0).clamp(0.0, 1.0).powf(2.4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flashing(period: usize, low: u8, high: u8, share: f64) -> Vec<Flashing> {
        let mut flashes = Flashes::default();
        let lit = (LUMA_BYTES as f64 * share) as usize;
        for picture in 0..75 {
            let mut luma = vec![low; LUMA_BYTES];
            if picture / period % 2 == 1 {
                luma[..lit].fill(high);
            }
            flashes.picture(&luma);
        }
        let times: Vec<f64> = (0..75).map(|at| f64::from(at) / 25.0).collect();
        flashes.finish(&Clock {
            times: &times,
            end_seconds: 3.0,
        })
    }

    #[test]
    fn more_than_three_flashes_a_second_over_a_quarter_of_the_picture_are_told() {
        // Every third picture another: 25 / 6, four in a second.
        let told = flashing(3, 16, 235, 0.3);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].per_second, 4);
        assert!(told[0].end_seconds > 2.5);
        assert!(flashing(3, 16, 235, 0.2).is_empty(), "too small");
        assert!(flashing(3, 16, 70, 1.0).is_empty(), "too faint");
        assert!(flashing(3, 220, 235, 1.0).is_empty(), "light all the time");
        assert!(flashing(5, 16, 235, 1.0).is_empty(), "slow");
    }
}
