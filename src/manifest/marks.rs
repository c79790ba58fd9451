//! Where each value of a document stands. Made only when something has to be said about the document.
//!
//! Never: decides what a document means; that is the reader's, in `value`.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::domain::problem::{FieldPath, Step};

/// Line and column in the text, both counted from 1.
pub(super) type Spot = (usize, usize);

/// The values of a document by their place. A text that breaks off gives the values before the break.
#[derive(Debug, Default)]
pub(super) struct Marks {
    nodes: Vec<Node>,
    root: Option<usize>,
    anchors: BTreeMap<usize, usize>,
    /// The fields of each large mapping that have names, in the order of these; the first stays first.
    by_name: BTreeMap<usize, Vec<(usize, usize)>>,
}

/// A mapping with more fields than any of ours has.
const LARGE: usize = 32;

#[derive(Debug)]
struct Node {
    spot: Spot,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Scalar { text: String, quoted: Quoted },
    Mapping(Vec<(usize, usize)>),
    Sequence(Vec<usize>),
    Alias(usize),
}

/// Whether a scalar says by itself that it is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoted {
    /// In quotes, as a block, or with a tag.
    Yes,
    /// Plain: what it is depends on how it looks.
    No,
}

/// A collection that is still open, and the key that waits for its value.
struct Open {
    node: usize,
    key: Option<usize>,
}

impl Marks {
    /// Finds every value of a text.
    pub fn new(text: &str) -> Self {
        let mut marks = Self::default();
        let mut open: Vec<Open> = Vec::new();
        let mut parser = Parser::new_from_str(text);
        while let Some(Ok((event, span))) = parser.next_event() {
            match event {
                Event::Scalar(text, style, anchor, tag) => {
                    let quoted = if style == ScalarStyle::Plain && tag.is_none() {
                        Quoted::No
                    } else {
                        Quoted::Yes
                    };
                    let content = Content::Scalar { text: text.into_owned(), quoted };
                    marks.add(&mut open, anchor, span, content);
                }
                Event::Alias(anchor) => {
                    marks.add(&mut open, 0, span, Content::Alias(anchor));
                }
                Event::SequenceStart(anchor, _) => {
                    let node = marks.add(&mut open, anchor, span, Content::Sequence(Vec::new()));
                    open.push(Open { node, key: None });
                }
                Event::MappingStart(anchor, _) => {
                    let node = marks.add(&mut open, anchor, span, Content::Mapping(Vec::new()));
                    open.push(Open { node, key: None });
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    open.pop();
                }
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
            }
        }
        marks.order_by_name();
        marks
    }

    fn order_by_name(&mut self) {
        for (number, node) in self.nodes.iter().enumerate() {
            if let Content::Mapping(fields) = &node.content
                && fields.len() > LARGE
            {
                let named = fields.iter().copied().filter(|(key, _)| self.name(*key).is_some());
                let mut named: Vec<_> = named.collect();
                named.sort_by_key(|(key, _)| self.name(*key));
                self.by_name.insert(number, named);
            }
        }
    }

    /// What a key says, where it is text.
    fn name(&self, key: usize) -> Option<&str> {
        match &self.nodes[key].content {
            Content::Scalar { text, .. } => Some(text),
            Content::Mapping(_) | Content::Sequence(_) | Content::Alias(_) => None,
        }
    }

    fn add(&mut self, open: &mut [Open], anchor: usize, span: Span, content: Content) -> usize {
        let number = self.nodes.len();
        let spot = (span.start.line(), span.start.col() + 1);
        self.nodes.push(Node { spot, content });
        if anchor != 0 {
            self.anchors.insert(anchor, number);
        }
        let Some(Open { node, key }) = open.last_mut() else {
            self.root.get_or_insert(number);
            return number;
        };
        match &mut self.nodes[*node].content {
            Content::Sequence(items) => items.push(number),
            Content::Mapping(fields) => match key.take() {
                None => *key = Some(number),
                Some(key) => fields.push((key, number)),
            },
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
        number
    }

    /// The spot of a field, or of the nearest field around it that is there.
    pub fn spot(&self, path: &[Step]) -> Option<Spot> {
        let mut node = self.root?;
        let mut spot = self.nodes[node].spot;
        for step in path {
            let Some((key, value)) = self.step(node, step) else { break };
            spot = match (&self.nodes[value].content, key) {
                (Content::Mapping(_) | Content::Sequence(_), Some(key)) => self.nodes[key].spot,
                _ => self.nodes[value].spot,
            };
            node = value;
        }
        Some(spot)
    }

    /// The text of a scalar as it was typed, and whether it was quoted.
    pub fn scalar(&self, path: &[Step]) -> Option<(Spot, &str, Quoted)> {
        let root = self.root?;
        let node = path.iter().try_fold(root, |node, step| Some(self.step(node, step)?.1))?;
        let node = &self.nodes[self.resolved(node)?];
        match &node.content {
            Content::Scalar { text, quoted } => Some((node.spot, text, *quoted)),
            Content::Mapping(_) | Content::Sequence(_) | Content::Alias(_) => None,
        }
    }

    /// The spot of the key of a field that is there.
    pub fn key(&self, path: &[Step]) -> Option<Spot> {
        let (last, before) = path.split_last()?;
        let node =
            before.iter().try_fold(self.root?, |node, step| Some(self.step(node, step)?.1))?;
        let (key, _) = self.step(node, last)?;
        key.map(|key| self.nodes[key].spot)
    }

    /// Every key that stands twice in one mapping: its path, the first spot and the second.
    pub fn duplicate_keys(&self) -> Vec<(FieldPath, Spot, Spot)> {
        let mut duplicates = Vec::new();
        self.walk(&mut |path, number| {
            let Content::Mapping(fields) = &self.nodes[number].content else { return };
            let mut first: BTreeMap<&str, Spot> = BTreeMap::new();
            for (key, _) in fields {
                let Node { spot, content: Content::Scalar { text, .. } } = &self.nodes[*key] else {
                    continue;
                };
                if let Some(first) = first.get(&**text) {
                    duplicates.push((path.clone().field(text), *first, *spot));
                } else {
                    first.insert(text, *spot);
                }
            }
        });
        duplicates
    }

    /// Every unquoted key and value for which `asked` holds: its path, spot and text.
    pub fn plain(&self, asked: impl Fn(&str) -> bool) -> Vec<(FieldPath, Spot, &str)> {
        self.scalars(|text, quoted| quoted == Quoted::No && asked(text))
    }

    /// Every key and value for which `asked` holds: its path, spot and text.
    pub fn scalars(&self, asked: impl Fn(&str, Quoted) -> bool) -> Vec<(FieldPath, Spot, &str)> {
        let mut found = Vec::new();
        self.walk(&mut |path, number| {
            let Node { spot, content } = &self.nodes[number];
            match content {
                Content::Scalar { text, quoted } if asked(text, *quoted) => {
                    found.push((path.clone(), *spot, &**text));
                }
                Content::Mapping(fields) => {
                    for (key, _) in fields {
                        if let Node { spot, content: Content::Scalar { text, quoted } } =
                            &self.nodes[*key]
                            && asked(text, *quoted)
                        {
                            found.push((path.clone().field(text), *spot, &**text));
                        }
                    }
                }
                Content::Scalar { .. } | Content::Sequence(_) | Content::Alias(_) => {}
            }
        });
        found.sort_by_key(|(_, spot, _)| *spot);
        found
    }

    /// Calls `visit` for every value with its path. Aliases are not followed: what they name is visited where it stands.
    fn walk(&self, visit: &mut impl FnMut(&FieldPath, usize)) {
        let mut left = Vec::from_iter(self.root.map(|root| (FieldPath::root(), root)));
        while let Some((path, number)) = left.pop() {
            visit(&path, number);
            match &self.nodes[number].content {
                Content::Mapping(fields) => {
                    for (key, value) in fields.iter().rev() {
                        if let Content::Scalar { text, .. } = &self.nodes[*key].content {
                            left.push((path.clone().field(text), *value));
                        }
                    }
                }
                Content::Sequence(items) => {
                    for (index, item) in items.iter().enumerate().rev() {
                        left.push((path.clone().index(index), *item));
                    }
                }
                Content::Scalar { .. } | Content::Alias(_) => {}
            }
        }
    }

    /// The value one step below a node, and its key where it has one; also through aliases and merges.
    fn step(&self, node: usize, step: &Step) -> Option<(Option<usize>, usize)> {
        let node = self.resolved(node)?;
        match (&self.nodes[node].content, step) {
            (Content::Sequence(items), Step::Index(index)) => Some((None, *items.get(*index)?)),
            (Content::Mapping(fields), Step::Field(name)) => self
                .value_of(node, fields, name)
                .map(|(key, value)| (Some(key), value))
                .or_else(|| self.merged(self.value_of(node, fields, "<<")?.1, step)),
            _ => None,
        }
    }

    fn value_of(
        &self,
        mapping: usize,
        fields: &[(usize, usize)],
        name: &str,
    ) -> Option<(usize, usize)> {
        let is_it = |(key, _): &(usize, usize)| self.name(*key) == Some(name);
        let Some(named) = self.by_name.get(&mapping) else {
            return fields.iter().copied().find(is_it);
        };
        let first = named.partition_point(|(key, _)| self.name(*key) < Some(name));
        named.get(first).copied().filter(is_it)
    }

    fn merged(&self, sources: usize, step: &Step) -> Option<(Option<usize>, usize)> {
        match &self.nodes[self.resolved(sources)?].content {
            Content::Sequence(sources) => {
                sources.iter().find_map(|source| self.step(*source, step))
            }
            Content::Mapping(_) => self.step(sources, step),
            Content::Scalar { .. } | Content::Alias(_) => None,
        }
    }

    /// What an alias names, or the node itself. An alias can only name what stands before it.
    fn resolved(&self, node: usize) -> Option<usize> {
        match &self.nodes[node].content {
            Content::Alias(anchor) => {
                self.anchors.get(anchor).copied().filter(|named| *named < node)
            }
            Content::Scalar { .. } | Content::Mapping(_) | Content::Sequence(_) => Some(node),
        }
    }
}
