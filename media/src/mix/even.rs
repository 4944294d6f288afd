//! Brings shots to the same loudness before they are mixed, where the manifest asks for it. Blocking.

use botflix_common::task::MixSpec;

use super::bed::Bed;
use super::loudness::Meter;
use super::place;
use super::stage::side_by_side;
use super::trouble::Trouble;

/// A shot is moved by this much at most, dB: beyond it lies sound that is meant to be soft, or hardly any.
const MAX_STEP_DB: f64 = 12.0;

/// What is to be added to the gain of each shot, dB. Each is measured over its own length as it is in its clip, gated (BS.1770-4), so that what is
/// spoken counts and pauses do not; all go to the median, which leaves most films mostly alone. A gain that was asked for stays an offset.
pub(super) fn gains(bed: &Bed, spec: &MixSpec) -> Result<Vec<f64>, Trouble> {
    let count = spec.shots.len() as u64;
    let measured = side_by_side(&[0..count / 2, count / 2..count], |range| {
        let first = usize::try_from(range.start).unwrap_or(usize::MAX);
        let shots = spec.shots.iter().skip(first);
        (range.start..range.end)
            .zip(shots)
            .map(|(_, shot)| {
                let Some(alone) = place::alone(shot) else {
                    return Ok(None);
                };
                let mut meter = Meter::new();
                bed.solo(&alone, &mut |block| meter.add(block))?;
                Ok(meter.measured().integrated)
            })
            .collect::<Result<Vec<_>, Trouble>>()
    })?;
    Ok(to_the_median(&measured.concat()))
}

fn to_the_median(loudness: &[Option<f64>]) -> Vec<f64> {
    let mut known: Vec<f64> = loudness.iter().copied().flatten().collect();
    known.sort_by(f64::total_cmp);
    let median = known.get(known.len() / 2).copied().unwrap_or(0.0);
    loudness
        .iter()
        .map(|loudness| {
            let step = loudness.map_or(0.0, |loudness| median - loudness);
            step.clamp(-MAX_STEP_DB, MAX_STEP_DB)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shots_go_to_the_median_but_not_far_and_silence_stays() {
        let gains = to_the_median(&[Some(-20.0), None, Some(-26.0), Some(-50.0), Some(-22.0)]);
        assert_eq!(gains, [-2.0, 0.0, 4.0, 12.0, 0.0]);
        assert_eq!(to_the_median(&[None]), [0.0]);
        assert!(to_the_median(&[]).is_empty());
    }
}
