//! Manifests in and out: files, folders and standard input become documents that know their place.
//!
//! Never: a partial answer that looks whole. What could not be read is an error, what is wrong is a problem.
//!
//! ```text
//! files → text → value → object → Input        marks: places, found again only when something has to be said
//! ```

mod broken;
mod connection;
mod explain;
mod files;
pub mod import;
mod marks;
mod metadata;
mod object;
mod out;
mod placeholder;
mod scripts;
mod text;
mod tokens;
mod typed;
mod value;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::PathBuf,
    thread,
};

use serde_json::{Map, Value};

use crate::domain::{
    ids::{Kind, ObjectKey},
    problem::{Code, FieldPath, Lines, Place, Problem, SourceId},
};

pub use connection::{BadConnection, CONNECTION_FILE, CONNECTION_LIMIT, read_connection};
pub use explain::{CONTENT_CODES, EMPTIED, SECRET, Written};
pub use files::{FILE_LIMIT, ReadError, Unread, standard_input};
pub use metadata::BEING_DELETED;
pub use object::OBJECT_CODES;
pub use out::{to_yaml, to_yaml_respelled};
pub use text::{DOCUMENT_LIMIT, TEXT_CODES};
pub use typed::{RULE_BROKEN, read_objects};

use explain::{Lost, Marked};
use files::Files;
use text::{Piece, Text};

/// The same object stands in two documents.
pub const DUPLICATE_OBJECT: Code = Code(15);

/// Where manifests come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, or a folder with everything in it.
    Path(PathBuf),
    /// What came in through standard input; see [`standard_input`].
    Stdin(Vec<u8>),
}

/// One object of ours, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its number in the input.
    pub source: SourceId,
    /// The file as the user named it; `-` is standard input.
    pub file: String,
    /// The line it begins on.
    pub line: usize,
    /// Which object it describes.
    pub key: ObjectKey,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The generation, where it came from a cluster.
    pub generation: Option<i64>,
    /// The UID, where it came from a cluster.
    pub uid: Option<String>,
    /// The whole object; null where [`read_objects`] has made an object of it.
    pub value: Value,
    origin: Origin,
}

/// Which piece of which text a document is, and where inside it.
#[derive(Debug, Clone, PartialEq)]
struct Origin {
    text: usize,
    piece: Piece,
    base: FieldPath,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Input {
    /// The objects of ours, in reading order.
    pub documents: Vec<Document>,
    /// How many objects of each other kind were passed over: `apps/v1 Deployment`.
    pub skipped: BTreeMap<String, usize>,
    /// What is wrong with the input, each with its place.
    pub problems: Vec<Problem>,
    /// Files beside those that were read, which are named almost like manifests and hold some.
    pub passed_over: Vec<String>,
    texts: Vec<Text>,
    lost: Vec<Lost>,
}

/// What some pieces of text gave.
#[derive(Debug, Default)]
struct Outcome {
    documents: Vec<Document>,
    skipped: BTreeMap<String, usize>,
    problems: Vec<Problem>,
    /// What was meant to be among the documents.
    lost: Vec<Lost>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.documents.extend(other.documents);
        self.problems.extend(other.problems);
        self.lost.extend(other.lost);
        for (kind, count) in other.skipped {
            *self.skipped.entry(kind).or_default() += count;
        }
    }
}

/// Reads every source. An object without a namespace gets `default_namespace`.
///
/// # Errors
/// Where a file or folder could not be read; content is never an error but a problem of the [`Input`].
pub fn read(sources: &[Source], default_namespace: &str) -> Result<Input, ReadError> {
    read_and_make(sources, default_namespace, &|_| ()).map(|(input, _)| input)
}

/// Reads every source and makes something of each document while it is at hand: its value may be taken then, so that
/// not all of them are in memory at once.
fn read_and_make<J: Send>(
    sources: &[Source],
    default_namespace: &str,
    make: &(impl Fn(&mut Document) -> J + Sync),
) -> Result<(Input, Vec<J>), ReadError> {
    let Files { read: files, passed_over } = files::read(sources)?;
    let (mut problems, mut lost) = (Vec::new(), Vec::new());
    let mut texts = Vec::new();
    for file in files {
        match Text::new(file) {
            Ok(text) => texts.push(text),
            // Whatever stands in it, nobody knows what it is called.
            Err(problem) => {
                problems.push(*problem);
                lost.push(Lost { kinds: Kind::ALL.to_vec(), namespace: None, name: None });
            }
        }
    }
    let mut all = Outcome { problems, lost, ..Outcome::default() };
    let mut made = Vec::new();
    for (outcome, more) in outcomes(&texts, default_namespace, make) {
        all.add(outcome);
        made.extend(more);
    }
    let Outcome { mut documents, skipped, problems, lost } = all;
    for (number, document) in documents.iter_mut().enumerate() {
        document.source = SourceId(number);
    }
    let mut input = Input { documents, skipped, problems, passed_over, texts, lost };
    input.refuse_duplicate_objects();
    Ok((input, made))
}

/// What the pieces give, in order. Enough work is shared between all cores.
fn outcomes<J: Send>(
    texts: &[Text],
    default_namespace: &str,
    make: &(impl Fn(&mut Document) -> J + Sync),
) -> Vec<(Outcome, Vec<J>)> {
    const WORTH_A_THREAD: usize = 64 * 1024;
    let pieces: Vec<(usize, &Piece)> = texts
        .iter()
        .enumerate()
        .flat_map(|(number, text)| text.pieces.iter().map(move |piece| (number, piece)))
        .collect();
    let all = |pieces: &[(usize, &Piece)]| -> (Outcome, Vec<J>) {
        let (mut all, mut made) = (Outcome::default(), Vec::new());
        for (number, piece) in pieces {
            let mut outcome = object::outcome(&texts[*number], *number, piece, default_namespace);
            made.extend(outcome.documents.iter_mut().map(make));
            all.add(outcome);
        }
        (all, made)
    };
    let bytes: usize = pieces.iter().map(|(_, piece)| piece.end - piece.start).sum();
    let cores = thread::available_parallelism().map_or(1, usize::from).min(8);
    let threads = cores.min(bytes / WORTH_A_THREAD);
    if threads < 2 {
        return vec![all(&pieces)];
    }
    let mut shares = Vec::new();
    let (mut begin, mut weight) = (0, 0);
    for (number, (_, piece)) in pieces.iter().enumerate() {
        weight += piece.end - piece.start;
        if weight >= bytes.div_ceil(threads) || number + 1 == pieces.len() {
            shares.push(&pieces[begin..=number]);
            (begin, weight) = (number + 1, 0);
        }
    }
    thread::scope(|scope| {
        let all = &all;
        let workers: Vec<_> =
            shares.into_iter().map(|share| scope.spawn(move || all(share))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("reading a document does not panic"))
            .collect()
    })
}

impl Input {
    /// Whether nothing at all was found: no object of ours, none of another kind, and nothing wrong.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.skipped.is_empty() && self.problems.is_empty()
    }

    /// Where a field of a document stands; where it is absent, the nearest field around it.
    pub fn place(&self, source: SourceId, path: &FieldPath) -> Option<Place> {
        let document = self.documents.get(source.0)?;
        Some(self.marked(document).place(&document.origin.base, path))
    }

    /// What stands at a field, as it was typed: tells `no` from `"no"`.
    pub fn written(&self, source: SourceId, path: &FieldPath) -> Option<Written> {
        let document = self.documents.get(source.0)?;
        self.marked(document).written(&document.origin.base, path)
    }

    /// Fills in the place of each problem that names its document. Each document is parsed once more at most.
    pub fn locate(&self, problems: &mut [Problem]) {
        let mut marked: BTreeMap<(usize, usize), Marked<'_>> = BTreeMap::new();
        for problem in problems.iter_mut().filter(|problem| problem.place.is_none()) {
            let Some(document) = problem.source.and_then(|source| self.documents.get(source.0))
            else {
                continue;
            };
            let at = (document.origin.text, document.origin.piece.start);
            let marked = marked.entry(at).or_insert_with(|| self.marked(document));
            problem.place = Some(marked.place(&document.origin.base, &problem.path));
            if let Some((place, help)) = marked.nothing(&document.origin.base, &problem.path) {
                *problem = problem.clone().at(place).help(help);
            }
        }
    }

    /// The name of the first file.
    pub fn first_file(&self) -> &str {
        let first = self.documents.first().map(|document| document.file.as_str());
        first.or(self.texts.first().map(|text| text.name.as_str())).unwrap_or_default()
    }

    /// The lines that these problems are on.
    pub fn lines(&self, problems: &[Problem]) -> Lines<'_> {
        let files = problems.iter().filter_map(|problem| problem.place.as_ref());
        let files: BTreeSet<&str> = files.map(|place| place.file.as_str()).collect();
        let texts = self.texts.iter().filter(|text| files.contains(text.name.as_str()));
        Lines::of(texts.map(|text| (text.name.as_str(), text.content.as_str())))
    }

    fn marked(&self, document: &Document) -> Marked<'_> {
        Marked::new(&self.texts[document.origin.text], &document.origin.piece)
    }

    fn refuse_duplicate_objects(&mut self) {
        let mut all: Vec<(&ObjectKey, SourceId)> =
            self.documents.iter().map(|document| (&document.key, document.source)).collect();
        all.sort();
        let path = FieldPath::root().field("metadata").field("name");
        let mut problems: Vec<Problem> = all
            .chunk_by(|(one, _), (other, _)| one == other)
            .flat_map(|same| {
                let first = same[0].1;
                same[1..].iter().map(move |(key, source)| (*key, first, *source))
            })
            .map(|(key, first, source)| {
                let place = self.place(first, &path);
                let place = place.map_or_else(String::new, |place| format!(", first at {place}"));
                Problem::error(DUPLICATE_OBJECT, format!("`{key}` is described twice{place}"))
                    .help("keep one of the two, or give one of them another name")
                    .about(key, Some(source))
                    .path(path.clone())
            })
            .collect();
        problems.sort_by_key(|problem| problem.source);
        self.locate(&mut problems);
        self.problems.extend(problems);
    }
}

/// The documents of a text that need not be objects, such as a kustomization. Nothing where one is no mapping.
pub fn mappings(text: &str) -> Option<Vec<Map<String, Value>>> {
    let file = files::File { name: String::new(), bytes: text.as_bytes().to_vec() };
    let text = Text::new(file).ok()?;
    let mut mappings = Vec::new();
    for piece in &text.pieces {
        for (value, _) in value::load(text.of(piece)).ok()?.values {
            let Value::Object(fields) = value else { return None };
            mappings.push(fields);
        }
    }
    Some(mappings)
}

/// One line for each kind that was passed over, as people read it: `2 apps/v1 Deployment, 1 v1 Service`.
pub fn skipped_in_words(skipped: &BTreeMap<String, usize>) -> String {
    let mut words = String::new();
    for (kind, count) in skipped {
        let comma = if words.is_empty() { "" } else { ", " };
        write!(words, "{comma}{count} {kind}").expect("writing to a text cannot fail");
    }
    words
}
