//! The one door to standard output and standard error.
//!
//! Never: half an answer, a complaint because the reader has gone, or a command that a runner of CI would obey in words
//! that somebody else chose.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the only place that prints")]

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal, Write},
    panic,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tracing_subscriber::fmt::MakeWriter;

use super::ColorChoice;
use crate::{
    manifest,
    render::{
        Colour, Format, Rendered, Style,
        commands::{Form, acts, harmless, respelled},
    },
    store::StoreError,
};

/// Where answers and talk go.
#[derive(Debug)]
pub struct Output {
    color: ColorChoice,
}

/// What is waited for. Its line goes with it.
#[derive(Debug)]
pub struct Waiting(ProgressBar);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Output {
    /// The program's own streams.
    pub fn new(color: ColorChoice) -> Self {
        Self { color }
    }

    fn coloured(&self) -> bool {
        self.colours(io::stdout().is_terminal())
    }

    fn colours(&self, terminal: bool) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !no_color && terminal
            }
        }
    }

    /// How an answer looks on this terminal.
    pub fn style(&self) -> Style {
        let colour = if self.coloured() { Colour::Always } else { Colour::Never };
        Style { colour, width: width(io::stdout().is_terminal()) }
    }

    /// How talk looks on this terminal.
    pub fn style_of_talk(&self) -> Style {
        let colour =
            if self.colours(io::stderr().is_terminal()) { Colour::Always } else { Colour::Never };
        Style { colour, width: width(io::stderr().is_terminal()) }
    }

    /// A rendered answer in the form that was asked for.
    ///
    /// # Errors
    /// As [`Output::answer`].
    pub fn rendered(&mut self, rendered: Rendered, format: Format) -> io::Result<()> {
        match (rendered, format) {
            (Rendered::Text(text), Format::Github) => self.answer_as(&text, Form::Commands),
            (Rendered::Text(text), Format::Junit) => self.answer_as(&text, Form::Xml),
            (
                Rendered::Text(text),
                Format::Text
                | Format::Short
                | Format::Json
                | Format::Yaml
                | Format::Markdown
                | Format::Sarif
                | Format::Csv,
            ) => self.answer(&text),
            (Rendered::Document(document), Format::Yaml) => self.answer(&yaml(&document)),
            (
                Rendered::Document(document),
                Format::Text
                | Format::Short
                | Format::Json
                | Format::Markdown
                | Format::Sarif
                | Format::Junit
                | Format::Github
                | Format::Csv,
            ) => self.answer_as(&format!("{document:#}"), Form::Json),
        }
    }

    /// Whether a person watches.
    pub fn is_watched(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Says what is waited for and for how long already, where a person watches, until what is given back is dropped.
    pub fn waiting(&self, what: &str) -> Waiting {
        if !self.is_watched() {
            return Waiting(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("{spinner} {msg}, {elapsed}")
            .expect("the template is fixed and right");
        let bar = ProgressBar::new_spinner().with_style(style).with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Waiting(bar)
    }

    /// Whether a person can be asked.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// The answer, whole, on standard output. A reader that has gone is no error.
    ///
    /// # Errors
    /// When standard output cannot be written for another reason, such as a full disk.
    pub fn answer(&mut self, text: &str) -> io::Result<()> {
        self.answer_as(text, Form::Text)
    }

    /// The same in another form than words for people.
    ///
    /// # Errors
    /// As [`Output::answer`].
    pub fn answer_as(&mut self, text: &str, form: Form) -> io::Result<()> {
        let text = harmless(text, form);
        let mut stdout = io::stdout().lock();
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.write_all(end.as_bytes()))
            .and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// A line of talk on standard error.
    pub fn say(&mut self, text: &str) {
        talk(text);
    }

    /// Asks a question on the terminal and gives the answer without its end of line.
    ///
    /// # Errors
    /// When the terminal cannot be read.
    pub fn ask(&mut self, question: &str) -> io::Result<String> {
        let mut stderr = io::stderr().lock();
        stderr.write_all(question.as_bytes())?;
        stderr.flush()?;
        drop(stderr);
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// The columns of the terminal; outside one, lines are as long as they are in a file.
fn width(terminal: bool) -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    match columns {
        Some(columns) if terminal => columns,
        _ => Style::default().width,
    }
}

/// Writes to standard error; when that has gone there is nobody to tell.
fn talk(text: &str) {
    let text = harmless(text.trim_end_matches('\n'), Form::Text);
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Help goes to standard output; what cannot be understood of the words that were typed is said on standard error.
pub fn usage(error: &clap::Error) {
    let out = &mut Output::new(ColorChoice::Auto);
    let style = if error.use_stderr() { out.style_of_talk() } else { out.style() };
    let text = match style.colour {
        Colour::Always => error.render().ansi().to_string(),
        Colour::Never => error.render().to_string(),
    };
    if error.use_stderr() {
        talk(&text);
    } else {
        let _ = out.answer(&text);
    }
}

/// Says through the same door what a bug has to say.
pub fn tell_panics() {
    panic::set_hook(Box::new(|bug| {
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            talk(&format!("{bug}\n{backtrace}"));
        } else {
            talk(&bug.to_string());
        }
    }));
}

/// Standard error for the lines of a log.
#[derive(Debug, Clone, Copy)]
pub struct Log(pub Form);

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        *self
    }
}

impl Write for Log {
    /// A line comes at once.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        io::stderr().lock().write_all(harmless(&text, self.0).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A value as YAML in which no runner finds a command, and every reader the same value.
///
/// # Panics
/// As [`manifest::to_yaml`].
pub fn yaml<T: Serialize>(value: &T) -> String {
    let text = manifest::to_yaml(value);
    if !acts(&text) {
        return text;
    }
    manifest::to_yaml_respelled(value, &|text, number, colon| {
        respelled(text, Form::Text, number, colon).into_owned()
    })
}

/// Says why it could not be told.
pub fn complain(error: &anyhow::Error) {
    let code = error.downcast_ref::<StoreError>().map(StoreError::code);
    let code = code.or_else(|| {
        error.downcast_ref::<manifest::BadConnection>().map(|_| manifest::BadConnection::CODE)
    });
    let code = code.map(|code| format!(" [{code}]")).unwrap_or_default();
    let mut lines = vec![format!("error: {error}{code}")];
    lines.extend(error.chain().skip(1).map(|cause| format!("  because: {cause}")));
    talk(&lines.join("\n"));
}
