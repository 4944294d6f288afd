//! Which frames are looked at: for posters the asked-for ones or key pictures near them, for the storyboard the key pictures. Pure.

/// Candidates for posters that are looked at.
const MAX_CANDIDATES: usize = 6;

/// Pictures decoded on the way to all candidates, at 1280×720; a larger picture counts as more. Half a second of film: as much as starting ffmpeg
/// costs.
const MAX_LEAD_PICTURES: u64 = 12;
/// How far behind its key picture a candidate may lie when key pictures show nothing, seconds. Shots open in black, but not for long.
const MAX_LEAD_SECONDS: f64 = 2.0;
const PIXELS: u64 = 1280 * 720;

/// At most 10 × 10 tiles.
pub(super) const MAX_TILES: u64 = 100;
/// A film long enough for it has at least so many, each of which takes a key picture's decoding.
const USUAL_TILES: f64 = 24.0;
/// What one stands for: finer is of no use to those who seek, and coarser none to those who look for a place in two minutes.
const SECONDS: (f64, f64) = (1.0, 5.0);

/// A frame to be decoded, and the key picture where decoding starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) key: u64,
    pub(super) frame: u64,
}

/// How far decoding goes for a poster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// To the wanted frames when that is cheap, and else to the key pictures before them: between the two nothing else begins, so they show the
    /// same shots, and tiles are made of most of them anyway.
    Cheap,
    /// As near to the wanted frames as is reasonable.
    Far,
}

/// What is looked at for the `wanted` frames. Ascending, none twice, never empty when there is a key picture.
pub(super) fn posters(
    wanted: &[u64],
    keys: &[u64],
    frames: u64,
    pixels: u64,
    (lead, fps): (Lead, f64),
) -> Vec<Candidate> {
    let mut wanted: Vec<u64> = spread(wanted).filter(|frame| *frame < frames).collect();
    if wanted.is_empty() {
        wanted.extend(keys.first());
    }
    wanted.sort_unstable();
    let mut chosen: Vec<Candidate> = wanted
        .into_iter()
        .filter_map(|frame| {
            let key = *keys.get(keys.partition_point(|key| *key <= frame).checked_sub(1)?)?;
            Some(Candidate { key, frame })
        })
        .collect();
    // What one key picture leads to is decoded in one go.
    let runs = chosen.chunk_by(|one, next| one.key == next.key);
    let all: u64 = runs
        .filter_map(|run| run.iter().map(|c| c.frame - c.key).max())
        .sum();
    let cheap = all <= MAX_LEAD_PICTURES * PIXELS / pixels.max(PIXELS);
    let most = match lead {
        Lead::Cheap if cheap => u64::MAX,
        Lead::Cheap => 0,
        Lead::Far => (fps * MAX_LEAD_SECONDS) as u64,
    };
    for candidate in &mut chosen {
        candidate.frame = candidate.key + (candidate.frame - candidate.key).min(most);
    }
    chosen.dedup();
    chosen
}

/// As many as are looked at, from all over the film.
fn spread(wanted: &[u64]) -> impl Iterator<Item = u64> {
    let step = wanted.len().div_ceil(MAX_CANDIDATES).max(1);
    wanted.iter().step_by(step).copied()
}

/// A stretch of the film and the key picture that stands for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tile {
    pub(super) key: u64,
    pub(super) start_seconds: f64,
    pub(super) end_seconds: f64,
}

/// The first key picture of each stretch; a stretch without one goes on showing the one before. Covers the film without a gap.
pub(super) fn tiles(keys: &[u64], fps: f64, total_seconds: f64) -> Vec<Tile> {
    let (finest, usual) = SECONDS;
    let interval = (total_seconds / USUAL_TILES)
        .clamp(finest, usual)
        .max(total_seconds / MAX_TILES as f64);
    let mut tiles: Vec<Tile> = Vec::new();
    for key in keys {
        let slot = (*key as f64 / fps / interval).floor();
        let start_seconds = slot * interval;
        match tiles.last_mut() {
            Some(last) if start_seconds <= last.start_seconds => continue,
            Some(last) => last.end_seconds = start_seconds,
            None if start_seconds > 0.0 => continue,
            None => {}
        }
        if start_seconds >= total_seconds || tiles.len() as u64 == MAX_TILES {
            break;
        }
        tiles.push(Tile {
            key: *key,
            start_seconds,
            end_seconds: total_seconds,
        });
    }
    if let Some(last) = tiles.last_mut() {
        last.end_seconds = total_seconds;
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanted_frames_are_taken_exactly_when_that_is_cheap_and_the_key_pictures_of_their_shots_when_not()
     {
        let keys = [0, 100, 200, 300];
        let cheap = (Lead::Cheap, 24.0);
        let frames = |wanted: &[u64], pixels| -> Vec<u64> {
            posters(wanted, &keys, 400, pixels, cheap)
                .iter()
                .map(|c| c.frame)
                .collect()
        };
        assert_eq!(frames(&[2, 5, 103, 304], PIXELS), [2, 5, 103, 304]);
        assert_eq!(frames(&[2, 5, 103, 304], 3 * PIXELS), [0, 100, 300]);
        assert_eq!(frames(&[60, 120, 250, 350], PIXELS), [0, 100, 200, 300]);
        assert_eq!(frames(&[900], PIXELS), [0], "nothing else is to be had");
        assert_eq!(frames(&[], PIXELS), [0]);
        assert_eq!(posters(&[5], &[], 400, PIXELS, cheap), []);
        let many: Vec<u64> = (0..400).collect();
        assert!(posters(&many, &keys, 400, PIXELS, cheap).len() <= MAX_CANDIDATES);
        let far = posters(&[30, 60, 120], &keys, 400, PIXELS, (Lead::Far, 24.0));
        let far: Vec<u64> = far.iter().map(|c| c.frame).collect();
        assert_eq!(far, [30, 48, 120], "two seconds at most");
    }

    #[test]
    fn tiles_cover_the_film_and_are_never_more_than_a_hundred() {
        let of = |keys: &[u64], seconds| -> Vec<(u64, f64, f64)> {
            let tiles = tiles(keys, 24.0, seconds);
            tiles
                .iter()
                .map(|t| (t.key, t.start_seconds, t.end_seconds))
                .collect()
        };
        assert_eq!(
            of(&[0, 10, 26, 30, 90], 5.0),
            [(0, 0.0, 1.0), (26, 1.0, 3.0), (90, 3.0, 5.0)]
        );
        let every: Vec<u64> = (0..24 * 7200).collect();
        let minutes: Vec<f64> = of(&every, 120.0).iter().map(|tile| tile.1).collect();
        assert_eq!(
            minutes,
            (0..24).map(|tile| f64::from(5 * tile)).collect::<Vec<_>>()
        );
        let two_hours = of(&every, 7200.0);
        assert_eq!(two_hours.len(), 100);
        assert_eq!(two_hours.last().unwrap().2, 7200.0);
        assert_eq!(of(&[], 12.0), []);
    }
}
