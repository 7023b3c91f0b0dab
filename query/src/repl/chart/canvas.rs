//! Dots in braille characters, two across and four down each.
//!
//! Owns: setting dots, straight lines between them.
//! Does not own: what the dots mean (`lines`).
//! Invariant: a dot outside of the canvas is not set.

/// The bit of each dot of a character, by its row and column (Unicode 15, "Braille Patterns").
const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
const BRAILLE: u32 = 0x2800;

/// Dots.
pub(super) struct Canvas {
    columns: usize,
    cells: Vec<u8>,
}

impl Canvas {
    /// An empty canvas of so many characters.
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        Self { columns, cells: vec![0; columns * rows] }
    }

    pub(super) fn dots(&self) -> (usize, usize) {
        (self.columns * 2, self.cells.len() / self.columns.max(1) * 4)
    }

    pub(super) fn set(&mut self, x: usize, y: usize) {
        let (across, down) = self.dots();
        if x < across && y < down {
            self.cells[y / 4 * self.columns + x / 2] |= BITS[y % 4][x % 2];
        }
    }

    /// A straight line, both ends included.
    pub(super) fn line(&mut self, from: (usize, usize), to: (usize, usize)) {
        let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1));
        let between = |a: usize, b: usize, step: usize| {
            let moved = (a.abs_diff(b) * step + steps / 2).checked_div(steps).unwrap_or_default();
            if a < b { a + moved } else { a - moved }
        };
        for step in 0..=steps {
            self.set(between(from.0, to.0, step), between(from.1, to.1, step));
        }
    }

    /// Its lines, from above.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let character = |bits: &u8| char::from_u32(BRAILLE + u32::from(*bits)).unwrap_or(' ');
        self.cells.chunks(self.columns.max(1)).map(move |row| row.iter().map(character).collect())
    }
}
