//! Where claps are heard, against where their pictures are.

/// Of the samples that are looked at; an eighth of a millisecond is near enough.
pub(super) const RATE_HZ: u32 = 8000;
/// Searched around the place where a clap should be; the silence around it is twice as long, so speech stays out even when it is late by as much.
const AROUND_SECONDS: f64 = 0.09;
/// A clap begins where this share of its largest sample is reached.
const ONSET: f64 = 0.5;
/// Softer than this is no clap, of 32768.
const LEAST: u16 = 100;

/// The deviation, in milliseconds, of the clap that is farthest from where it is expected, infinite when one is not heard; `None` when none is
/// expected. Each is looked for where the one before makes it likely, so that growing drift is followed.
pub(super) fn farthest_ms(samples: &[i16], expected: &[f64]) -> Option<f64> {
    let mut last_ms = 0.0;
    let mut farthest: Option<f64> = None;
    for seconds in expected {
        let found = off_ms(samples, seconds + last_ms / 1000.0);
        let off = found.map_or(f64::INFINITY, |off| off + last_ms);
        if off.is_finite() {
            last_ms = off;
        }
        if farthest.is_none_or(|before| off.abs() > before.abs()) {
            farthest = Some(off);
        }
    }
    farthest
}

fn off_ms(samples: &[i16], seconds: f64) -> Option<f64> {
    let rate = f64::from(RATE_HZ);
    let from = ((seconds - AROUND_SECONDS) * rate).max(0.0) as usize;
    let to = ((seconds + AROUND_SECONDS) * rate) as usize;
    let window = samples.get(from..to.min(samples.len()))?;
    let largest = window.iter().map(|sample| sample.unsigned_abs()).max()?;
    if largest < LEAST {
        return None;
    }
    let onset = window
        .iter()
        .position(|sample| f64::from(sample.unsigned_abs()) >= ONSET * f64::from(largest))?;
    Some(((from + onset) as f64 / rate - seconds) * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_clap_is_late_by_that_much_and_a_lost_one_is_told() {
        let mut samples = vec![3i16; 16_000];
        samples[6000..6024].fill(9000);
        samples[14_080..14_100].fill(-2000);
        assert_eq!(farthest_ms(&samples, &[0.75]), Some(0.0));
        let farthest = farthest_ms(&samples, &[0.75, 1.75]).unwrap();
        assert!((farthest - 10.0).abs() < 1e-6, "{farthest}");
        assert_eq!(farthest_ms(&samples, &[0.75, 1.2]), Some(f64::INFINITY));
        assert_eq!(farthest_ms(&samples, &[]), None);
    }
}
