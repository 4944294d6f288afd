//! The lighthouse on its rock, and the ship.

use super::canvas::{At, Canvas, Colour, add, dim, mix};

pub const WARM: Colour = [1.0, 0.84, 0.50];
pub const COLD: Colour = [0.62, 0.80, 1.0];

/// The lamp of a lighthouse.
#[derive(Clone, Copy)]
pub struct Lamp {
    /// 0: dark, 1: full.
    pub power: f32,
    pub colour: Colour,
    /// Turns since the start.
    pub turns: f32,
}

/// Stands with its foot at `foot`; `light` is how much of its walls one sees, 0 to 1.
pub fn lighthouse(canvas: &mut Canvas, foot: At, height: f32, light: f32, lamp: Lamp) {
    let at = |x: f32, y: f32| At(foot.0 + x * height, foot.1 - y * height);
    let room = at(0.0, 0.90);
    let sweep = lamp.turns * std::f32::consts::TAU;
    // Seen from the side, a turning beam is long when it points across and short when it points at us.
    let (toward, across) = sweep.sin_cos();
    let strength = lamp.power * (0.35 + 0.65 * across.abs());
    let spread = 0.09 + 0.10 * toward.abs();
    if lamp.power > 0.02 {
        let tilt = 0.05 * toward;
        canvas.beam(room, tilt, spread, lamp.colour, strength * across.max(0.0));
        canvas.beam(
            room,
            std::f32::consts::PI - tilt,
            spread,
            lamp.colour,
            strength * (-across).max(0.0),
        );
    }
    let stone = |at: At| {
        let band = (((foot.1 - at.1) / height * 5.0) as i32) % 2 == 0;
        let base: Colour = if band {
            [0.86, 0.82, 0.78]
        } else {
            [0.66, 0.20, 0.18]
        };
        let round = 1.0 - ((at.0 - foot.0) / (height * 0.16)).powi(2) * 1.4 + (at.0 - foot.0) * 1.5;
        dim(base, (0.12 + 0.88 * light) * round.clamp(0.25, 1.1))
    };
    canvas.taper(at(0.0, 0.82), 0.085 * height, foot, 0.14 * height, stone);
    let iron = dim([0.20, 0.20, 0.26], 0.4 + 0.6 * light);
    canvas.rect(at(-0.13, 0.84), at(0.13, 0.81), iron);
    canvas.rect(
        at(-0.075, 0.96),
        at(0.075, 0.84),
        mix([0.05, 0.06, 0.10], lamp.colour, lamp.power),
    );
    canvas.rect(at(-0.006, 0.96), at(0.006, 0.84), iron);
    canvas.taper(
        at(0.0, 1.04),
        0.008 * height,
        at(0.0, 0.955),
        0.10 * height,
        |_| iron,
    );
    canvas.glow(
        room,
        0.34 * height * (0.7 + 0.3 * toward.abs()),
        lamp.colour,
        0.9 * lamp.power,
    );
    let window = add([0.06, 0.06, 0.10], WARM, 0.5 * lamp.power);
    canvas.rect(at(-0.015, 0.55), at(0.015, 0.48), window);
    canvas.rect(at(-0.015, 0.28), at(0.015, 0.21), window);
}

/// A rock from the left edge, sloping into the sea.
pub fn rock(canvas: &mut Canvas, middle: f32, top: f32, half: f32, colour: Colour) {
    let from = At(middle - half * 1.6, top - 0.03);
    canvas.region(from, At(middle + half * 1.6, 1.0), |at, was| {
        let side = (at.0 - middle).abs() / half;
        let edge =
            top + 0.10 * side.powi(3) + 0.012 * (at.0 * 43.0).sin() + 0.007 * (at.0 * 97.0).sin();
        if at.1 < edge {
            return was;
        }
        let grain = 0.85 + 0.15 * ((at.0 * 61.0 + at.1 * 23.0).sin() * (at.1 * 71.0).sin());
        mix(dim(colour, grain), dim(colour, 0.4), (at.1 - edge) * 3.0)
    });
}

/// A small ship with a lantern; `tilt` in heights over its length.
pub fn ship(canvas: &mut Canvas, at: At, size: f32, tilt: f32, lantern: f32, hull: Colour) {
    let lean = |x: f32, y: f32| At(at.0 + x * size, at.1 + y * size + tilt * x * size);
    for slice in -10i32..10 {
        let x = slice as f32 / 10.0;
        let depth = 0.34 * (1.0 - x.abs().powi(3));
        let top = lean(x, -0.10 * x.abs());
        canvas.rect(top, At(top.0 + 0.11 * size, top.1 + depth * size), hull);
    }
    let cabin = lean(-0.55, -0.34);
    canvas.rect(
        cabin,
        At(cabin.0 + 0.42 * size, cabin.1 + 0.36 * size),
        dim(hull, 1.5),
    );
    let pane = lean(-0.46, -0.26);
    canvas.rect(
        pane,
        At(pane.0 + 0.10 * size, pane.1 + 0.10 * size),
        dim(WARM, 0.25 + 0.75 * lantern),
    );
    let mast = lean(0.12, -1.0);
    canvas.rect(mast, At(mast.0 + 0.05 * size, at.1), dim(hull, 1.3));
    let light = At(mast.0 + 0.025 * size, mast.1);
    canvas.glow(light, 0.9 * size, WARM, lantern);
    canvas.disc(light, 0.07 * size, mix(hull, [1.0, 0.95, 0.8], lantern));
}
