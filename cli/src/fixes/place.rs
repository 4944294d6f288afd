//! Where patches change a document, and whether two of them change the same place.

use botflix_common::finding::PatchOp;

/// Pointers that were changed so far.
#[derive(Default)]
pub struct Touched(Vec<String>);

impl Touched {
    /// The first place that a patch and one before it both change.
    pub fn meets(&self, patch: &[PatchOp]) -> Option<String> {
        let theirs = changed(patch);
        let meets = |pointer: &&String| {
            let mut known = self.0.iter();
            known.any(|known| overlaps(known, pointer))
        };
        theirs.iter().find(meets).cloned()
    }

    pub fn add(&mut self, patch: &[PatchOp]) {
        self.0.extend(changed(patch));
    }
}

/// What a patch changes; a `test` changes nothing.
fn changed(patch: &[PatchOp]) -> Vec<String> {
    let place = |op: &PatchOp| match op {
        PatchOp::Test { .. } => None,
        // What is taken out of a list is taken out last: nothing else moves before.
        PatchOp::Replace { path, .. } | PatchOp::Remove { path } => Some(path.clone()),
        // Everything behind it in its list moves by one: its list is changed.
        PatchOp::Add { path, .. } => Some(match path.rsplit_once('/') {
            Some((list, last)) if is_index(last) => list.to_owned(),
            _ => path.clone(),
        }),
    };
    patch.iter().filter_map(place).collect()
}

fn is_index(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// One is the other, or lies in it. What is added at a list's end (`/-`) meets nothing but a change of the list itself.
fn overlaps(one: &str, other: &str) -> bool {
    let lies_in = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if one == other && one.ends_with("/-") {
        return false;
    }
    lies_in(one, other) || lies_in(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn replace(path: &str) -> Vec<PatchOp> {
        vec![PatchOp::Replace {
            path: path.to_owned(),
            value: json!(1),
        }]
    }

    fn add(path: &str) -> Vec<PatchOp> {
        vec![PatchOp::Add {
            path: path.to_owned(),
            value: json!(1),
        }]
    }

    #[test]
    fn a_place_is_met_by_itself_and_by_what_is_in_it_and_not_by_its_neighbour() {
        let mut touched = Touched::default();
        touched.add(&replace("/shots/1/trim"));
        for met in ["/shots/1/trim", "/shots/1/trim/end", "/shots/1", "/shots"] {
            assert_eq!(touched.meets(&replace(met)).as_deref(), Some(met));
        }
        for free in [
            "/shots/10/trim",
            "/shots/1/trimmed",
            "/shots/1/audio",
            "/loudness",
        ] {
            assert_eq!(touched.meets(&replace(free)), None, "{free}");
        }
        let test = vec![PatchOp::Test {
            path: "/shots/1/trim".to_owned(),
            value: json!(1),
        }];
        assert_eq!(touched.meets(&test), None);
    }

    #[test]
    fn what_moves_a_list_meets_everything_in_it_and_what_is_added_at_its_end_does_not() {
        let mut touched = Touched::default();
        touched.add(&add("/tracks/-"));
        assert_eq!(touched.meets(&add("/tracks/-")), None);
        assert_eq!(touched.meets(&replace("/tracks/0/gain")), None);
        assert!(touched.meets(&add("/tracks/0")).is_some());
        touched.add(&[PatchOp::Remove {
            path: "/shots/2".to_owned(),
        }]);
        assert!(touched.meets(&replace("/shots/2/trim")).is_some());
        assert_eq!(touched.meets(&replace("/shots/3/trim")), None);
    }
}
