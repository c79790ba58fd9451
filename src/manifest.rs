//! (being written)

/// A value as YAML.
///
/// # Panics
/// Never for plain data, which has text keys.
pub fn to_yaml<T: serde::Serialize>(value: &T) -> String {
    serde_yaml::to_string(value).expect("plain data has a YAML form")
}
