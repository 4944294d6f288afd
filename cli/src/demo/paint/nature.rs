//! Sky, sea and weather.

use super::canvas::{At, Canvas, Colour, add, chance, dim, mix, ramp};

/// A time of day: the colours of sky and sea.
#[derive(Clone, Copy)]
pub struct Hour {
    pub high: Colour,
    pub low: Colour,
    pub sea: Colour,
    pub deep: Colour,
    /// 0: none, 1: all.
    pub stars: f32,
}

pub const DUSK: Hour = Hour {
    high: [0.07, 0.06, 0.20],
    low: [0.78, 0.36, 0.36],
    sea: [0.36, 0.20, 0.36],
    deep: [0.04, 0.05, 0.14],
    stars: 0.35,
};
pub const NIGHT: Hour = Hour {
    high: [0.02, 0.03, 0.10],
    low: [0.10, 0.14, 0.32],
    sea: [0.08, 0.14, 0.30],
    deep: [0.01, 0.02, 0.08],
    stars: 1.0,
};
pub const STORM: Hour = Hour {
    high: [0.04, 0.05, 0.08],
    low: [0.13, 0.16, 0.20],
    sea: [0.10, 0.15, 0.19],
    deep: [0.02, 0.03, 0.05],
    stars: 0.0,
};
pub const DAWN: Hour = Hour {
    high: [0.20, 0.34, 0.62],
    low: [1.00, 0.74, 0.48],
    sea: [0.72, 0.52, 0.50],
    deep: [0.10, 0.18, 0.34],
    stars: 0.05,
};

pub fn sky(canvas: &mut Canvas, hour: &Hour, horizon: f32, seconds: f32) {
    canvas.wash(|at, _| {
        let down = (at.1 / horizon).clamp(0.0, 1.0);
        mix(hour.high, hour.low, down * down)
    });
    let side = canvas.side();
    for star in 0..140 {
        let at = At(
            (chance(star, 1) * 2.0 - 1.0) * side,
            chance(star, 2) * horizon * 0.9,
        );
        let twinkle = 0.6 + 0.4 * (seconds * (0.8 + chance(star, 3) * 2.0) + star as f32).sin();
        let bright =
            hour.stars * twinkle * (0.25 + 0.75 * chance(star, 4)) * (1.0 - at.1 / horizon);
        canvas.region(at, at, |_, was| add(was, [0.9, 0.95, 1.0], bright));
    }
}

pub fn moon(canvas: &mut Canvas, at: At, radius: f32) {
    canvas.glow(at, radius * 5.0, [0.5, 0.6, 0.9], 0.35);
    canvas.disc(at, radius, [0.93, 0.94, 0.88]);
    let crater = |x: f32, y: f32| At(at.0 + x * radius, at.1 + y * radius);
    canvas.disc(crater(-0.3, -0.2), radius * 0.22, [0.82, 0.83, 0.80]);
    canvas.disc(crater(0.35, 0.3), radius * 0.16, [0.84, 0.85, 0.82]);
}

/// Waves below the horizon; `rough` from 0 (a pond) to 1 (a storm). `shine` is where something bright stands above.
pub fn sea(
    canvas: &mut Canvas,
    hour: &Hour,
    horizon: f32,
    seconds: f32,
    rough: f32,
    shine: Option<(f32, Colour)>,
) {
    let side = canvas.side();
    canvas.region(
        At(-side, horizon - 0.05 * rough),
        At(side, 1.0),
        |at, was| {
            let swell = 0.05
                * rough
                * ((at.0 * 5.0 + seconds * 1.1).sin() + 0.6 * (at.0 * 11.0 - seconds * 1.7).sin())
                * 0.5;
            let depth = (at.1 - horizon - swell) / (1.0 - horizon);
            if depth < 0.0 {
                return was;
            }
            let near = depth.sqrt();
            let scale = 60.0 / (0.25 + 3.0 * depth);
            let wave = (at.0 * scale * 0.35 + seconds * (0.8 + rough) + (at.1 * 240.0).sin() * 1.7)
                .sin()
                * (at.1 * scale * 2.2 - seconds * (1.2 + 2.0 * rough)).sin();
            let mut colour = mix(hour.sea, hour.deep, near);
            let crest = ramp(wave, 0.55 - 0.25 * rough, 0.95);
            colour = add(
                colour,
                hour.low,
                crest * (0.22 + 0.25 * rough) * (1.0 - 0.5 * near),
            );
            if let Some((x, light)) = shine {
                let path = 1.0 - ((at.0 - x).abs() / (0.05 + 0.22 * depth)).min(1.0);
                colour = add(colour, light, path * (0.12 + 0.5 * crest));
            }
            colour
        },
    );
}

pub fn rain(canvas: &mut Canvas, seconds: f32, strength: f32) {
    let side = canvas.side();
    let drops = (220.0 * strength) as u32;
    for drop in 0..drops {
        let speed = 1.6 + chance(drop, 7);
        let fall = (chance(drop, 8) + seconds * speed).fract();
        let x = (chance(drop, 9 + (seconds * speed) as u32) * 2.4 - 1.2) * side - fall * 0.18;
        canvas.region(At(x, fall), At(x, fall + 0.035), |_, was| {
            add(was, [0.5, 0.6, 0.7], 0.22)
        });
    }
}

/// Brightness of lightning: two short flashes at `at` seconds.
pub fn flash(seconds: f32, at: f32) -> f32 {
    let since = seconds - at;
    let one = |since: f32| {
        if since < 0.0 {
            0.0
        } else {
            (-since * 9.0).exp()
        }
    };
    one(since).max(0.7 * one(since - 0.22))
}

/// A jagged bolt from the clouds, and the light it throws.
pub fn lightning(canvas: &mut Canvas, x: f32, horizon: f32, strength: f32) {
    if strength < 0.02 {
        return;
    }
    canvas.wash(|_, was| add(was, [0.55, 0.6, 0.75], 0.55 * strength));
    let dot = 1.5 / canvas.height as f32;
    let mut at = At(x, 0.0);
    for step in 0..24 {
        let next = At(
            at.0 + (chance(step, 21) - 0.5) * 0.07,
            at.1 + horizon / 24.0,
        );
        canvas.rect(
            At(next.0 - dot, at.1),
            At(next.0 + dot, next.1),
            dim([1.0, 1.0, 1.0], 0.4 + strength),
        );
        at = next;
    }
}
