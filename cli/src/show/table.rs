//! Tables for people: columns as wide as their widest cell, two spaces between them.

/// Rows of cells under a line of names.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(columns: &[&str]) -> Self {
        let names = columns.iter().map(|name| (*name).to_owned()).collect();
        Self { rows: vec![names] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }
}

impl std::fmt::Display for Table {
    /// Without a line break at the end.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (at, cell) in row.iter().enumerate() {
                let width = cell.chars().count();
                match widths.get_mut(at) {
                    Some(widest) => *widest = width.max(*widest),
                    None => widths.push(width),
                }
            }
        }
        for (at, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(&format!("{cell:<width$}  "));
            }
            let end = if at == 0 { "" } else { "\n" };
            write!(f, "{end}{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_with_a_letter() {
        let mut table = Table::new(&["shot", "rule"]);
        assert!(table.is_empty());
        table.row(["s1".to_owned(), "film_length".to_owned()]);
        table.row(["überlang".to_owned(), "x".to_owned()]);
        assert_eq!(
            table.to_string(),
            "shot      rule\ns1        film_length\nüberlang  x"
        );
    }
}
