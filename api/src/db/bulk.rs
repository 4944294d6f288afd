//! Placeholders for statements over many rows. Only `$n`, commas and brackets are generated: no value ever becomes part of a statement.

/// Rows in one statement: SQLite allows 32,766 placeholders, and no table here has more than 20 columns.
pub(super) const ROWS: usize = 200;

/// `($1, $2, 0), ($3, $4, 0)` where `tail` is `, 0`.
pub(super) fn rows(rows: usize, columns: usize, tail: &'static str) -> String {
    (0..rows)
        .map(|row| format!("({}{tail})", list(row * columns + 1, columns)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `$3, $4, $5`
pub(super) fn list(first: usize, count: usize) -> String {
    (first..first + count)
        .map(|at| format!("${at}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_count_through_all_rows() {
        assert_eq!(rows(2, 3, ""), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(rows(2, 1, ", 0"), "($1, 0), ($2, 0)");
        assert_eq!(list(4, 2), "$4, $5");
    }
}
