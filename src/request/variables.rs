//! Attributes as variables of an environment, as Nix makes them.

use serde_json::Value;

/// Whether a program can be started with such a variable; a bash that reads the attributes by
/// itself passes over others too.
pub(crate) fn is_in_environments(name: &str, value: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0')
}

/// `value` as Nix puts it into the environment of a derivation without structured attributes;
/// `None` for a set, which such a derivation cannot have.
pub(crate) fn as_variable(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "1".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .map(as_variable)
            .collect::<Option<Vec<_>>>()?
            .join(" "),
        Value::Object(_) => return None,
    })
}
