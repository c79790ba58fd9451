//! Edits of what bounds a namespace.
//!
//! Never: a boundary that the schema refuses.

use serde_json::{Value, json};

use super::{
    cast::{NAMESPACES, boundary, limits, no_limits, object, partner_of},
    edits::{Editor, text},
    folder::file_of,
};

impl Editor<'_> {
    pub fn some_limits(&mut self) -> Value {
        let window = self.chance.pick(&["PT10M", "PT1H", "PT6H"]);
        match self.chance.below(6) {
            0 => no_limits(),
            1 => limits(window, 25, 30, 25),
            2 => limits(window, 2, 50, 2),
            3 => limits(window, 1, 100, 1),
            4 => limits(window, 3, 100, 0),
            _ => limits(window, 10, 40, 5),
        }
    }

    pub fn some_boundary(&mut self) -> bool {
        let namespace = self.chance.pick(&NAMESPACES);
        let limits = self.some_limits();
        self.put_boundary(namespace, &limits);
        true
    }

    pub fn put_boundary(&mut self, namespace: &str, limits: &Value) {
        let name = format!("b-{namespace}");
        let spec = boundary(&[namespace], partner_of(namespace), limits);
        let file = file_of("PartnerBoundary", "", &name);
        self.folder.put(&file, &object("PartnerBoundary", "", &name, spec));
    }

    pub fn other_limits(&mut self) -> bool {
        let limits = self.some_limits();
        let files = self.folder.of_kind("PartnerBoundary");
        if files.is_empty() {
            return false;
        }
        let file = self.chance.pick(&files);
        let left_out = self.chance.one_in(5);
        self.folder.edit(&file, |object| {
            if !left_out {
                object["spec"]["limits"] = limits;
            } else if let Some(spec) = object["spec"].as_object_mut() {
                spec.remove("limits");
            }
        });
        true
    }

    pub fn rename_boundary(&mut self) -> bool {
        let files = self.folder.of_kind("PartnerBoundary");
        if files.is_empty() {
            return false;
        }
        let file = self.chance.pick(&files);
        let number = self.chance.below(10);
        self.folder.edit(&file, |object| {
            let name = text(&object["metadata"]["name"]);
            let first = name.split("-n").next().unwrap_or_default().to_owned();
            object["metadata"]["name"] = json!(format!("{first}-n{number}"));
        });
        true
    }

    pub fn namespaces_of_boundary(&mut self) -> bool {
        let files = self.folder.of_kind("PartnerBoundary");
        if files.is_empty() {
            return false;
        }
        let file = self.chance.pick(&files);
        let namespaces = self.chance.pick(&[
            json!([NAMESPACES[0]]),
            json!([NAMESPACES[1]]),
            json!(["elsewhere"]),
            json!([NAMESPACES[0], "elsewhere"]),
        ]);
        self.folder.edit(&file, |object| object["spec"]["namespaces"] = namespaces);
        true
    }
}
