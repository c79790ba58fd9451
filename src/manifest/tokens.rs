//! Where brackets, quotes and blocks of text begin and end in YAML, before the parser looks and after it has stopped.
//!
//! Never: text where the parser sees a bracket. Each step is that of its scanner, and where that stops, this stops too.

/// What stands in a text up to some byte of it, as far as it is YAML.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    /// Where the brackets stand that are still open.
    pub open: Vec<usize>,
    /// Where the bracket stands that opens more than there may be.
    pub too_deep: Option<usize>,
    /// Where the quotation begins that is still open.
    pub quotation: Option<usize>,
    /// Where the last quotation over several lines begins and ends.
    pub lines_quoted: Option<(usize, usize)>,
}

/// The tokens of a text before the byte `until`, or before more than `deepest` brackets are open.
pub(super) fn tokens(text: &str, until: usize, deepest: usize) -> Tokens {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
        column: 0,
        line: 0,
        index: 0,
        indent: -1,
        indents: Vec::new(),
        key: None,
        key_allowed: true,
        found: Tokens::default(),
    };
    while scanner.next(until).is_some() {
        if scanner.found.open.len() > deepest {
            scanner.found.too_deep = scanner.found.open.last().copied();
            break;
        }
    }
    scanner.found
}

/// What may turn out to be a key, outside of brackets.
#[derive(Clone, Copy)]
struct Key {
    line: usize,
    index: usize,
    column: isize,
    /// Whether it must be one, where it stands.
    required: bool,
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    column: isize,
    line: usize,
    /// How many characters stand before it.
    index: usize,
    indent: isize,
    indents: Vec<isize>,
    key: Option<Key>,
    key_allowed: bool,
    found: Tokens,
}

impl Scanner<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn is_break(&self, ahead: usize) -> bool {
        match self.byte(ahead) {
            b'\r' | b'\n' => true,
            0xc2 => self.byte(ahead + 1) == 0x85,
            0xe2 => self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xa8 | 0xa9),
            _ => false,
        }
    }

    fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    fn is_end(&self, ahead: usize) -> bool {
        self.byte(ahead) == 0
    }

    fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break(ahead) || self.is_end(ahead)
    }

    fn is_outside(&self) -> bool {
        self.found.open.is_empty()
    }

    /// One character further, on the same line.
    fn skip(&mut self) {
        if self.at == self.bytes.len() {
            return;
        }
        self.at += 1;
        while self.bytes.get(self.at).is_some_and(|byte| byte & 0xc0 == 0x80) {
            self.at += 1;
        }
        self.column += 1;
        self.index += 1;
    }

    fn skip_line(&mut self) {
        if self.byte(0) == b'\r' && self.byte(1) == b'\n' {
            self.skip();
        }
        self.skip();
        self.column = 0;
        self.line += 1;
    }

    fn skip_to_break(&mut self) {
        while !self.is_break(0) && !self.is_end(0) {
            self.skip();
        }
    }

    /// Whether `---` or `...` stands here.
    fn is_marker(&self) -> bool {
        let signs = [self.byte(0), self.byte(1), self.byte(2)];
        self.column == 0 && matches!(&signs, b"---" | b"...") && self.is_blank_or_end(3)
    }

    fn skip_blanks(&mut self) {
        loop {
            if self.column == 0 && self.bytes[self.at..].starts_with("\u{feff}".as_bytes()) {
                self.skip();
            }
            let is_tab_blank = !self.is_outside() || !self.key_allowed;
            while self.byte(0) == b' ' || is_tab_blank && self.byte(0) == b'\t' {
                self.skip();
            }
            if self.byte(0) == b'#' {
                self.skip_to_break();
            }
            if !self.is_break(0) {
                return;
            }
            self.skip_line();
            self.key_allowed |= self.is_outside();
        }
    }

    /// One token further; nothing where there is none, or none that is YAML.
    fn next(&mut self, until: usize) -> Option<()> {
        self.skip_blanks();
        if let Some(key) = self.key
            && (key.line < self.line || key.index + 1024 < self.index)
        {
            self.forget_key()?;
        }
        self.unroll(self.column);
        if self.at >= until || self.is_end(0) {
            return None;
        }
        if self.column == 0 && self.byte(0) == b'%' {
            self.unroll(-1);
            self.forget_key()?;
            self.key_allowed = false;
            self.skip_to_break();
            self.skip_line();
            return Some(());
        }
        if self.is_marker() {
            self.unroll(-1);
            self.forget_key()?;
            self.key_allowed = false;
            (0..3).for_each(|_| self.skip());
            return Some(());
        }
        self.token()
    }

    fn token(&mut self) -> Option<()> {
        let outside = self.is_outside();
        match self.byte(0) {
            b'[' | b'{' => {
                self.save_key()?;
                self.found.open.push(self.at);
                self.key_allowed = true;
                self.skip();
            }
            b']' | b'}' => {
                if outside {
                    self.forget_key()?;
                }
                self.found.open.pop();
                self.key_allowed = false;
                self.skip();
            }
            b',' => {
                if outside {
                    self.forget_key()?;
                }
                self.key_allowed = true;
                self.skip();
            }
            b'-' if self.is_blank_or_end(1) => self.entry()?,
            b'?' if !outside || self.is_blank_or_end(1) => {
                self.entry()?;
                self.key_allowed = outside;
            }
            b':' if !outside || self.is_blank_or_end(1) => self.value()?,
            b'*' | b'&' => self.anchor()?,
            b'!' => self.tag()?,
            b'|' | b'>' if outside => self.block()?,
            quote @ (b'\'' | b'"') => self.quotation(quote)?,
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => return None,
            _ => self.plain()?,
        }
        Some(())
    }

    fn unroll(&mut self, column: isize) {
        while self.is_outside() && self.indent > column {
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn roll(&mut self, column: isize) {
        if self.is_outside() && self.indent < column {
            self.indents.push(self.indent);
            self.indent = column;
        }
    }

    /// What stands here may be a key.
    fn save_key(&mut self) -> Option<()> {
        if self.is_outside() && self.key_allowed {
            self.forget_key()?;
            let required = self.indent == self.column;
            let Self { line, index, column, .. } = *self;
            self.key = Some(Key { line, index, column, required });
        }
        Some(())
    }

    /// What stood there was no key; nothing where it had to be one.
    fn forget_key(&mut self) -> Option<()> {
        self.key.take().is_none_or(|key| !key.required).then_some(())
    }

    /// The `-` of an item, or the `?` of a key.
    fn entry(&mut self) -> Option<()> {
        if self.is_outside() {
            self.key_allowed.then_some(())?;
            self.roll(self.column);
            self.forget_key()?;
        }
        self.key_allowed = true;
        self.skip();
        Some(())
    }

    /// The `:` between a key and its value.
    fn value(&mut self) -> Option<()> {
        if !self.is_outside() {
            self.key_allowed = false;
        } else if let Some(key) = self.key.take() {
            self.roll(key.column);
            self.key_allowed = false;
        } else {
            self.key_allowed.then_some(())?;
            self.roll(self.column);
        }
        self.skip();
        Some(())
    }

    fn is_word(&self) -> bool {
        self.byte(0).is_ascii_alphanumeric() || matches!(self.byte(0), b'_' | b'-')
    }

    fn anchor(&mut self) -> Option<()> {
        self.save_key()?;
        self.key_allowed = false;
        self.skip();
        let begin = self.at;
        while self.is_word() {
            self.skip();
        }
        let may_follow = self.is_blank_or_end(0)
            || matches!(self.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        (self.at > begin && may_follow).then_some(())
    }

    fn tag(&mut self) -> Option<()> {
        self.save_key()?;
        self.key_allowed = false;
        let is_verbatim = self.byte(1) == b'<';
        if is_verbatim {
            self.skip();
            self.skip();
        }
        while self.is_word()
            || b";/?:@&=+$.%!~*'()".contains(&self.byte(0))
            || is_verbatim && b",[]".contains(&self.byte(0))
        {
            self.skip();
        }
        if is_verbatim {
            (self.byte(0) == b'>').then_some(())?;
            self.skip();
        }
        let is_list = !self.is_outside() && self.byte(0) == b',';
        (is_list || self.is_blank_or_end(0)).then_some(())
    }

    fn quotation(&mut self, quote: u8) -> Option<()> {
        self.save_key()?;
        self.key_allowed = false;
        let (begin, line) = (self.at, self.line);
        self.skip();
        loop {
            if self.is_marker() || self.is_end(0) {
                self.found.quotation = Some(begin);
                return None;
            }
            if self.is_break(0) {
                self.skip_line();
            } else if quote == b'\'' && self.byte(0) == quote && self.byte(1) == quote {
                self.skip();
                self.skip();
            } else if self.byte(0) == quote {
                break;
            } else if quote == b'"' && self.byte(0) == b'\\' {
                self.skip();
                if self.is_break(0) {
                    self.skip_line();
                } else {
                    b"0abt\tnvfre \"/\\N_LPxuU".contains(&self.byte(0)).then_some(())?;
                    self.skip();
                }
            } else {
                self.skip();
            }
        }
        if self.line > line {
            self.found.lines_quoted = Some((begin, self.at));
        }
        self.skip();
        Some(())
    }

    fn plain(&mut self) -> Option<()> {
        self.save_key()?;
        self.key_allowed = false;
        let outside = self.is_outside();
        let is_bracket = |byte: u8| !outside && b",[]{}".contains(&byte);
        let mut is_after_break = false;
        while !self.is_marker() && self.byte(0) != b'#' {
            while !self.is_blank_or_end(0) {
                let is_colon = self.byte(0) == b':';
                if is_colon && (is_bracket(self.byte(1)) || !outside && self.byte(1) == b'?') {
                    return None;
                }
                if is_colon && self.is_blank_or_end(1) || is_bracket(self.byte(0)) {
                    break;
                }
                is_after_break = false;
                self.skip();
            }
            if !self.is_blank(0) && !self.is_break(0) {
                break;
            }
            while self.is_blank(0) || self.is_break(0) {
                if self.is_break(0) {
                    self.skip_line();
                    is_after_break = true;
                } else {
                    let is_indent = is_after_break && self.column <= self.indent;
                    (!is_indent || self.byte(0) == b' ').then_some(())?;
                    self.skip();
                }
            }
            if outside && self.column <= self.indent {
                break;
            }
        }
        self.key_allowed |= is_after_break;
        Some(())
    }

    /// A text after `|` or `>`.
    fn block(&mut self) -> Option<()> {
        self.forget_key()?;
        self.key_allowed = true;
        self.skip();
        let mut more = 0;
        for _ in 0..2 {
            match self.byte(0) {
                b'+' | b'-' => self.skip(),
                digit @ b'1'..=b'9' if more == 0 => {
                    more = isize::from(digit - b'0');
                    self.skip();
                }
                _ => break,
            }
        }
        while self.is_blank(0) {
            self.skip();
        }
        if self.byte(0) == b'#' {
            self.skip_to_break();
        }
        (self.is_break(0) || self.is_end(0)).then_some(())?;
        if self.is_break(0) {
            self.skip_line();
        }
        let mut indent = if more == 0 { 0 } else { self.indent.max(0) + more };
        self.block_breaks(&mut indent)?;
        while self.column == indent && !self.is_end(0) {
            self.skip_to_break();
            if self.is_break(0) {
                self.skip_line();
            }
            self.block_breaks(&mut indent)?;
        }
        Some(())
    }

    /// The empty lines and the indentation before a line of a block, which say how far it is indented.
    fn block_breaks(&mut self, indent: &mut isize) -> Option<()> {
        let mut most = 0;
        loop {
            while (*indent == 0 || self.column < *indent) && self.byte(0) == b' ' {
                self.skip();
            }
            most = most.max(self.column);
            if (*indent == 0 || self.column < *indent) && self.byte(0) == b'\t' {
                return None;
            }
            if !self.is_break(0) {
                break;
            }
            self.skip_line();
        }
        if *indent == 0 {
            *indent = most.max(self.indent + 1).max(1);
        }
        Some(())
    }
}
