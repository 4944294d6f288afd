//! The meter against libebur128 and signals of known loudness.

use ebur128::{EbuR128, Mode};

use super::*;

fn sine(hertz: f64, level_db: f64, frames: u32) -> Vec<Frame> {
    (0..frames)
        .map(|n| {
            let angle = std::f64::consts::TAU * hertz * f64::from(n) / 48_000.0;
            [(angle.sin() * amplitude(level_db)) as f32; 2]
        })
        .collect()
}

/// Noise whose level changes, louder on the left.
fn uneven_noise(frames: usize) -> Vec<Frame> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..frames)
        .map(|n| {
            let level = if (n / 30_000) % 3 == 0 { 0.02 } else { 0.4 };
            [next() * level, next() * level * 0.5]
        })
        .collect()
}

#[test]
fn a_sine_of_minus_23_dbfs_in_both_channels_measures_minus_23_lufs() {
    // EBU Tech 3341 §2.9, minimum requirement 1: 1 kHz at −23 dBFS, stereo.
    let mut meter = Meter::new();
    meter.add(&sine(1000.0, -23.0, 48_000 * 5));
    let measured = meter.measured();
    assert!(
        (measured.integrated.unwrap() + 23.0).abs() < 0.1,
        "{measured:?}"
    );
    assert!(
        (measured.true_peak.unwrap() + 23.0).abs() < 0.1,
        "{measured:?}"
    );
}

#[test]
fn soft_passages_are_gated_as_ebu_tech_3341_asks() {
    // Minimum requirement 3: −36, −23 and −36 dBFS for 10, 60 and 10 s measure −23 LUFS.
    let mut meter = Meter::new();
    for (level, seconds) in [(-36.0, 10), (-23.0, 60), (-36.0, 10)] {
        meter.add(&sine(1000.0, level, 48_000 * seconds));
    }
    let integrated = meter.measured().integrated.unwrap();
    assert!((integrated + 23.0).abs() < 0.1, "{integrated}");
}

#[test]
fn digital_silence_has_neither_loudness_nor_peak() {
    let mut meter = Meter::new();
    meter.add(&[[0.0; 2]; 48_000]);
    let measured = meter.measured();
    assert_eq!((measured.integrated, measured.true_peak), (None, None));
}

#[test]
fn loudness_and_peak_are_those_of_libebur128() {
    let frames = uneven_noise(400_001);
    let mut reference = EbuR128::new(2, 48_000, Mode::I | Mode::TRUE_PEAK).unwrap();
    reference.add_frames_f32(frames.as_flattened()).unwrap();
    let peak = reference
        .true_peak(0)
        .unwrap()
        .max(reference.true_peak(1).unwrap());
    let mut meter = Meter::new();
    for block in frames.chunks(1111) {
        meter.add(block);
    }
    let measured = meter.measured();
    let loudness = reference.loudness_global().unwrap();
    assert!(
        (measured.integrated.unwrap() - loudness).abs() < 0.001,
        "{measured:?} {loudness}"
    );
    assert!(
        (measured.true_peak.unwrap() - decibels(peak)).abs() < 0.001,
        "{measured:?} {peak}"
    );
}

#[test]
fn stretches_measured_side_by_side_join_to_the_whole() {
    let frames = uneven_noise(300_000);
    let mut whole = Meter::new();
    whole.add(&frames);
    let whole = whole.measured();
    let seam = 33 * STEP_FRAMES;
    let mut first = Meter::new();
    first.add(&frames[..seam]);
    let mut second = Meter::new();
    second.warm(&frames[seam - WARM_UP_FRAMES as usize..seam]);
    second.add(&frames[seam..]);
    let joined = Stretch::join([first.finish(), second.finish()]).measured();
    let difference = joined.integrated.unwrap() - whole.integrated.unwrap();
    assert!(difference.abs() < 1e-9, "{difference}");
    assert_eq!(joined.true_peak, whole.true_peak);
}
