//! The reader of manifests against real files and against everything that may be wrong with one.
//!
//! Never: a problem without its place, or a file that makes the reader panic or wait.

mod files;
mod limits;
mod objects;
mod random;
mod reading;
mod texts;

use std::path::Path;

use concordat::{
    domain::problem::Problem,
    manifest::{Input, Source, read},
};

const OFFER: &str = "\
apiVersion: concordat.dev/v1alpha1
kind: PartnerOffer
metadata: {name: helpdesk, namespace: msp}
spec:
  type: GranularDelegatedAdmin
  roles:
    - Helpdesk Administrator
";

fn input(text: impl AsRef<[u8]>) -> Input {
    read(&[Source::Stdin(text.as_ref().to_vec())], "default")
        .expect("standard input is there already")
}

fn from(path: &Path) -> Result<Input, String> {
    read(&[Source::Path(path.to_owned())], "default").map_err(|error| error.to_string())
}

/// Every problem as people read it.
fn said(problems: &[Problem]) -> String {
    let mut said = String::new();
    for Problem { code, place, path, message, help, .. } in problems {
        let place = place.as_ref().expect("the reader fills in every place");
        said.extend([&*format!("{place} {code} {path}: {message}"), "\n"]);
        if let Some(help) = help {
            said.extend(["  help: ", help, "\n"]);
        }
    }
    said
}

/// An offer with a line more in its `spec`.
fn with(line: &str) -> String {
    format!("{OFFER}  {line}\n")
}

#[track_caller]
fn refused(text: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(said(&input(text).problems), expected);
}
