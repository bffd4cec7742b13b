//! The rules that the folders keep, and the diagram that they make.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{FOLDERS, Source, Sources, paths};

/// A rule is broken, and where.
pub(crate) struct Complaint(pub(crate) String);

/// What only `cli` looks at.
const OUTSIDE: [&str; 8] = [
    "std::env",
    " env::",
    "SystemTime::now",
    "IsTerminal",
    "is_terminal",
    "stdin()",
    "stdout()",
    "available_parallelism",
];

/// What makes a connection.
const NETWORK: [&str; 3] = ["std::net", "TcpStream", "ureq::"];

/// The folders that know neither attributes nor the context.
const PURE: [&str; 7] = [
    "tar", "oci", "bytes", "tree", "imitate", "engines", "console",
];

/// What these do not use.
const IMPURE: [&str; 2] = ["request::attrs", "build::context"];

/// How many lines a file may have without its tests.
const FILE_LINES: usize = 500;

/// How many lines a function may have.
const FUNCTION_LINES: usize = 60;

/// All that is wrong with `sources`.
pub(crate) fn complaints(sources: &Sources) -> Vec<Complaint> {
    let mut found = Vec::new();
    for source in sources.0.values() {
        let mut complain = |text: String| found.push(Complaint(format!("{}{text}", source.path)));
        check_arrows(sources, source, &mut complain);
        check_words(source, &mut complain);
        check_length(source, &mut complain);
        check_root(source, &mut complain);
    }
    found.extend(circles(sources));
    found
}

/// The folders in the order of `lib.rs`.
fn order() -> Vec<&'static str> {
    let modules = FOLDERS
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "));
    modules.map(|module| module.trim_end_matches(';')).collect()
}

fn check_arrows(sources: &Sources, source: &Source, complain: &mut impl FnMut(String)) {
    let order = order();
    let place = |folder: &str| order.iter().position(|other| *other == folder);
    let folder = source.folder();
    for used in sources.used_by(source) {
        let other = used.split("::").next().unwrap_or_default();
        if folder == "foreign" && ["closure", "image", "commands"].contains(&other) {
            complain(format!(
                " uses `{other}`; what reads foreign bytes knows no {other}"
            ));
        } else if place(other) > place(folder) {
            complain(format!(
                " uses `{other}`, which stands below `{folder}` in lib.rs"
            ));
        }
    }
    for path in paths(source) {
        if let Some(command) = path.strip_prefix("commands::")
            && folder == "commands"
            && command.split("::").next() != source.module.split("::").nth(1)
        {
            let command = command.split("::").next().unwrap_or_default();
            complain(format!(
                " uses the command `{command}`; no command knows another"
            ));
        }
        if let Some(impure) = IMPURE.iter().find(|impure| path.starts_with(**impure))
            && PURE.contains(&folder)
        {
            complain(format!(
                " uses `{impure}`; `{folder}` knows neither attributes nor the context"
            ));
        }
    }
}

fn check_words(source: &Source, complain: &mut impl FnMut(String)) {
    let code = source
        .text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code.map(|line| format!("{line}\n")).collect();
    let has = |word: &&&str| code.contains(**word);
    let folder = source.folder();
    if folder != "cli"
        && let Some(word) = OUTSIDE.iter().find(has)
    {
        let word = word.trim();
        complain(format!(
            " has `{word}`; only `cli` looks at environment, clock and terminal"
        ));
    }
    if folder != "registry"
        && let Some(word) = NETWORK.iter().find(has)
    {
        complain(format!(" has `{word}`; only `registry` has a network"));
    }
    let announces = ["commands", "vm", "console"].contains(&folder);
    if !announces && code.contains(".phase(") {
        complain(" has `.phase(`; only `commands` and `vm` announce what is done".to_owned());
    }
}

fn check_length(source: &Source, complain: &mut impl FnMut(String)) {
    let lines: Vec<&str> = source.text.lines().collect();
    if lines.len() > FILE_LINES {
        complain(format!(
            " has {} lines without its tests; {FILE_LINES} are enough",
            lines.len()
        ));
    }
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some(name) = function(code) else { continue };
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let length = lines[start..].iter().position(|line| *line == end);
        if let Some(last) = length.filter(|last| last + 1 > FUNCTION_LINES && !code.ends_with('}'))
        {
            complain(format!(
                ": `{name}` has {} lines; {FUNCTION_LINES} are enough",
                last + 1
            ));
        }
    }
}

/// The name of the function that a line begins.
fn function(code: &str) -> Option<&str> {
    let words = code.split_once("fn ")?;
    let is_modifier =
        |word: &str| word.starts_with("pub") || ["const", "unsafe", "in"].contains(&word);
    let name = words.1.split(['(', '<']).next()?;
    words.0.split_whitespace().all(is_modifier).then_some(name)
}

/// The file of a folder of `src` says what is in it, and what that knows nothing of.
fn check_root(source: &Source, complain: &mut impl FnMut(String)) {
    // A machine and a tree are a thing of their own, beside what is in their folders.
    if source.module.contains("::")
        || ["tree", "engines", "vm", "cli"].contains(&source.module.as_str())
    {
        return;
    }
    if !source
        .text
        .lines()
        .any(|line| line.starts_with("//! Knows "))
    {
        complain(" does not say what it knows nothing of".to_owned());
    }
    let is_code =
        |line: &&str| !line.is_empty() && !line.starts_with("//!") && !line.starts_with("pub mod ");
    if source.text.lines().any(|line| is_code(&line)) {
        complain(
            " has code; the file of a folder has its documentation and its modules".to_owned(),
        );
    }
}

/// Files that use each other. A file and those in its folder count as one, since it holds what they share.
fn circles(sources: &Sources) -> Vec<Complaint> {
    let unit = |module: &str| {
        let parts: Vec<&str> = module.split("::").collect();
        let above = (2..parts.len()).map(|length| parts[..length].join("::"));
        above
            .into_iter()
            .find(|above| sources.0.contains_key(above))
            .unwrap_or(module.to_owned())
    };
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources.0.values() {
        let used = sources
            .used_by(source)
            .iter()
            .map(|used| unit(used))
            .collect::<BTreeSet<_>>();
        uses.entry(unit(&source.module)).or_default().extend(used);
    }
    let mut found = BTreeSet::new();
    for start in uses.keys() {
        let circle: Vec<&String> = uses
            .keys()
            .filter(|other| {
                *other != start && reaches(&uses, start, other) && reaches(&uses, other, start)
            })
            .collect();
        if !circle.is_empty() {
            let mut all: Vec<String> = circle.into_iter().chain([start]).cloned().collect();
            all.sort();
            found.insert(all);
        }
    }
    let path = |module: &String| format!("{}.rs", module.replace("::", "/"));
    found
        .iter()
        .map(|all| {
            let all: Vec<String> = all.iter().map(path).collect();
            Complaint(format!("{} use each other in a circle", all.join(", ")))
        })
        .collect()
}

fn reaches(uses: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
    while let Some(module) = left.pop() {
        for next in uses.get(module).into_iter().flatten() {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                left.push(next);
            }
        }
    }
    false
}

/// The folders from the top, each with those that it uses, but for those that these use too.
pub(crate) fn diagram(sources: &Sources) -> String {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources.0.values() {
        let folder = source.folder();
        let used = sources.used_by(source);
        let used = used
            .iter()
            .filter_map(|used| used.split("::").next())
            .filter(|used| *used != folder);
        uses.entry(folder.to_owned())
            .or_default()
            .extend(used.map(str::to_owned));
    }
    let order = order();
    let rows = order.iter().rev().map(|folder| {
        let all = &uses[*folder];
        let is_direct = |used: &&&str| {
            all.contains(**used)
                && !all
                    .iter()
                    .any(|other| other != **used && reaches(&uses, other, used))
        };
        let direct: Vec<&str> = order.iter().rev().filter(is_direct).copied().collect();
        match direct[..] {
            [] => format!("{folder}\n"),
            _ => format!("{folder:<9} -> {}\n", direct.join(", ")),
        }
    });
    rows.collect()
}
