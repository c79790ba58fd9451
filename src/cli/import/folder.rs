//! The folder that an import is written to: all of it or nothing, and what an earlier import has left goes.
//!
//! Never: a file of somebody else that is written over or removed, or one that is written outside of the folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use super::super::Output;
use crate::{
    domain::{
        state::{AT_MICROSOFT, seen::ServiceId},
        validate::ADOPT_FROM,
    },
    manifest::import::{Made, made},
};

/// The only folder below, of which each customer has a file.
const CUSTOMERS: &str = "customers";
/// What files end with that are not whole yet.
const UNFINISHED: &str = "concordat-unfinished";

/// Where an import is written to.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    overwrite: bool,
}

impl Folder {
    /// A folder that is not there yet, or empty, or that an earlier import may have written to.
    ///
    /// # Errors
    /// Where something stands there and nothing may be written over, or it is no folder.
    pub fn new(path: &Path, overwrite: bool) -> anyhow::Result<Self> {
        let shown = path.display();
        // With a `/` at its end a link would be looked through.
        let plain: PathBuf = path.components().collect();
        if let Some(link) = plain.ancestors().find(|path| leads_nowhere(path)) {
            bail!(
                "`{}` is a link to what is not there: make what it leads to, or name another folder",
                link.display()
            );
        }
        match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("`{shown}` cannot be read")),
            Ok(mut entries) => {
                if !overwrite && entries.next().is_some() {
                    bail!(
                        "`{shown}` is not empty: name a new folder, or write over an earlier import with `--overwrite`"
                    );
                }
            }
        }
        let customers = path.join(CUSTOMERS);
        if fs::symlink_metadata(&customers).is_ok_and(|it| !it.is_dir()) {
            bail!(
                "`{}` is no folder, and customers would be written there: take it away",
                customers.display()
            );
        }
        Ok(Self { path: path.to_owned(), overwrite })
    }

    /// The relationships at Microsoft that an earlier import has written here.
    pub fn known(&self) -> BTreeSet<ServiceId> {
        let id = |line: &str| {
            let (_, id) = line.split_once(ADOPT_FROM)?.1.split_once(AT_MICROSOFT)?;
            Some(ServiceId::new(id.trim_end_matches(['"', '\''])))
        };
        let texts = self.texts().filter(|(_, text)| made(text).is_some());
        texts.flat_map(|(_, text)| text.lines().filter_map(id).collect::<Vec<_>>()).collect()
    }

    /// The files that an import has written here, and whether somebody has changed them.
    fn of_import(&self) -> BTreeMap<PathBuf, Made> {
        self.texts().filter_map(|(path, text)| Some((path, made(&text)?))).collect()
    }

    /// Each file where an import writes some, with what it holds.
    fn texts(&self) -> impl Iterator<Item = (PathBuf, String)> {
        let folders = [self.path.clone(), self.path.join(CUSTOMERS)];
        let entries = folders.into_iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let paths = paths.filter(|path| path.extension().is_some_and(|it| it == "yaml"));
        paths.filter_map(|path| text_of(&path).map(|text| (path, text)))
    }

    /// Writes the files, by their names below the folder: none of them is there before all are written.
    ///
    /// # Errors
    /// Where one cannot be written, or somebody has written or changed one of its name.
    pub fn put(&self, files: &BTreeMap<String, String>, out: &mut Output) -> anyhow::Result<()> {
        let files: BTreeMap<PathBuf, &str> =
            files.iter().map(|(name, text)| (self.path.join(name), text.as_str())).collect();
        let there = files.keys().filter(|path| fs::symlink_metadata(path).is_ok());
        for path in there {
            let path_shown = path.display();
            match text_of(path).and_then(|text| made(&text)).filter(|_| self.overwrite) {
                Some(Made::AsItIs) => {}
                Some(Made::Changed) => bail!(
                    "`{path_shown}` was changed since it was imported, and nothing is written: import into a new \
                     folder and compare, or take it away"
                ),
                None => bail!(
                    "`{path_shown}` is there, and no import has written it: move it away, or name another folder"
                ),
            }
        }
        let mut unfinished = Vec::new();
        let written = files.iter().try_for_each(|(path, text)| {
            let beside = path.with_extension(UNFINISHED);
            unfinished.push(beside.clone());
            write(&beside, text).with_context(|| format!("`{}` cannot be written", path.display()))
        });
        if let Err(error) = written {
            for path in unfinished {
                let _ = fs::remove_file(path);
            }
            return Err(error);
        }
        for (beside, path) in unfinished.iter().zip(files.keys()) {
            fs::rename(beside, path)
                .with_context(|| format!("`{}` cannot be written", path.display()))?;
        }
        if self.overwrite { self.remove_left_over(&files, out) } else { Ok(()) }
    }

    /// Takes away what an earlier import has written and this one has not: its objects would stand there twice. What
    /// somebody has changed stays, and is told.
    fn remove_left_over(
        &self,
        written: &BTreeMap<PathBuf, &str>,
        out: &mut Output,
    ) -> anyhow::Result<()> {
        for (path, made) in self.of_import() {
            let shown = path.display();
            match made {
                _ if written.contains_key(&path) => {}
                Made::AsItIs => {
                    fs::remove_file(&path)
                        .with_context(|| format!("`{shown}` cannot be removed"))?;
                    out.say(&format!("removed `{shown}`: this import does not hold it"));
                }
                Made::Changed => {
                    out.say(&format!(
                        "`{shown}` stays, since it was changed: this import does not hold it"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Whether it is a link, and what it leads to is not there.
fn leads_nowhere(path: &Path) -> bool {
    let is_link = fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
    is_link && fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// The text of a plain file. What is none is not opened: a pipe would never end.
fn text_of(path: &Path) -> Option<String> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    fs::read_to_string(path).ok()
}

/// Writes a file that was not there: a link that somebody has laid is not followed.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
