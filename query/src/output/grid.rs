//! Text in columns, for people.
//!
//! Owns: widths, alignment, where lines would break a cell, and what is done where the columns do not fit side by side.
//! Does not own: the text of a value (`cell`), how wide the screen is (the caller).
//! Invariant: at most `SAMPLE_ROWS` rows are held back to learn the widths; later rows keep them, wider cells stick out.
//! Nothing is cut: rows too wide for the screen are written as blocks, a column a line.

const SAMPLE_ROWS: usize = 10_000;

/// Rows being written.
#[derive(Debug)]
pub struct Grid {
    names: Vec<String>,
    right: Vec<bool>,
    widths: Vec<usize>,
    width_max: Option<usize>,
    held: Vec<Vec<String>>,
    /// Once the widths are known: whether rows are written as blocks.
    blocks: Option<bool>,
    rows: u64,
}

impl Grid {
    /// Columns of these names, those that are marked aligned to the right, on a screen so many characters wide.
    pub fn new(columns: impl IntoIterator<Item = (String, bool)>, width_max: Option<usize>) -> Self {
        let (names, right): (Vec<String>, Vec<bool>) =
            columns.into_iter().map(|(name, right)| (on_one_line(&name), right)).unzip();
        let widths = names.iter().map(|name| name.chars().count()).collect();
        Self { names, right, widths, width_max, held: Vec::new(), blocks: None, rows: 0 }
    }

    /// Adds a row, a text a column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>, out: &mut String) {
        let cells: Vec<String> = cells.into_iter().map(|cell| on_one_line(&cell)).collect();
        if self.blocks.is_none() {
            for (width, cell) in self.widths.iter_mut().zip(&cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        self.held.push(cells);
        if self.blocks.is_some() || self.held.len() >= SAMPLE_ROWS {
            self.release(out);
        }
    }

    /// Writes what is held back, and says how many rows there were.
    pub fn end(&mut self, out: &mut String) -> u64 {
        self.release(out);
        self.rows
    }

    /// Writes the header, if it is not there yet, and the rows held back.
    fn release(&mut self, out: &mut String) {
        let blocks = self.blocks.unwrap_or_else(|| {
            let blocks = self.is_too_wide() && !self.held.is_empty();
            if !blocks {
                self.header(out);
            }
            blocks
        });
        self.blocks = Some(blocks);
        for row in std::mem::take(&mut self.held) {
            self.rows += 1;
            if blocks { self.block(&row, out) } else { self.line(&row, out) }
        }
    }

    fn is_too_wide(&self) -> bool {
        let width: usize = self.widths.iter().map(|width| width + SEPARATOR.len()).sum();
        self.names.len() > 1 && self.width_max.is_some_and(|most| width.saturating_sub(SEPARATOR.len()) > most)
    }

    fn header(&self, out: &mut String) {
        self.line(&self.names, out);
        for (at, width) in self.widths.iter().enumerate() {
            out.push_str(if at > 0 { "-+-" } else { "" });
            out.extend(std::iter::repeat_n('-', *width));
        }
        out.push('\n');
    }

    fn line(&self, cells: &[String], out: &mut String) {
        for (at, cell) in cells.iter().enumerate() {
            let padding = self.widths[at].saturating_sub(cell.chars().count());
            let last = at + 1 == cells.len();
            out.push_str(if at > 0 { SEPARATOR } else { "" });
            if self.right[at] {
                out.extend(std::iter::repeat_n(' ', padding));
            }
            out.push_str(cell);
            if !self.right[at] && !last {
                out.extend(std::iter::repeat_n(' ', padding));
            }
        }
        out.push('\n');
    }

    /// A row as lines of name and value, under its number.
    fn block(&self, cells: &[String], out: &mut String) {
        out.push_str(&format!("-- {}\n", self.rows));
        let names = self.names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        for (name, cell) in self.names.iter().zip(cells) {
            out.push_str(name);
            out.extend(std::iter::repeat_n(' ', names - name.chars().count()));
            out.push_str(SEPARATOR);
            out.push_str(cell);
            out.push('\n');
        }
    }
}

const SEPARATOR: &str = " | ";

/// A line break in a cell would break the table.
fn on_one_line(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(width_max: Option<usize>, rows: &[[&str; 2]]) -> String {
        let mut out = String::new();
        let mut grid = Grid::new([("name".to_owned(), false), ("n".to_owned(), true)], width_max);
        for row in rows {
            grid.row(row.map(str::to_owned), &mut out);
        }
        assert_eq!(grid.end(&mut out), rows.len() as u64);
        out
    }

    #[test]
    fn a_row_that_does_not_fit_is_never_cut_or_broken_across_lines() {
        let rows = [["a\nb", "10"], ["long enough", "7"]];
        let side_by_side = "name        |  n\n------------+---\na\\nb        | 10\nlong enough |  7\n";
        assert_eq!(written(None, &rows), side_by_side);
        assert_eq!(written(Some(16), &rows), side_by_side, "it just fits");
        assert_eq!(written(Some(15), &rows), "-- 1\nname | a\\nb\nn    | 10\n-- 2\nname | long enough\nn    | 7\n");
        assert_eq!(written(Some(3), &[]), "name | n\n-----+--\n", "without a row the names alone say what there would be");
    }
}
