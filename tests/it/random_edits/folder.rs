//! A folder of manifests: texts in files, everything that ever stood there, and what the texts say.
//!
//! Never: a file on the disk that is not the text that is remembered.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize as _;
use serde_json::Value;

/// Files by their path within the folder.
pub type Texts = BTreeMap<String, String>;

pub struct Folder {
    pub root: PathBuf,
    pub texts: Texts,
    /// Everything that stood there, from the first commit on.
    pub commits: Vec<Texts>,
    parsed: BTreeMap<String, Vec<Value>>,
}

impl Folder {
    pub fn new(root: &Path) -> Self {
        let root = root.to_owned();
        Self { root, texts: Texts::new(), commits: Vec::new(), parsed: BTreeMap::new() }
    }

    /// Remembers what stands there now.
    pub fn commit(&mut self) {
        self.commits.push(self.texts.clone());
    }

    pub fn write(&mut self, file: &str, text: String) {
        if self.texts.get(file) == Some(&text) {
            return;
        }
        let path = self.root.join(file);
        fs::create_dir_all(path.parent().expect("a file stands in a folder")).unwrap();
        fs::write(path, &text).unwrap();
        self.parsed.insert(file.to_owned(), values(&text));
        self.texts.insert(file.to_owned(), text);
    }

    pub fn remove(&mut self, file: &str) {
        if self.texts.remove(file).is_some() {
            fs::remove_file(self.root.join(file)).unwrap();
            self.parsed.remove(file);
        }
    }

    /// Makes the folder hold just that.
    pub fn restore(&mut self, texts: &Texts) {
        let gone: Vec<String> =
            self.texts.keys().filter(|file| !texts.contains_key(*file)).cloned().collect();
        for file in gone {
            self.remove(&file);
        }
        for (file, text) in texts {
            self.write(file, text.clone());
        }
    }

    pub fn put(&mut self, file: &str, object: &Value) {
        self.write(file, serde_yaml::to_string(object).unwrap());
    }

    /// The first object of a file, where it can be read.
    pub fn object(&self, file: &str) -> Option<&Value> {
        self.parsed.get(file)?.first()
    }

    pub fn edit(&mut self, file: &str, edit: impl FnOnce(&mut Value)) {
        let Some(mut object) = self.object(file).cloned() else { return };
        edit(&mut object);
        self.put(file, &object);
    }

    /// The files whose first object is of this kind.
    pub fn of_kind(&self, kind: &str) -> Vec<String> {
        let of_kind = |(_, objects): &(&String, &Vec<Value>)| {
            objects.first().is_some_and(|object| object["kind"] == kind)
        };
        self.parsed.iter().filter(of_kind).map(|(file, _)| file.clone()).collect()
    }

    /// What stands in the files below some folders; in all where none is named.
    pub fn objects(&self, below: &[String]) -> impl Iterator<Item = &Value> {
        let is_below = move |file: &str| {
            below.is_empty() || below.iter().any(|folder| file.starts_with(&format!("{folder}/")))
        };
        self.parsed.iter().filter(move |(file, _)| is_below(file)).flat_map(|(_, all)| all)
    }
}

/// The documents of a text, none where one cannot be read.
fn values(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    documents.map(Value::deserialize).collect::<Result<_, _>>().unwrap_or_default()
}

/// In which file an object stands.
pub fn file_of(kind: &str, namespace: &str, name: &str) -> String {
    let folder = if namespace.is_empty() { "boundaries" } else { namespace };
    format!("{folder}/{}-{name}.yaml", kind.to_lowercase())
}
