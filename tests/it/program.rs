//! Runs the real program in a folder of its own.
//!
//! Never: a run that depends on the machine's own settings.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The binary that is tested.
pub const BINARY: &str = env!("CARGO_BIN_EXE_concordat");

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The exit code; absent when it was killed.
    pub code: Option<i32>,
    /// The answer.
    pub stdout: String,
    /// The talk.
    pub stderr: String,
}

/// A folder of its own, and a store in it.
#[derive(Debug)]
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The program with these words, ready to be started in this folder.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(words);
        self.prepare(&mut command);
        command
    }

    /// The same surroundings for any program.
    pub fn prepare(&self, command: &mut Command) {
        command.current_dir(self.path()).env_clear().env("TERM", "dumb").env("HOME", self.path());
        let path = std::env::var("PATH").unwrap_or_default();
        let binary = Path::new(BINARY).parent().unwrap();
        command.env("PATH", format!("{}:{path}", binary.display()));
        command.env("USER", "tester").stdin(Stdio::null());
    }

    /// Runs the program with these words.
    pub fn run(&self, words: &[&str]) -> Ran {
        finished(self.command(words), b"")
    }

    /// Runs it with this on standard input.
    pub fn run_with(&self, words: &[&str], input: &[u8]) -> Ran {
        finished(self.command(words), input)
    }
}

/// Runs a command to its end.
pub fn finished(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Compares a file with what it should hold; `UPDATE=1` writes it instead.
pub fn assert_file(path: &Path, expected: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, expected).unwrap();
        return;
    }
    let found = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}; run with UPDATE=1", path.display()));
    let diff = similar::TextDiff::from_lines(found.as_str(), expected);
    let diff = diff.unified_diff().header("in the file", "as it is now").to_string();
    assert!(found == expected, "{} is out of date: run with UPDATE=1\n{diff}", path.display());
}
