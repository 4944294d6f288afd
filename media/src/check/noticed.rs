//! What a viewer may notice of a finished film, whether its plan is known or not: length, silence, loudness and peak, held against the rules'
//! table. Pure; whether a film may be published is not asked here.

use botflix_common::film::Loudness;
use botflix_common::finding::Finding;
use botflix_common::findings::rules::{self, FILM_LENGTH, OFF_TARGET, SILENT_FILM, TRUE_PEAK};

pub(super) fn length(seconds: f64) -> Option<Finding> {
    let (shortest, longest) = (rules::SHORTEST_FILM_SECONDS, FILM_LENGTH.limit());
    if seconds < shortest {
        let message = format!("the film is shorter than {shortest} s");
        return Some(Finding {
            limit: Some(shortest),
            ..FILM_LENGTH.measured(seconds, message)
        });
    }
    let message = || format!("the film is longer than {longest} s");
    (seconds > longest).then(|| FILM_LENGTH.measured(seconds, message()))
}

/// `true_peak`: dBTP; `None`: digital silence.
pub(super) fn silence(true_peak: Option<f64>) -> Option<Finding> {
    let message = "nothing is heard in the whole film";
    match true_peak {
        None => Some(SILENT_FILM.finding(message)),
        Some(peak) if peak < SILENT_FILM.limit() => Some(SILENT_FILM.measured(peak, message)),
        Some(_) => None,
    }
}

/// `integrated`: LUFS; what is too soft or too short to have a loudness is not off any target.
pub(super) fn off_target(
    integrated: Option<f64>,
    wanted: Loudness,
    message: impl Into<String>,
) -> Option<Finding> {
    let lufs = integrated?;
    let off = (lufs - wanted.integrated).abs() > OFF_TARGET.limit();
    off.then(|| {
        let finding = OFF_TARGET.measured(lufs, message);
        beside(wanted.integrated, "LUFS", finding)
    })
}

/// `true_peak`: dBTP.
pub(super) fn peak(true_peak: Option<f64>, wanted: Loudness) -> Option<Finding> {
    let peak = true_peak.filter(|peak| *peak > wanted.true_peak + TRUE_PEAK.limit())?;
    let message = "peaks between samples go over the limit: players and encoders will clip them";
    let finding = TRUE_PEAK.measured(peak, message);
    Some(beside(wanted.true_peak, "dBTP", finding))
}

/// Told beside what this film should have; the rule's own limit is a distance from it.
fn beside(target: f64, unit: &str, finding: Finding) -> Finding {
    Finding {
        limit: Some(target),
        unit: Some(unit.to_owned()),
        ..finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_is_as_long_as_the_catalog_wants_from_one_limit_to_the_other() {
        let told = |seconds| length(seconds).map(|finding| finding.limit);
        assert_eq!(told(59.9), Some(Some(60.0)));
        assert_eq!((told(60.0), told(180.0)), (None, None));
        assert_eq!(told(180.1), Some(Some(180.0)));
    }

    #[test]
    fn loudness_is_told_from_the_tables_distance_on_beside_the_target() {
        let wanted = Loudness::default();
        let told = |off: f64| off_target(Some(wanted.integrated + off), wanted, "off");
        let near = OFF_TARGET.limit() - 0.01;
        assert_eq!((told(near), told(-near)), (None, None));
        let far = told(-OFF_TARGET.limit() - 0.01).unwrap();
        assert_eq!(
            (far.limit, far.unit.as_deref()),
            (Some(-14.0), Some("LUFS"))
        );
        assert_eq!(off_target(None, wanted, "off"), None);
    }

    #[test]
    fn silence_is_a_matter_of_the_peak() {
        assert!(silence(Some(-59.0)).is_none());
        assert_eq!(silence(Some(-61.0)).unwrap().measured, Some(-61.0));
        assert_eq!(silence(None).unwrap().limit, Some(-60.0));
    }
}
