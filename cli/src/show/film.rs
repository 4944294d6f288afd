//! The points of a finished film as a table for people.

use super::table::Table;
use crate::finished::points::Point;

pub fn table(points: &[Point]) -> String {
    let mut table = Table::new(&["point", "found", "wanted", ""]);
    for point in points {
        let verdict = match (&point.wanted, point.holds) {
            (_, false) => "wrong",
            (Some(_), true) => "right",
            (None, true) => "",
        };
        table.row([
            point.name.to_owned(),
            point.found.clone(),
            point.wanted.clone().unwrap_or_default(),
            verdict.to_owned(),
        ]);
    }
    table.to_string()
}
