//! Aligns what people read in columns.

use std::io::{self, Write};

/// On which side of a column its cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    /// For numbers and sizes.
    Right,
}

/// What is wider than this, in columns of a terminal, stands out of its column: all lines would become as long.
const MAX_WIDTH: usize = 120;

/// Writes lines that begin with `indent` blanks; the columns of `rows` are as wide as they have to be, two
/// blanks apart. Every row has as many cells as there are `columns`.
///
/// # Errors
/// As `out` fails.
pub fn write(
    out: &mut impl Write,
    indent: usize,
    columns: &[Align],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let width = |cell: &String| ::console::measure_text_width(cell);
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| {
            rows.iter()
                .map(|row| width(&row[column]))
                .filter(|width| *width <= MAX_WIDTH)
                .max()
                .unwrap_or(0)
        })
        .collect();
    for row in rows {
        // Nothing but blanks may follow, which no line ends in.
        let filled = row.iter().rposition(|cell| !cell.trim_end().is_empty());
        let last = filled.map_or(0, |last| last + 1);
        let mut blanks = indent;
        for (index, ((cell, align), wide)) in
            row[..last].iter().zip(columns).zip(&widths).enumerate()
        {
            let padding = wide.saturating_sub(width(cell));
            let (before, behind) = match align {
                Align::Left => (0, padding),
                Align::Right => (padding, 0),
            };
            let cell = if index + 1 == last {
                cell.trim_end()
            } else {
                cell
            };
            write!(out, "{:1$}{cell}", "", blanks + before)?;
            blanks = behind + 2;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(indent: usize, columns: &[Align], rows: &[Vec<String>]) -> String {
        let mut text = Vec::new();
        write(&mut text, indent, columns, rows).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        // On a terminal, these letters take two columns each.
        let wide = [row(["图像", "1", "x"]), row(["abcd", "2", "y"])];
        assert_eq!(
            lines(0, &[Align::Left; 3], &wide),
            "图像  1  x\nabcd  2  y\n"
        );
        let rows = [row(["a", "1", "é"]), row(["bcd", "1000", "f"])];
        let columns = [Align::Left, Align::Right, Align::Right];
        let expected = " a       1  é\n bcd  1000  f\n";
        assert_eq!(lines(1, &columns, &rows), expected);
        assert_eq!(lines(1, &columns, &[]), "");
    }

    #[test]
    fn one_wide_cell_does_not_widen_all_lines() {
        let wide = "x".repeat(MAX_WIDTH + 1);
        let rows = [
            vec![wide.clone(), "1".to_owned()],
            vec!["a".to_owned(), "2".to_owned()],
        ];
        let columns = [Align::Left, Align::Left];
        assert_eq!(lines(0, &columns, &rows), format!("{wide}  1\na  2\n"));
    }
}
