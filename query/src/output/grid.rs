//! Text in columns, for people: side by side as a table, or vertical, a column a line.
//!
//! Owns: widths, alignment, and what is done where the columns do not fit side by side.
//! Does not own: the text of a value (`cell`), how wide a text is and what is cut of it (`shown`), how wide the screen is (the caller).
//! Invariant: no more than `SAMPLE_ROWS` rows or `SAMPLE_BYTES_MAX` bytes are held back to learn the widths; later rows keep them.
//! Where the width of the screen is known, no line of a table that may turn vertical is wider, and no cell is longer than
//! `CELL_CHARS_MAX` characters; where it is not known, nothing is cut and wide cells stick out.

use std::borrow::Cow;

use super::shown::{fit, pieces, shown, width};

const SAMPLE_ROWS: usize = 10_000;
/// Beyond it the rows at hand say enough of the widths.
const SAMPLE_BYTES_MAX: usize = 8 << 20;
/// On a screen; nobody reads further.
const CELL_CHARS_MAX: usize = 10_000;
/// Where no screen sets bounds: what cells are padded to at most, lest one huge cell makes every row huge.
const PADDED_MAX: usize = 500;
/// No screen is narrower; some characters are three columns wide.
const SCREEN_LEAST: usize = 4;
/// How far the line over a record goes where the screen's width is not known.
const RULE_MAX: usize = 79;
const SEPARATOR: &str = " | ";

/// How rows stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Side by side, however wide that is.
    Table,
    /// Side by side, or vertical where that is wider than the screen.
    TableThatFits,
    /// A column a line, each row under a line with its number.
    Vertical,
}

/// Rows being written.
#[derive(Debug)]
pub struct Grid {
    names: Vec<String>,
    right: Vec<bool>,
    widths: Vec<usize>,
    /// What names are padded to where a column is a line.
    name_width: usize,
    shape: Shape,
    width_max: Option<usize>,
    held: Vec<Vec<String>>,
    held_bytes: usize,
    /// Whether the shape is settled, and with a table its header written.
    begun: bool,
    rows: u64,
}

impl Grid {
    /// Columns of these names, those that are marked aligned to the right, on a screen so many columns wide.
    pub fn new(columns: impl IntoIterator<Item = (String, bool)>, shape: Shape, width_max: Option<usize>) -> Self {
        let width_max = width_max.map(|most| most.max(SCREEN_LEAST));
        let chars_max = width_max.map(|_| CELL_CHARS_MAX);
        let (names, right): (Vec<String>, Vec<bool>) =
            columns.into_iter().map(|(name, right)| (shown(name, chars_max), right)).unzip();
        let padded_max = width_max.unwrap_or(PADDED_MAX);
        let widths: Vec<usize> = names.iter().map(|name| width(name).min(padded_max)).collect();
        let name_width = widths.iter().copied().max().unwrap_or_default();
        let name_width = width_max.map_or(name_width, |most| name_width.min(most / 2));
        let (held, held_bytes) = (Vec::new(), 0);
        Self { names, right, widths, name_width, shape, width_max, held, held_bytes, begun: false, rows: 0 }
    }

    /// Adds a row, a text a column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>, out: &mut String) {
        let chars_max = self.width_max.map(|_| CELL_CHARS_MAX);
        let cells: Vec<String> = cells.into_iter().map(|cell| shown(cell, chars_max)).collect();
        if !self.begun && self.shape != Shape::Vertical {
            let padded_max = self.width_max.unwrap_or(PADDED_MAX);
            for (known, cell) in self.widths.iter_mut().zip(&cells) {
                *known = (*known).max(width(cell).min(padded_max));
            }
        }
        self.held_bytes += cells.iter().map(|cell| cell.len() + size_of::<String>()).sum::<usize>();
        self.held.push(cells);
        let learns = !self.begun
            && self.held.len() < SAMPLE_ROWS
            && self.held_bytes < SAMPLE_BYTES_MAX
            && match self.shape {
                Shape::Table => true,
                Shape::TableThatFits => !self.is_too_wide(),
                Shape::Vertical => false,
            };
        if !learns {
            self.release(out);
        }
    }

    /// Writes the rows that are held back; the widths that they have taught stay.
    pub fn release(&mut self, out: &mut String) {
        if !self.begun {
            self.begin(out);
        }
        self.held_bytes = 0;
        for row in std::mem::take(&mut self.held) {
            self.rows += 1;
            if self.shape == Shape::Vertical { self.record(&row, out) } else { self.line(&row, out) }
        }
    }

    /// Writes what is held back, and says how many rows there were.
    pub fn end(&mut self, out: &mut String) -> u64 {
        self.release(out);
        self.rows
    }

    /// Settles the shape, and writes what stands before the first row.
    fn begin(&mut self, out: &mut String) {
        self.begun = true;
        if self.shape == Shape::TableThatFits && self.is_too_wide() {
            self.shape = Shape::Vertical;
            if self.held.is_empty() {
                // Without a row the names alone say what there would be.
                for name in &self.names {
                    self.alone(name, out);
                }
            }
        }
        if self.shape != Shape::Vertical {
            self.line(&self.names, out);
            for (at, width) in self.widths.iter().enumerate() {
                out.push_str(if at > 0 { "-+-" } else { "" });
                out.extend(std::iter::repeat_n('-', *width));
            }
            out.push('\n');
        }
    }

    /// One column is no narrower when it stands vertical.
    fn is_too_wide(&self) -> bool {
        self.names.len() > 1 && self.width_max.is_some_and(|most| side_by_side(self.widths.iter().copied()) > most)
    }

    /// A row, or the header, side by side.
    fn line(&self, cells: &[String], out: &mut String) {
        if let ([only], Some(most)) = (cells, self.width_max)
            && width(only) > most
        {
            return self.alone(only, out);
        }
        let sticks_out = || {
            let widths = self.widths.iter().zip(cells).map(|(known, cell)| width(cell).max(*known));
            self.width_max.is_some_and(|most| side_by_side(widths) > most)
        };
        let is_cut = match self.shape {
            // Each cell to the screen's width, which is all that its column may have learnt.
            Shape::Table => self.width_max.is_some(),
            // After the sample: to what its column has learnt.
            Shape::TableThatFits => self.begun && sticks_out(),
            Shape::Vertical => false,
        };
        for (at, cell) in cells.iter().enumerate() {
            let most = if self.shape == Shape::Table { self.width_max } else { Some(self.widths[at]) };
            let cell = most.filter(|_| is_cut).map_or(Cow::Borrowed(cell.as_str()), |most| fit(cell, most));
            let padding = self.widths[at].saturating_sub(width(&cell));
            let last = at + 1 == cells.len();
            out.push_str(if at > 0 { SEPARATOR } else { "" });
            if self.right[at] {
                out.extend(std::iter::repeat_n(' ', padding));
            }
            out.push_str(&cell);
            if !self.right[at] && !last {
                out.extend(std::iter::repeat_n(' ', padding));
            }
        }
        out.push('\n');
    }

    /// The one cell of a row that is wider than the screen goes on below: there is nothing beside it to keep in line.
    fn alone(&self, cell: &str, out: &mut String) {
        for piece in pieces(cell, self.width_max.unwrap_or(usize::MAX)) {
            out.push_str(piece);
            out.push('\n');
        }
    }

    /// A row as lines of name and value, under its number.
    fn record(&self, cells: &[String], out: &mut String) {
        let head = format!("-[ RECORD {} ]-", self.rows);
        let rule_max = self.width_max.unwrap_or(RULE_MAX);
        // The widest value by its characters: the rule need not be exact.
        let widest = cells.iter().map(|cell| cell.chars().take(rule_max).count()).max().unwrap_or_default();
        let rule = (self.name_width + SEPARATOR.len() + widest).min(rule_max);
        out.push_str(&head);
        out.extend(std::iter::repeat_n('-', rule.saturating_sub(head.len())));
        out.push('\n');
        for (name, cell) in self.names.iter().zip(cells) {
            out.push_str(name);
            out.extend(std::iter::repeat_n(' ', self.name_width.saturating_sub(width(name))));
            out.push_str(SEPARATOR);
            out.push_str(cell);
            out.push('\n');
        }
    }
}

/// How wide cells of these widths are together.
fn side_by_side(widths: impl Iterator<Item = usize>) -> usize {
    let all = widths.fold(0_usize, |sum, width| sum.saturating_add(width + SEPARATOR.len()));
    all.saturating_sub(SEPARATOR.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(shape: Shape, width_max: Option<usize>, rows: &[[&str; 2]]) -> String {
        let mut out = String::new();
        let mut grid = Grid::new([("name".to_owned(), false), ("n".to_owned(), true)], shape, width_max);
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
        let vertical = "-[ RECORD 1 ]-\nname | a\\nb\nn    | 10\n-[ RECORD 2 ]-----\nname | long enough\nn    | 7\n";
        assert_eq!(written(Shape::TableThatFits, None, &rows), side_by_side);
        assert_eq!(written(Shape::TableThatFits, Some(16), &rows), side_by_side, "it just fits");
        assert_eq!(written(Shape::TableThatFits, Some(15), &rows), vertical.replace(" ]-----", " ]--"));
        assert_eq!(written(Shape::Table, Some(15), &rows), side_by_side, "it may not turn");
        assert_eq!(written(Shape::Vertical, None, &rows), vertical);
        assert_eq!(written(Shape::Vertical, Some(80), &rows), vertical);
        assert_eq!(written(Shape::TableThatFits, Some(3), &[]), "name\nn\n", "the names alone say what there would be");
        assert_eq!(written(Shape::TableThatFits, Some(80), &[]), "name | n\n-----+--\n");
        assert_eq!(written(Shape::Vertical, None, &[]), "");
    }

    #[test]
    fn columns_never_lean_where_characters_are_two_wide_or_none() {
        let rows = [["日本", "1"], ["e\u{301}", "22"], ["👍", "3"]];
        assert_eq!(
            written(Shape::TableThatFits, Some(80), &rows),
            "name |  n\n-----+---\n日本 |  1\ne\u{301}    | 22\n👍   |  3\n"
        );
    }

    #[test]
    fn the_only_column_never_loses_what_does_not_fit_beside_nothing() {
        let mut out = String::new();
        let mut grid = Grid::new([("plan".to_owned(), false)], Shape::TableThatFits, Some(8));
        for line in ["Filter", "  a plan's line", "日本語日本"] {
            grid.row([line.to_owned()], &mut out);
        }
        grid.end(&mut out);
        assert_eq!(out, "plan\n--------\nFilter\n  a plan\n's line\n日本語日\n本\n");
    }

    #[test]
    fn a_later_row_never_breaks_the_lines_of_a_table() {
        let mut out = String::new();
        let columns = || [("a".to_owned(), false), ("b".to_owned(), true)];
        let mut grid = Grid::new(columns(), Shape::TableThatFits, Some(20));
        for _ in 0..SAMPLE_ROWS {
            grid.row(["text".to_owned(), "1".to_owned()], &mut out);
        }
        assert!(!out.is_empty(), "the sample is complete");
        out.clear();
        grid.row(["some text".to_owned(), "12".to_owned()], &mut out);
        grid.row(["some text that is wide".to_owned(), "1".to_owned()], &mut out);
        assert_eq!(out, "some text | 12\nsom… | 1\n", "what fits on the screen sticks out of its column, the rest is cut");
        let mut grid = Grid::new(columns(), Shape::Table, Some(6));
        out.clear();
        grid.row(["1234567".to_owned(), "7".to_owned()], &mut out);
        grid.end(&mut out);
        assert_eq!(out, "a      | b\n-------+--\n12345… | 7\n", "a cell is never wider than the screen");
    }

    #[test]
    fn a_huge_cell_never_makes_other_rows_huge() {
        let huge = "x".repeat(10 << 20);
        for shape in [Shape::Table, Shape::TableThatFits, Shape::Vertical] {
            for (width_max, bytes_max) in [(Some(80), 16_000), (None, huge.len() + 16_000)] {
                let mut out = String::new();
                let columns = [("a".to_owned(), false), (huge[..1000].to_owned(), true)];
                let mut grid = Grid::new(columns, shape, width_max);
                grid.row([huge.clone(), "1".to_owned()], &mut out);
                grid.row(["1".to_owned(), "\u{1}".to_owned()], &mut out);
                grid.end(&mut out);
                assert!(out.len() < bytes_max, "{shape:?} {width_max:?}: {}", out.len());
                assert_eq!(width_max.is_none(), out.contains(&huge), "nothing is cut where there is no screen");
            }
        }
    }

    #[test]
    fn ten_thousand_columns_are_never_too_many() {
        for (shape, width_max) in [(Shape::Table, None), (Shape::TableThatFits, Some(80)), (Shape::Vertical, None)] {
            let mut out = String::new();
            let mut grid = Grid::new((0..10_000).map(|at| (format!("column {at}"), at % 2 == 0)), shape, width_max);
            for _ in 0..20 {
                grid.row((0..10_000).map(|at| at.to_string()), &mut out);
            }
            assert_eq!(grid.end(&mut out), 20);
            assert!(out.contains("column 9999") && !grid.names.is_empty());
        }
    }

    /// Texts of all kinds of characters, the same in every run.
    fn texts(seed: &mut u64, count: usize) -> Vec<String> {
        const CHARS: [&str; 18] = [
            "a",
            "b",
            " ",
            "é",
            "e\u{301}",
            "\u{301}",
            "日",
            "本",
            "👍",
            "👩\u{200d}👧",
            "☺\u{fe0f}",
            "\u{fe0f}",
            "\u{200d}",
            "\n",
            "\u{1b}[2J",
            "\u{202e}",
            "لا",
            "\u{2e3b}",
        ];
        let mut next = |below: u64| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((*seed >> 33) % below).unwrap()
        };
        (0..count)
            .map(|_| {
                let length = [0, 1, 3, 8, 30][next(5)];
                (0..length).map(|_| CHARS[next(CHARS.len() as u64)]).collect()
            })
            .collect()
    }

    #[test]
    fn a_line_of_a_table_is_never_wider_than_the_screen_whatever_the_cells() {
        let mut seed = 7;
        let mut tables = 0;
        for round in 0..3000 {
            let (columns, screen) = (1 + round % 5, SCREEN_LEAST + round % 77);
            let names = texts(&mut seed, columns).into_iter().enumerate().map(|(at, name)| (name, at % 2 == 0));
            let mut grid = Grid::new(names, Shape::TableThatFits, Some(screen));
            let mut out = String::new();
            for row in 0..round % 7 {
                grid.row(texts(&mut seed, columns), &mut out);
                if row == 2 {
                    // As if the sample were complete.
                    grid.release(&mut out);
                }
            }
            grid.end(&mut out);
            assert!(!out.contains(|c: char| c.is_control() && c != '\n'), "{out:?}");
            if grid.shape == Shape::Vertical && grid.rows > 0 {
                assert_eq!(out.lines().count(), (columns + 1) * usize::try_from(grid.rows).unwrap(), "{out}");
                continue;
            }
            tables += 1;
            for line in out.lines() {
                assert!(width(line) <= screen, "{screen}: {} {line:?} of\n{out}", width(line));
            }
        }
        assert!(tables > 500, "{tables} tables");
    }
}
