//! Parses a `layeringPipeline` into steps.

use crate::closure::layering::shape::Wanted;
use crate::closure::layering::shape::names;
use std::collections::HashSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use super::position::Place;
use super::shape::Shape;

/// Steps in steps beyond this are refused, so that running them cannot use up the stack.
const MAX_DEPTH: usize = 64;

/// The steps that turn one graph of store paths into a list of layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) place: Place,
    pub(super) function: Function,
}

/// A function with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Function {
    Flatten,
    Over { part: String, step: Box<Step> },
    Map(Box<Step>),
    Pipe(Vec<Step>),
    SplitPaths(Selected),
    SubcomponentIn(HashSet<String>),
    SubcomponentOut(HashSet<String>),
    PopularityContest,
    SplitEvery(NonZeroUsize),
    LimitLayers(NonZeroUsize),
    RemovePaths(HashSet<String>),
    Reverse,
}

/// What `split_paths` is to split off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) paths: HashSet<String>,
    /// Their direct references are meant.
    pub(super) parents: HashSet<String>,
}

impl Selected {
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.parents.is_empty()
    }
}

/// The functions, and what each wants for arguments.
const FUNCTIONS: [(&str, &str); 12] = [
    ("flatten", "no argument"),
    (
        "over",
        "two arguments, the name of a part and a step for it, such as `\"rest\" [ \"popularity_contest\" ]`",
    ),
    (
        "map",
        "one argument, a step for each graph, such as `[ \"popularity_contest\" ]`",
    ),
    ("pipe", "one argument, a list of steps"),
    (
        "split_paths",
        "one argument, a list of store paths or `{ children_of = …; }`",
    ),
    ("subcomponent_in", "one argument, a list of store paths"),
    ("subcomponent_out", "one argument, a list of store paths"),
    ("popularity_contest", "no argument"),
    (
        "split_every",
        "one argument, the number of paths in each graph, a whole number from 1 on",
    ),
    (
        "limit_layers",
        "one argument, the most graphs to leave, a whole number from 1 on",
    ),
    (
        "remove_paths",
        "one argument, a store path or a list of store paths",
    ),
    ("reverse", "no argument"),
];

/// A pipeline is not one, or one of its steps cannot do what it is there for.
#[derive(Debug, Error)]
pub enum PipelineError {
    #[error("cannot read the layering pipeline from `{}`", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{}`, the file of the layering pipeline, is not valid JSON", path.display())]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error(
        "the layering pipeline must be a list of steps, or the path of a JSON file that holds one; it is `{given}`"
    )]
    NoList { given: String },
    #[error(
        "{place} must be a list that begins with the name of a function, such as `[ \"popularity_contest\" ]`; it is `{given}`"
    )]
    NoStep { place: Place, given: String },
    #[error(
        "{place} is no function of the pipeline language; there are {}",
        names(FUNCTIONS.iter().map(|(name, _)| *name))
    )]
    Unknown { place: Place },
    #[error("{place} has steps in steps more than {MAX_DEPTH} deep; put them in a row instead")]
    TooDeep { place: Place },
    #[error("{place} wants {wanted}; it was given {given}")]
    Arguments {
        place: Place,
        wanted: &'static str,
        given: String,
    },
    #[error("{place} works on {wanted}; it was given {given}; {}", given.way_to(*wanted))]
    Input {
        place: Place,
        wanted: Wanted,
        given: Shape,
    },
    #[error(
        "{place} is to change the part `{part}`; it was given {given}; steps that split leave out parts without paths"
    )]
    NoPart {
        place: Place,
        part: String,
        given: Shape,
    },
    #[error("{place} cannot merge {given} with another; put `[ \"flatten\" ]` before it")]
    Merge { place: Place, given: Shape },
    #[error(
        "{place} leaves {given}, and a pipeline must leave a list of graphs, which become layers; end it with a step that splits, such as `[ \"popularity_contest\" ]` or `[ \"split_every\" 10 ]`"
    )]
    OneGraph { place: Place, given: Shape },
}

/// Reads the attribute `layeringPipeline`: a list of steps, or the path of a JSON file with one.
///
/// # Errors
/// When the file cannot be read, or it is no pipeline.
pub fn read(attribute: &Value) -> Result<Pipeline, PipelineError> {
    let Value::String(path) = attribute else {
        return parse(attribute);
    };
    let path = Path::new(path);
    let text = fs::read(path).map_err(|source| PipelineError::Read {
        path: path.to_owned(),
        source,
    })?;
    let steps = serde_json::from_slice(&text).map_err(|source| PipelineError::Json {
        path: path.to_owned(),
        source,
    })?;
    parse(&steps)
}

/// Reads a list of steps.
///
/// # Errors
/// When one of the steps, however deep, is none of the language.
pub fn parse(steps: &Value) -> Result<Pipeline, PipelineError> {
    let Value::Array(steps) = steps else {
        let given = shown(steps);
        return Err(PipelineError::NoList { given });
    };
    let steps = parse_steps(steps, &Place::default())?;
    Ok(Pipeline { steps })
}

fn parse_steps(steps: &[Value], place: &Place) -> Result<Vec<Step>, PipelineError> {
    let numbered = steps.iter().zip(1..);
    numbered
        .map(|(step, number)| parse_step(step, place.inside(Some(number))))
        .collect()
}

fn parse_step(step: &Value, place: Place) -> Result<Step, PipelineError> {
    if place.depth() > MAX_DEPTH {
        let place = place.outermost();
        return Err(PipelineError::TooDeep { place });
    }
    let parts = step.as_array().and_then(|step| step.split_first());
    let Some((Value::String(name), arguments)) = parts else {
        return Err(PipelineError::NoStep {
            place,
            given: shown(step),
        });
    };
    let place = place.named(name);
    let Some((name, wanted)) = FUNCTIONS.iter().find(|(known, _)| known == name) else {
        return Err(PipelineError::Unknown { place });
    };
    let function = parse_function(name, arguments, &place)?;
    let function = function.ok_or_else(|| PipelineError::Arguments {
        place: place.clone(),
        wanted,
        given: shown_arguments(arguments),
    })?;
    Ok(Step { place, function })
}

/// None for arguments that the function does not take.
fn parse_function(
    name: &str,
    arguments: &[Value],
    place: &Place,
) -> Result<Option<Function>, PipelineError> {
    let inner = |step| parse_step(step, place.inside(None)).map(Box::new);
    Ok(match (name, arguments) {
        ("flatten", []) => Some(Function::Flatten),
        ("over", [Value::String(part), step]) => {
            let (part, step) = (part.clone(), inner(step)?);
            Some(Function::Over { part, step })
        }
        ("map", [step]) => Some(Function::Map(inner(step)?)),
        ("pipe", [Value::Array(steps)]) => Some(Function::Pipe(parse_steps(steps, place)?)),
        ("split_paths", [paths]) => selected(paths).map(Function::SplitPaths),
        ("subcomponent_in", [paths]) => strings(paths).map(Function::SubcomponentIn),
        ("subcomponent_out", [paths]) => strings(paths).map(Function::SubcomponentOut),
        ("popularity_contest", []) => Some(Function::PopularityContest),
        ("split_every", [count]) => number(count).map(Function::SplitEvery),
        ("limit_layers", [count]) => number(count).map(Function::LimitLayers),
        ("remove_paths", [paths]) => one_or_more(paths).map(Function::RemovePaths),
        ("reverse", []) => Some(Function::Reverse),
        _ => None,
    })
}

fn selected(paths: &Value) -> Option<Selected> {
    let mut selected = Selected::default();
    for path in paths.as_array()? {
        if let Value::Object(object) = path {
            let parents = one_or_more(object.get("children_of")?)?;
            selected.parents.extend(parents);
        } else {
            selected.paths.insert(path.as_str()?.to_owned());
        }
    }
    Some(selected)
}

fn one_or_more(paths: &Value) -> Option<HashSet<String>> {
    match paths {
        Value::String(path) => Some(HashSet::from([path.clone()])),
        paths => strings(paths),
    }
}

fn strings(paths: &Value) -> Option<HashSet<String>> {
    let string = |path: &Value| path.as_str().map(ToOwned::to_owned);
    paths.as_array()?.iter().map(string).collect()
}

fn number(count: &Value) -> Option<NonZeroUsize> {
    NonZeroUsize::new(count.as_u64()?.try_into().ok()?)
}

fn shown_arguments(arguments: &[Value]) -> String {
    if arguments.is_empty() {
        return "none".to_owned();
    }
    names(arguments.iter().map(shown))
}

/// The value as JSON, cut short so that a list of a thousand store paths fits into a message.
fn shown(value: &Value) -> String {
    const MOST: usize = 100;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
