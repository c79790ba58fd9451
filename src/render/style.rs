//! How text for people looks: colour and width. Whether there is a terminal, and what `NO_COLOR` says, the caller knows.
//!
//! Never: meaning that is in the colour alone.

/// Whether colours are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Colour {
    /// With escape sequences.
    Always,
    /// Plain.
    #[default]
    Never,
}

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether colours are used.
    pub colour: Colour,
    /// The columns that a line may take; running text is wrapped there.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: Colour::Never, width: 100 }
    }
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Something is gained.
    Gain,
    /// Something is lost, or is wrong.
    Loss,
    /// Something is different, or needs attention.
    Change,
    /// Something that matters more than what stands around it.
    Strong,
    /// Something that matters less.
    Faint,
}

impl Style {
    /// The text in its colour.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Gain => "32",
            Paint::Loss => "31",
            Paint::Change => "33",
            Paint::Strong => "1",
            Paint::Faint => "2",
        };
        match self.colour {
            Colour::Always => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Colour::Never => text.to_owned(),
        }
    }

    /// Running text in lines of at most the width, each after the first with an indent. A word is never divided.
    pub fn wrap(self, text: &str, first: &str, indent: &str) -> String {
        use unicode_width::UnicodeWidthStr;
        let mut lines = String::from(first);
        let mut used = first.width();
        let mut at_start = true;
        for word in text.split_whitespace() {
            if !at_start && used + 1 + word.width() > self.width {
                lines.push('\n');
                lines.push_str(indent);
                used = indent.width();
                at_start = true;
            }
            if !at_start {
                lines.push(' ');
                used += 1;
            }
            lines.push_str(word);
            used += word.width();
            at_start = false;
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_text_is_wrapped_between_words_by_the_columns_it_takes() {
        let style = Style { width: 12, ..Style::default() };
        assert_eq!(style.wrap("one two three", "a: ", "   "), "a: one two\n   three");
        assert_eq!(style.wrap("日本語日 x", "", ""), "日本語日 x");
        assert_eq!(style.wrap("日本語日本 xyz", "", ""), "日本語日本\nxyz");
        assert_eq!(style.wrap("a-word-that-is-longer", "", ""), "a-word-that-is-longer");
    }
}
