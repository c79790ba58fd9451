//! The fields of a kustomization and of what is built into `kustomize`, and which of them name files.
//!
//! Never: a field by another spelling. Go reads the names of fields whatever their letters' case, and takes `ſ` for an
//! `s`; here each is known by exactly one.

use Value::{Fields, FileOrFolder, Files, Plugins, Text, Words};

/// What stands in a field. A list of it may stand there too.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    /// A text, number or switch that names no file.
    Text,
    /// Texts by names that the author has chosen, which name no file.
    Words,
    /// Names of files, or of folders with a kustomization of their own.
    FileOrFolder,
    /// Names of files.
    Files,
    /// Names of files that say which transformation is made.
    Plugins,
    /// These fields, and no others.
    Fields(&'static [Field]),
}

/// A field, and what stands in it.
pub(super) type Field = (&'static str, Value);

/// What stands in a field of this name.
pub(super) fn value(fields: &[Field], name: &str) -> Option<Value> {
    fields.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// The fields of a kustomization. Without those of helm, which fetches charts.
pub(super) const KUSTOMIZATION: &[Field] = &[
    ("apiVersion", Text),
    ("kind", Text),
    (
        "metadata",
        Fields(&[("name", Text), ("namespace", Text), ("labels", Words), ("annotations", Words)]),
    ),
    ("resources", FileOrFolder),
    ("bases", FileOrFolder),
    ("components", FileOrFolder),
    ("crds", Files),
    ("configurations", Files),
    ("openapi", Fields(&[("path", Files), ("version", Text)])),
    ("namePrefix", Text),
    ("nameSuffix", Text),
    ("namespace", Text),
    ("commonLabels", Words),
    ("commonAnnotations", Words),
    (
        "labels",
        Fields(&[
            ("pairs", Words),
            ("includeSelectors", Text),
            ("includeTemplates", Text),
            ("fields", FIELD_SPECS),
        ]),
    ),
    ("patches", PATCHES),
    ("patchesStrategicMerge", Files),
    ("patchesJson6902", PATCHES),
    ("replacements", REPLACEMENTS),
    ("images", IMAGES),
    ("imageTags", IMAGES),
    ("replicas", REPLICAS),
    (
        "vars",
        Fields(&[
            ("name", Text),
            (
                "objref",
                Fields(&[
                    ("apiVersion", Text),
                    ("group", Text),
                    ("version", Text),
                    ("kind", Text),
                    ("name", Text),
                    ("namespace", Text),
                ]),
            ),
            ("fieldref", Fields(&[("fieldPath", Text), ("fieldpath", Text)])),
        ]),
    ),
    ("configMapGenerator", GENERATED),
    ("secretGenerator", GENERATED),
    ("generatorOptions", GENERATOR_OPTIONS),
    ("sortOptions", SORT_OPTIONS),
    ("buildMetadata", Text),
    ("generators", Plugins),
    ("transformers", Plugins),
    ("validators", Plugins),
];

/// The fields of a transformation or generator that is built in, by its kind, beside those that each has.
pub(super) fn of_plugin(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "AnnotationsTransformer" => &[("annotations", Words), ("fieldSpecs", FIELD_SPECS)],
        "ConfigMapGenerator" | "SecretGenerator" => GENERATED_FIELDS,
        "HashTransformer" | "LegacyOrderTransformer" => &[],
        "ImageTagTransformer" => &[("imageTag", IMAGES), ("fieldSpecs", FIELD_SPECS)],
        "LabelTransformer" => &[("labels", Words), ("fieldSpecs", FIELD_SPECS)],
        "NamespaceTransformer" => {
            &[("fieldSpecs", FIELD_SPECS), ("unsetOnly", Text), ("setRoleBindingSubjects", Text)]
        }
        "PatchJson6902Transformer" => &[("target", SELECTOR), ("path", Files), ("jsonOp", Text)],
        "PatchStrategicMergeTransformer" => &[("paths", Files), ("patches", Text)],
        "PatchTransformer" => PATCH_FIELDS,
        "PrefixTransformer" => &[("prefix", Text), ("fieldSpecs", FIELD_SPECS)],
        "SuffixTransformer" => &[("suffix", Text), ("fieldSpecs", FIELD_SPECS)],
        "PrefixSuffixTransformer" => {
            &[("prefix", Text), ("suffix", Text), ("fieldSpecs", FIELD_SPECS)]
        }
        "ReplacementTransformer" => &[("replacements", REPLACEMENTS)],
        "ReplicaCountTransformer" => &[("replica", REPLICAS), ("fieldSpecs", FIELD_SPECS)],
        "SortOrderTransformer" => &[("sortOptions", SORT_OPTIONS)],
        _ => return None,
    })
}

/// The fields of every transformation. An annotation could make a program of it.
pub(super) const OF_EACH_PLUGIN: &[Field] = &[
    ("apiVersion", Text),
    ("kind", Text),
    ("metadata", Fields(&[("name", Text), ("namespace", Text), ("labels", Words)])),
];

const FIELD_SPECS: Value =
    Fields(&[("group", Text), ("version", Text), ("kind", Text), ("path", Text), ("create", Text)]);

const SELECTOR: Value = Fields(&[
    ("group", Text),
    ("version", Text),
    ("kind", Text),
    ("name", Text),
    ("namespace", Text),
    ("annotationSelector", Text),
    ("labelSelector", Text),
]);

const PATCH_FIELDS: &[Field] =
    &[("path", Files), ("patch", Text), ("target", SELECTOR), ("options", Words)];

const PATCHES: Value = Fields(PATCH_FIELDS);

const PLACE: Value =
    Fields(&[("delimiter", Text), ("index", Text), ("encoding", Text), ("create", Text)]);

const REPLACEMENTS: Value = Fields(&[
    ("path", Files),
    (
        "source",
        Fields(&[
            ("group", Text),
            ("version", Text),
            ("kind", Text),
            ("name", Text),
            ("namespace", Text),
            ("fieldPath", Text),
            ("options", PLACE),
        ]),
    ),
    ("sourceValue", Text),
    (
        "targets",
        Fields(&[
            ("select", SELECTOR),
            ("reject", SELECTOR),
            ("fieldPaths", Text),
            ("options", PLACE),
        ]),
    ),
]);

const IMAGES: Value = Fields(&[
    ("name", Text),
    ("newName", Text),
    ("newTag", Text),
    ("tagSuffix", Text),
    ("digest", Text),
]);

const REPLICAS: Value = Fields(&[("name", Text), ("count", Text)]);

const GENERATOR_OPTIONS: Value = Fields(&[
    ("labels", Words),
    ("annotations", Words),
    ("disableNameSuffixHash", Text),
    ("immutable", Text),
]);

const GENERATED_FIELDS: &[Field] = &[
    ("name", Text),
    ("namespace", Text),
    ("behavior", Text),
    ("type", Text),
    ("files", Files),
    ("env", Files),
    ("envs", Files),
    ("literals", Text),
    ("options", GENERATOR_OPTIONS),
];

const GENERATED: Value = Fields(GENERATED_FIELDS);

const SORT_OPTIONS: Value = Fields(&[
    ("order", Text),
    ("legacySortOptions", Fields(&[("orderFirst", Text), ("orderLast", Text)])),
]);
