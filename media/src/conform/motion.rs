//! Ken Burns: which part of a picture is seen at each frame, to a fraction of a pixel. Pure.

use botflix_common::film::{Easing, View};
use botflix_common::task::MotionSpan;

/// Enlarging further shows pixels, not pictures.
const MAX_ZOOM: f64 = 8.0;

/// A rectangle of a picture, in pixels; its edges lie anywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The sizes that a window depends on: the frame's and the whole picture's, in the same pixels. The picture is at least as large.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) frame: (f64, f64),
    pub(super) picture: (f64, f64),
}

pub(super) fn max_zoom(span: &MotionSpan) -> f64 {
    zoom(span.from).max(zoom(span.to))
}

pub(super) fn moves(span: &MotionSpan) -> bool {
    span.from != span.to
}

/// What frame `frame` of the segment shows.
pub(super) fn window(span: &MotionSpan, frame: u64, sizes: Sizes) -> Window {
    let progress = eased(span.easing, progress(span, frame));
    let from = placed(span.from, sizes);
    let to = placed(span.to, sizes);
    let between = |from: f64, to: f64| from + (to - from) * progress;
    Window {
        left: between(from.left, to.left),
        top: between(from.top, to.top),
        width: between(from.width, to.width),
        height: between(from.height, to.height),
    }
}

/// 0 at the motion's first frame, 1 at its last.
fn progress(span: &MotionSpan, frame: u64) -> f64 {
    let last = span.total_frames.saturating_sub(1).max(1);
    ((span.first_frame + frame) as f64 / last as f64).clamp(0.0, 1.0)
}

/// The view's rectangle, moved inwards where it would leave the picture. A straight line between two such rectangles never leaves it.
pub(super) fn placed(view: View, sizes: Sizes) -> Window {
    let zoom = zoom(view);
    let along = |middle: f64, frame: f64, picture: f64| {
        let length = frame / zoom;
        let middle = if middle.is_finite() { middle } else { 0.5 };
        let start = (middle * picture - length / 2.0).clamp(0.0, (picture - length).max(0.0));
        (start, length)
    };
    let (left, width) = along(view.x, sizes.frame.0, sizes.picture.0);
    let (top, height) = along(view.y, sizes.frame.1, sizes.picture.1);
    Window {
        left,
        top,
        width,
        height,
    }
}

fn zoom(view: View) -> f64 {
    if view.zoom.is_finite() {
        view.zoom.clamp(1.0, MAX_ZOOM)
    } else {
        1.0
    }
}

/// CSS's curves: cubic Béziers from (0, 0) to (1, 1) whose inner points lie at height 0 and 1. `None`: a straight line.
pub(super) fn curve(easing: Easing) -> Option<(f64, f64)> {
    match easing {
        Easing::Linear => None,
        Easing::EaseIn => Some((0.42, 1.0)),
        Easing::EaseOut => Some((0.0, 0.58)),
        Easing::EaseInOut => Some((0.42, 0.58)),
    }
}

fn eased(easing: Easing, time: f64) -> f64 {
    let Some((first, second)) = curve(easing) else {
        return time;
    };
    let at =
        |s: f64| 3.0 * (1.0 - s).powi(2) * s * first + 3.0 * (1.0 - s) * s * s * second + s.powi(3);
    // Time grows with the curve's parameter: halving finds it to 2⁻³².
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..32 {
        let middle = (low + high) / 2.0;
        if at(middle) < time {
            low = middle;
        } else {
            high = middle;
        }
    }
    let s: f64 = (low + high) / 2.0;
    3.0 * s * s - 2.0 * s.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes {
        frame: (1280.0, 720.0),
        picture: (1280.0, 1920.0),
    };

    #[test]
    fn a_view_never_leaves_the_picture_and_one_of_zoom_one_is_a_whole_frame() {
        let corner = View {
            x: 0.0,
            y: 1.0,
            zoom: 2.0,
        };
        let window = placed(corner, SIZES);
        assert_eq!(
            (window.left, window.top, window.width, window.height),
            (0.0, 1920.0 - 360.0, 640.0, 360.0)
        );
        let middle = placed(View::default(), SIZES);
        assert_eq!((middle.left, middle.top), (0.0, 600.0));
    }

    #[test]
    fn a_motion_begins_and_ends_where_it_was_told_however_it_is_cut_into_segments() {
        let span = MotionSpan {
            from: View::default(),
            to: View {
                x: 0.3,
                y: 0.6,
                zoom: 3.0,
            },
            easing: Easing::EaseInOut,
            first_frame: 0,
            total_frames: 100,
        };
        for (frame, view) in [(0, span.from), (99, span.to)] {
            let (seen, told) = (window(&span, frame, SIZES), placed(view, SIZES));
            assert!(
                (seen.left - told.left).abs() < 1e-6,
                "{seen:?} for {told:?}"
            );
            assert!(
                (seen.height - told.height).abs() < 1e-6,
                "{seen:?} for {told:?}"
            );
        }
        let second_half = MotionSpan {
            first_frame: 50,
            ..span
        };
        assert_eq!(window(&span, 60, SIZES), window(&second_half, 10, SIZES));
    }

    #[test]
    fn easing_follows_the_curves_of_css() {
        // Points that browsers compute.
        for (easing, half) in [
            (Easing::Linear, 0.5),
            (Easing::EaseIn, 0.3153),
            (Easing::EaseOut, 0.6847),
            (Easing::EaseInOut, 0.5),
        ] {
            assert!((eased(easing, 0.5) - half).abs() < 1e-3, "{easing:?}");
            assert!(eased(easing, 0.0).abs() < 1e-6);
            assert!((eased(easing, 1.0) - 1.0).abs() < 1e-6);
        }
    }
}
