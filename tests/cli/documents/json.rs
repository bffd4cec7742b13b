//! JSON in which a key may be twice.

use std::fmt;

use serde_json::json;

/// A JSON value in which a key may be twice.
#[derive(Debug, Clone)]
pub(super) enum Json {
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn object(members: &[(&str, Json)]) -> Self {
        let members = members.iter().cloned();
        Self::Object(
            members
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }

    pub(super) fn members(&mut self) -> &mut Vec<(String, Json)> {
        match self {
            Self::Object(members) => members,
            other => panic!("{other} is no object"),
        }
    }

    /// What is called `key`, or has that place in a list.
    pub(super) fn at(&mut self, key: &str) -> &mut Self {
        match self {
            Self::List(items) => &mut items[key.parse::<usize>().unwrap()],
            object => {
                let mut members = object.members().iter_mut();
                let (_, value) = members.find(|(name, _)| name == key).unwrap();
                value
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::to_string).collect();
                write!(f, "[{}]", items.join(","))
            }
            Self::Object(members) => {
                let members = members.iter();
                let members = members.map(|(key, value)| format!("{}:{value}", json!(key)));
                write!(f, "{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        }
    }
}

pub(super) fn text(text: impl fmt::Display) -> Json {
    Json::Text(text.to_string())
}

/// A string.
pub(super) fn string(value: &str) -> Json {
    text(json!(value))
}
