//! The way from an object down to the node that is looked at.
//!
//! Never: an allocation before something is wrong.

use crate::api::schema::PathStep;

/// The way from the object to the node being checked, on the stack.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    before: Option<&'a Way<'a>>,
    step: Option<StepRef<'a>>,
}

#[derive(Clone, Copy)]
enum StepRef<'a> {
    Field(&'a str),
    Index(usize),
}

impl<'a> Way<'a> {
    /// The object itself.
    pub const ROOT: Self = Self { before: None, step: None };

    /// One field further.
    pub fn field(&'a self, name: &'a str) -> Self {
        Self { before: Some(self), step: Some(StepRef::Field(name)) }
    }

    /// One item further.
    pub fn index(&'a self, index: usize) -> Self {
        Self { before: Some(self), step: Some(StepRef::Index(index)) }
    }

    /// The field that is looked at; of an item, the one that lists it.
    pub fn last_field(&self) -> &'a str {
        match self.step {
            Some(StepRef::Field(name)) => name,
            Some(StepRef::Index(_)) | None => self.before.map_or("", Way::last_field),
        }
    }

    /// Whether it leads to an item of a list.
    pub fn is_item(&self) -> bool {
        matches!(self.step, Some(StepRef::Index(_)))
    }

    /// What a path has more than this way, where it leads on from it.
    pub fn below<'p>(&self, path: &'p [PathStep]) -> Option<&'p [PathStep]> {
        path.strip_prefix(self.path().as_slice())
    }

    /// The whole of it, for a violation.
    pub fn path(&self) -> Vec<PathStep> {
        let mut path = self.before.map(Way::path).unwrap_or_default();
        path.extend(self.step.map(|step| match step {
            StepRef::Field(name) => PathStep::Field(name.to_owned()),
            StepRef::Index(index) => PathStep::Index(index),
        }));
        path
    }
}
