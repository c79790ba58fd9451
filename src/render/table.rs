//! Rows in columns, aligned by the columns that each character takes on a screen.
//!
//! Never: a cell that was not made visible.

use unicode_width::UnicodeWidthStr;

use super::escape;

/// What is said where there is nothing to list.
pub const NOTHING: &str = "We didn't find anything to show here.";

/// Rows under headings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row. An empty cell is shown as `-`.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Aligned columns, or [`NOTHING`].
    pub fn text(&self) -> String {
        if self.is_empty() {
            return format!("{NOTHING}\n");
        }
        let headings = self.headings.iter().map(|heading| (*heading).to_owned()).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect());
        let lines: Vec<Vec<String>> = std::iter::once(headings).chain(rows).collect();
        aligned(&lines, "   ")
    }

    /// A table of Markdown, or [`NOTHING`].
    pub fn markdown(&self) -> String {
        if self.is_empty() {
            return format!("{NOTHING}\n");
        }
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = line(self.headings.iter().map(|heading| (*heading).to_owned()).collect());
        text.push_str(&line(self.headings.iter().map(|_| "---".to_owned()).collect()));
        for row in &self.rows {
            text.push_str(&line(row.iter().map(|cell| escape::markdown(&shown(cell))).collect()));
        }
        text
    }

    /// Rows of values with commas between them, under the headings (RFC 4180); the headings alone where there are none.
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let headings = self.headings.iter().map(|heading| (*heading).to_owned());
        let rows = self.rows.iter().map(|row| row.iter().map(|cell| inert(cell)).collect());
        for row in std::iter::once(headings.collect::<Vec<_>>()).chain(rows) {
            writer.write_record(row).expect("memory takes every row, and each has the same cells");
        }
        let bytes = writer.into_inner().expect("memory takes every row");
        String::from_utf8(bytes).expect("cells are text")
    }
}

/// A cell that a spreadsheet shows and does not compute: with `'` before what would begin a formula.
fn inert(cell: &str) -> String {
    let cell = escape::visible(cell);
    if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.into_owned() }
}

fn shown(cell: &str) -> String {
    if cell.is_empty() { "-".to_owned() } else { escape::visible(cell).into_owned() }
}

/// Lines of cells in columns; the last column is not padded.
pub(super) fn aligned(lines: &[Vec<String>], gap: &str) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut written = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            written.push_str(cell);
            written.push_str(&" ".repeat(width - cell.width()));
            written.push_str(gap);
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_they_take_on_a_screen() {
        let mut table = Table::new(&["NAME", "ENDS"]);
        table.row(["日本".to_owned(), "2027".to_owned()]);
        table.row(["a\u{202e}".to_owned(), String::new()]);
        assert_eq!(table.text(), "NAME        ENDS\n日本        2027\na\\u{202e}   -\n");
        assert_eq!(
            table.markdown(),
            "| NAME | ENDS |\n| --- | --- |\n| 日本 | 2027 |\n| a\\\\u{202e} | - |\n"
        );
    }

    #[test]
    fn a_spreadsheet_gets_each_cell_as_it_is_and_computes_none() {
        let mut table = Table::new(&["NAME", "ENDS"]);
        table.row(["Fabrikam, \"Inc.\"".to_owned(), String::new()]);
        table.row(["=HYPERLINK(\"x\")".to_owned(), "-1\n".to_owned()]);
        assert_eq!(
            table.csv(),
            "NAME,ENDS\n\"Fabrikam, \"\"Inc.\"\"\",\n\"'=HYPERLINK(\"\"x\"\")\",'-1\\n\n"
        );
        assert_eq!(Table::new(&["NAME"]).csv(), "NAME\n");
    }

    #[test]
    fn an_empty_table_says_so_in_words() {
        assert_eq!(Table::new(&["NAME"]).text(), "We didn't find anything to show here.\n");
    }
}
