//! Inside the tower: the keeper, its radio, the lamp.

use super::canvas::{At, Canvas, Colour, add, dim, mix, ramp};
use super::letters;
use super::places::WARM;

pub const EYE: Colour = [0.45, 0.95, 1.0];

/// How the keeper looks.
#[derive(Clone, Copy)]
pub struct Mood {
    /// 0: closed, 1: wide open.
    pub eye: f32,
    /// −1 to 1, sideways and downwards.
    pub look: At,
    /// The light in its chest, 0 to 1.
    pub heart: f32,
    /// What falls on it from the lamp, 0 to 1.
    pub lit: f32,
}

pub fn wall(canvas: &mut Canvas, warmth: f32) {
    let side = canvas.side();
    canvas.wash(|at, _| {
        let stone = mix([0.05, 0.06, 0.11], [0.20, 0.13, 0.10], warmth);
        let course = (at.1 * 9.0).floor();
        let joint =
            ((at.0 * 5.0 + course * 0.5).fract().abs() < 0.03) || ((at.1 * 9.0).fract() < 0.05);
        let shade = 1.0 - 0.55 * (at.0 / side).powi(2) - 0.2 * at.1;
        dim(stone, if joint { 0.65 * shade } else { shade })
    });
}

pub fn keeper(canvas: &mut Canvas, at: At, size: f32, mood: Mood) {
    let p = |x: f32, y: f32| At(at.0 + x * size, at.1 + y * size);
    let metal = mix([0.20, 0.24, 0.30], [0.62, 0.52, 0.40], mood.lit);
    let shade = |by: f32| dim(metal, by);
    // Shoulders and body.
    canvas.taper(p(0.0, 0.46), 0.34 * size, p(0.0, 1.4), 0.58 * size, |q| {
        dim(metal, 0.85 - 0.4 * ((q.0 - at.0) / (0.5 * size)).abs())
    });
    canvas.rect(p(-0.10, 0.36), p(0.10, 0.50), shade(0.5));
    let heart = p(0.0, 0.82);
    canvas.ring(heart, 0.13 * size, 0.02 * size, shade(0.4));
    canvas.disc(
        heart,
        0.11 * size,
        mix([0.08, 0.09, 0.12], WARM, mood.heart),
    );
    canvas.glow(heart, 0.7 * size, WARM, 0.8 * mood.heart);
    // Head, with a rim and an aerial.
    canvas.taper(p(0.0, -0.40), 0.36 * size, p(0.0, 0.38), 0.42 * size, |q| {
        dim(
            metal,
            1.0 - 0.45 * ((q.0 - at.0) / (0.42 * size)).powi(2) - 0.25 * (q.1 - at.1) / size,
        )
    });
    canvas.rect(p(-0.40, -0.44), p(0.40, -0.38), shade(0.7));
    canvas.rect(p(-0.015, -0.74), p(0.015, -0.44), shade(0.6));
    canvas.disc(
        p(0.0, -0.76),
        0.04 * size,
        add(shade(0.6), [1.0, 0.3, 0.2], 0.8 * mood.eye),
    );
    for side in [-1.0, 1.0] {
        canvas.disc(p(0.42 * side, 0.0), 0.09 * size, shade(0.6));
    }
    eye(canvas, p(0.0, -0.02), size, mood, metal);
    for bar in 0..5 {
        let x = -0.14 + 0.07 * bar as f32;
        canvas.rect(p(x - 0.015, 0.24), p(x + 0.015, 0.32), shade(0.35));
    }
}

fn eye(canvas: &mut Canvas, at: At, size: f32, mood: Mood, metal: Colour) {
    canvas.disc(at, 0.25 * size, dim(metal, 0.45));
    canvas.disc(at, 0.21 * size, [0.02, 0.04, 0.07]);
    let pupil = At(
        at.0 + mood.look.0 * 0.08 * size,
        at.1 + mood.look.1 * 0.08 * size,
    );
    canvas.glow(pupil, 0.55 * size, EYE, 0.55 * mood.eye);
    canvas.disc(
        pupil,
        0.11 * size * (0.6 + 0.4 * mood.eye),
        dim(EYE, 0.25 + 0.75 * mood.eye),
    );
    canvas.disc(
        At(pupil.0 + 0.03 * size, pupil.1 - 0.03 * size),
        0.03 * size,
        dim([1.0; 3], mood.eye),
    );
    let lid = 0.5 * (1.0 - mood.eye) * size;
    let (from, to) = (
        At(at.0 - 0.22 * size, at.1 - 0.25 * size),
        At(at.0 + 0.22 * size, at.1 - 0.25 * size + lid),
    );
    canvas.region(from, to, |q, was| {
        let inside = (q.0 - at.0).hypot(q.1 - at.1) < 0.215 * size && q.1 < to.1;
        if inside { dim(metal, 0.6) } else { was }
    });
}

/// The radio: a round-cornered screen with a trace, a label and lamps. `signal` is how strong the trace swings.
pub fn radio(canvas: &mut Canvas, seconds: f32, signal: impl Fn(f32) -> f32, label: &str) {
    let half = canvas.side().min(0.70) * 0.88;
    canvas.wash(|at, _| dim([0.13, 0.12, 0.12], 1.1 - at.1 * 0.5));
    canvas.rect(
        At(-half - 0.03, 0.09),
        At(half + 0.03, 0.75),
        [0.05, 0.05, 0.06],
    );
    let green: Colour = [0.25, 0.95, 0.55];
    canvas.region(At(-half, 0.12), At(half, 0.72), |at, was| {
        if at.0.abs() > half || !(0.12..0.72).contains(&at.1) {
            return was;
        }
        let grid =
            (at.0 * 10.0).rem_euclid(1.0) < 0.04 || ((at.1 - 0.42) * 10.0).rem_euclid(1.0) < 0.04;
        let mut colour: Colour = if grid {
            [0.03, 0.14, 0.10]
        } else {
            [0.01, 0.06, 0.05]
        };
        let sweep = (seconds * 0.22).fract() * 2.0 * half - half;
        let age = (sweep - at.0).rem_euclid(2.0 * half) / (2.0 * half);
        let trace = 0.42 - 0.22 * signal(at.0 * 3.0 + seconds);
        let line = 1.0 - ((at.1 - trace).abs() / 0.018).min(1.0);
        colour = add(colour, green, line * (1.0 - 0.75 * age));
        colour
    });
    letters::write(
        canvas,
        At(0.0, 0.86),
        0.022,
        label,
        dim(green, 0.75 + 0.25 * (seconds * 5.0).sin()),
    );
}

/// The lamp behind its lens; `power` 0 to 1.
pub fn lamp(canvas: &mut Canvas, at: At, size: f32, power: f32, colour: Colour) {
    let glass = mix([0.10, 0.14, 0.20], colour, 0.55 * power);
    for ring in (1..6).rev() {
        let radius = size * ring as f32 / 6.0;
        canvas.disc(
            at,
            radius,
            mix(glass, colour, power * ramp(6.0 - ring as f32, 0.0, 6.0)),
        );
        canvas.ring(
            at,
            radius,
            0.008 * size,
            dim(add([0.3, 0.34, 0.4], colour, power), 0.6),
        );
    }
    canvas.disc(
        at,
        0.10 * size,
        mix([0.2, 0.2, 0.22], [1.0, 0.97, 0.88], power),
    );
    canvas.glow(at, size * 2.4, colour, 0.8 * power);
}
