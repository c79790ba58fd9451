//! From what the user named to bytes: files, folders with all that is in them, standard input.
//!
//! Never: reads without a limit, opens what could block for ever, follows a link out of the folder that was named, or
//! takes "could not read" for "is empty".

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{Source, object::GROUP};
use crate::domain::problem::Code;

/// A file, folder or standard input that could not be read.
pub const NOT_READ: Code = Code(1);

/// The most bytes that one file or standard input may hold: 256 MiB.
pub const FILE_LIMIT: u64 = 256 * 1024 * 1024;

const DEEPEST_FOLDER: usize = 64;

/// The way out where a link is not followed.
const OUTSIDE: &str = "put a copy in its place, or name with `-f` what it leads to";

/// One thing that could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The file or folder as the user named it.
    pub file: String,
    /// Why not.
    pub reason: String,
    /// The way out, where there is one.
    pub help: Option<&'static str>,
}

/// Everything that could not be read. Nothing else is known then: the answer is "could not tell".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// Each of them, in reading order; never empty.
    pub unread: Vec<Unread>,
}

impl ReadError {
    /// The stable code of this error.
    pub const CODE: Code = NOT_READ;
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Unread { file, reason, help }) in self.unread.iter().enumerate() {
            let newline = if number == 0 { "" } else { "\n" };
            write!(f, "{newline}could not read `{}`: {reason}", file.escape_debug())?;
            if let Some(help) = help {
                write!(f, " ({help})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ReadError {}

/// The bytes of one file and the name it goes by.
#[derive(Debug)]
pub(super) struct File {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Reads standard input, or whatever else is piped in, up to one byte more than is allowed.
///
/// # Errors
/// Where reading fails.
pub fn standard_input(input: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the sources gave.
#[derive(Debug)]
pub(super) struct Files {
    pub read: Vec<File>,
    /// Files that are named almost like manifests and hold some: `offer.yaml~`, `.offer.yaml`.
    pub passed_over: Vec<String>,
}

/// Reads every source in the order given, folders in the order of their names, and each file once.
pub(super) fn read(sources: &[Source]) -> Result<Files, ReadError> {
    let mut reader = Reader::default();
    for source in sources {
        match source {
            Source::Path(path) => reader.named(path),
            Source::Stdin(bytes) => {
                let bytes = bytes.clone();
                reader.files.push(File { name: "-".to_owned(), bytes });
            }
        }
    }
    if reader.unread.is_empty() {
        Ok(Files { read: reader.files, passed_over: reader.passed_over })
    } else {
        Err(ReadError { unread: reader.unread })
    }
}

#[derive(Default)]
struct Reader {
    files: Vec<File>,
    passed_over: Vec<String>,
    unread: Vec<Unread>,
    seen: BTreeSet<PathBuf>,
}

impl Reader {
    /// What the user named: a folder, a file of any name, or a pipe that the shell opened. A link that he named is
    /// followed.
    fn named(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => match fs::canonicalize(path) {
                Ok(root) => self.folder(path, &root, &root, 0),
                Err(error) => self.failed(path, &error),
            },
            Ok(about) if about.is_file() || opened_by_the_shell(path) => {
                let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
                self.file(path, real, fs::File::open(path));
            }
            Ok(_) => self.not_a_file(path),
            Err(error) => self.failed(path, &error),
        }
    }

    /// Everything in a folder whose name says that it is YAML or JSON; hidden files and folders are passed over.
    /// `real` is where it is without links, and `root` the same of the folder that the user named.
    fn folder(&mut self, path: &Path, real: &Path, root: &Path, depth: usize) {
        if !self.seen.insert(real.to_owned()) {
            return;
        }
        if depth > DEEPEST_FOLDER {
            return self.refused(path, "the folders are nested too deeply", None);
        }
        let entries = match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return self.failed(path, &error),
        };
        let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        for path in &paths {
            let is_hidden = path.file_name().is_some_and(is_hidden);
            if (is_hidden || !is_manifest(path)) && holds_manifests(path) {
                self.passed_over.push(path.display().to_string());
            } else if !is_hidden {
                self.entry(path, root, depth);
            }
        }
    }

    /// What stands in a folder, if it is to be read. A link may lead to another place in the folder that was named, as
    /// those of a mounted `ConfigMap` do.
    fn entry(&mut self, path: &Path, root: &Path, depth: usize) {
        let real = fs::canonicalize(path);
        let about = real.and_then(|real| Ok((fs::metadata(&real)?, real)));
        let (about, real) = match about {
            Ok(found) => found,
            Err(_) if !is_manifest(path) => return,
            Err(error) => return self.failed(path, &error),
        };
        if !about.is_dir() && !is_manifest(path) {
            return;
        }
        match real.strip_prefix(root) {
            Err(_) => {
                self.refused(path, "it is a link that leads out of the folder", Some(OUTSIDE));
            }
            Ok(inside) if inside.iter().any(is_off_limits) => {
                self.refused(path, "it is a link to something hidden", Some(OUTSIDE));
            }
            Ok(_) if about.is_dir() => self.folder(path, &real, root, depth + 1),
            Ok(_) if about.is_file() => {
                let file = opened_in_place(&real);
                self.file(path, real, file);
            }
            Ok(_) => self.not_a_file(path),
        }
    }

    /// Reads a file unless another way led to it before.
    fn file(&mut self, path: &Path, real: PathBuf, file: io::Result<fs::File>) {
        if !self.seen.insert(real) {
            return;
        }
        match file.and_then(standard_input) {
            Ok(bytes) => self.files.push(File { name: path.display().to_string(), bytes }),
            Err(error) => self.failed(path, &error),
        }
    }

    fn failed(&mut self, path: &Path, error: &io::Error) {
        let dangling = error.kind() == io::ErrorKind::NotFound && path.is_symlink();
        let (reason, help) = if dangling {
            ("it is a link to something that does not exist".to_owned(), None)
        } else if error.kind() == io::ErrorKind::NotFound {
            let help = "names are relative to the current folder";
            ("no such file or folder".to_owned(), Some(help))
        } else {
            let reason = error.to_string().to_lowercase();
            (reason.split(" (os error").next().unwrap_or_default().to_owned(), None)
        };
        self.refused(path, &reason, help);
    }

    fn not_a_file(&mut self, path: &Path) {
        let help = Some("what comes from a pipe is read with `-f -`");
        self.refused(path, "it is neither a file nor a folder", help);
    }

    fn refused(&mut self, path: &Path, reason: &str, help: Option<&'static str>) {
        self.unread.push(Unread {
            file: path.display().to_string(),
            reason: reason.to_owned(),
            help,
        });
    }
}

/// Opens what is a file without links, and makes sure that no link came in between.
fn opened_in_place(real: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::MetadataExt as _;
    let file = fs::File::open(real)?;
    let (opened, there) = (file.metadata()?, fs::symlink_metadata(fs::canonicalize(real)?)?);
    let same = (opened.dev(), opened.ino()) == (there.dev(), there.ino());
    if same && fs::canonicalize(real)? == real {
        return Ok(file);
    }
    Err(io::Error::other("it was replaced while it was read"))
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Hidden, but not one of those to which the links of a mounted `ConfigMap` lead: `..data`, `..2026_11_29`.
fn is_off_limits(name: &OsStr) -> bool {
    is_hidden(name) && !name.as_encoded_bytes().starts_with(b"..")
}

/// `<(command)` of a shell: a pipe that is already open at the other end.
fn opened_by_the_shell(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder == Path::new("/dev/fd"))
        || path == Path::new("/dev/stdin")
}

/// Whether a file that is not read is named almost like a manifest and names our group. Nobody is kept waiting by it.
fn holds_manifests(path: &Path) -> bool {
    const LOOKED_AT: u64 = 1024 * 1024;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let is_like_one = [".yaml", ".yml", ".json"].iter().any(|ending| name.contains(ending));
    if !is_like_one || !fs::symlink_metadata(path).is_ok_and(|about| about.is_file()) {
        return false;
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut bytes));
    file.is_ok() && bytes.windows(GROUP.len()).any(|part| part == GROUP.as_bytes())
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}
