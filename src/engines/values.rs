//! Values of the `config` that have the right type, and that an engine refuses all the same when it
//! makes a container, or that no container starts with.

use serde_json::Value;

use super::{Engine, Objection, Refusal, always, cut, shown, since};

pub(super) const KIND: &str = "configValue";

const PODMAN: &[Refusal] = &[always(Engine::Podman)];
const NEW_PODMAN: &[Refusal] = &[since(Engine::Podman, "5.4")];
const DOCKER: &[Refusal] = &[always(Engine::Docker)];

/// The signals that Linux has names for, without `SIG`, beside the real-time ones.
const SIGNALS: [&str; 35] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN",
];

/// The highest number of a signal.
const MAX_SIGNAL: u32 = 64;

/// How many real-time signals are counted from either end, as `RTMIN+15` and `RTMAX-14`.
const REAL_TIME: [(&str, u32); 2] = [("RTMIN+", 15), ("RTMAX-", 14)];

/// Checks the value of `key`, and gives what is wrong with it, each fault once.
#[must_use]
pub fn check(key: &str, value: &Value) -> Vec<Objection> {
    match (key, value) {
        ("Env", Value::Array(variables)) => {
            let variables = variables.iter().enumerate();
            variables
                .filter_map(|(index, variable)| check_variable(index, variable.as_str()?))
                .collect()
        }
        ("ExposedPorts", Value::Object(ports)) => {
            ports.keys().filter_map(|port| check_port(port)).collect()
        }
        ("Labels", Value::Object(labels)) if labels.contains_key("") => {
            let text = "`config.Labels` has a label without a name, and containerd makes no container with it; leave it out";
            vec![objection(text.to_owned(), &[])]
        }
        ("Volumes", Value::Object(volumes)) if volumes.keys().any(|path| path.contains('\0')) => {
            let text = "`config.Volumes` has a path with a byte of zero in it; leave it out";
            vec![objection(text.to_owned(), DOCKER)]
        }
        ("WorkingDir", Value::String(directory)) if directory.contains('\0') => {
            let text = "`config.WorkingDir` has a byte of zero in it; leave it out";
            vec![objection(text.to_owned(), DOCKER)]
        }
        ("StopSignal", Value::String(signal)) if !is_signal(signal) => {
            let text = format!(
                "`config.StopSignal` is {}, which is no signal of Linux; write its name, such as `\"SIGTERM\"`, or its number from 1 to {MAX_SIGNAL}",
                shown(value)
            );
            vec![objection(text, PODMAN)]
        }
        ("WorkingDir", Value::String(directory))
            if !directory.is_empty() && !directory.starts_with('/') =>
        {
            let text = format!(
                "`config.WorkingDir` is {}, and no container starts in a directory whose path is not absolute; write it with a `/` in front",
                shown(value)
            );
            vec![objection(text, &[])]
        }
        _ => Vec::new(),
    }
}

fn objection(text: String, refused_by: &'static [Refusal]) -> Objection {
    Objection {
        kind: KIND,
        text,
        refused_by,
    }
}

fn check_variable(index: usize, variable: &str) -> Option<Objection> {
    let (why, refused_by) = match variable.split_once('=') {
        _ if variable.is_empty() => ("is empty; leave it out", PODMAN),
        _ if variable.contains('\0') => (
            "has a byte of zero in it, which no environment can hold; leave it out",
            &[][..],
        ),
        Some(("", _)) => (
            "has no name before the `=`; give it one, or leave it out",
            PODMAN,
        ),
        Some(_) => return None,
        None => (
            "has no `=`, and containerd starts no container with it; write it as `NAME=value`",
            &[][..],
        ),
    };
    let text = format!(
        "element {} of `config.Env`, `{}`, {why}",
        index + 1,
        cut(variable)
    );
    Some(objection(text, refused_by))
}

fn check_port(port: &str) -> Option<Objection> {
    let (range, protocol) = port.split_once('/').unwrap_or((port, ""));
    let protocols = ["", "tcp", "udp", "sctp"];
    let is_protocol = protocols.contains(&protocol.to_ascii_lowercase().as_str());
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let is_range = match range.split_once('-') {
        None => number(range).is_some(),
        Some((first, last)) => {
            let ends = (number(first), number(last));
            matches!(ends, (Some(first), Some(last)) if first <= last)
        }
    };
    if is_range && is_protocol {
        return None;
    }
    let text = format!(
        "`config.ExposedPorts` has `{}`, which is no port; write it as `\"80/tcp\"`, or `\"8000-8010/udp\"` for several",
        cut(port)
    );
    Some(objection(text, NEW_PODMAN))
}

/// Whether `text` is empty, the name of a signal in any case, with or without `SIG`, or a number.
fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<i64>() {
        // Podman takes a negative number for none at all.
        return number < 0 || (1..=i64::from(MAX_SIGNAL)).contains(&number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let is_real_time = REAL_TIME.iter().any(|(front, max)| {
        let number = name.strip_prefix(front);
        number.is_some_and(|number| {
            number
                .parse()
                .is_ok_and(|number: u32| (1..=*max).contains(&number))
        })
    });
    text.is_empty() || is_real_time || name == "RTMAX" || SIGNALS.contains(&name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What podman and containerd said of each when a container was made.
    #[test]
    fn values_are_those_that_engines_take() {
        let good = [
            (
                "Env",
                json!(["A=", "A=x\ny", "A B=x", "1=x", " =x", "A=x=y", "\u{e4}=1"]),
            ),
            (
                "ExposedPorts",
                json!({
                    "80": {}, "80/tcp": {}, "80/TCP": {}, "80/udp": {}, "80/sctp": {}, "80-90/tcp": {}, "65535/tcp": {},
                    "80/": {}, "080/tcp": {}, "80-90": {}, "1-65535/tcp": {}, "+80": {},
                }),
            ),
            ("Labels", json!({ " ": "x", "a=b": "x", "a\nb": "x" })),
            ("WorkingDir", json!("")),
            ("WorkingDir", json!("//")),
            ("Other", json!("x")),
        ];
        for (key, value) in good {
            assert_eq!(check(key, &value), [], "{key}: {value}");
        }
        for signal in [
            "SIGTERM",
            "15",
            "TERM",
            "sigterm",
            "term",
            "",
            "-1",
            "64",
            "SIGRTMIN+3",
            "RTMIN+3",
            "SIGRTMAX",
        ] {
            assert_eq!(check("StopSignal", &json!(signal)), [], "{signal}");
        }
    }

    #[test]
    fn values_that_an_engine_refuses_are_told() {
        for variable in ["", "=x"] {
            let found = check("Env", &json!(["A=1", variable]));
            assert_eq!(found.len(), 1, "{variable}");
            assert_eq!(found[0].refused_by, PODMAN);
        }
        for variable in ["A", "A=x\0y"] {
            assert_eq!(
                check("Env", &json!([variable]))[0].refused_by,
                [],
                "{variable}"
            );
        }
        for port in [
            "90-80/tcp",
            "http",
            "http/tcp",
            "80/foo",
            "99999/tcp",
            "65536/tcp",
            "0/tcp",
            "-1/tcp",
            "/tcp",
            "80/tcp/udp",
            "127.0.0.1:80",
            "8080:80",
            "80.0",
            "",
            " 80",
            "80 /tcp",
        ] {
            let found = check("ExposedPorts", &json!({ "80/tcp": {}, port: {} }));
            assert_eq!(found.len(), 1, "{port}");
            assert_eq!(found[0].refused_by, NEW_PODMAN);
        }
        for signal in [
            "nonsense", "0", "65", "SIGUSR3", " SIGTERM", "RTMIN+16", "SIG",
        ] {
            assert_eq!(
                check("StopSignal", &json!(signal))[0].refused_by,
                PODMAN,
                "{signal}"
            );
        }
        assert_eq!(check("Labels", &json!({ "": "x" }))[0].refused_by, []);
        for (key, value) in [
            ("Volumes", json!({ "/a\0b": {} })),
            ("WorkingDir", json!("/a\0b")),
        ] {
            assert_eq!(check(key, &value)[0].refused_by, DOCKER, "{key}");
        }
        for directory in ["app", ".", "./app", "~", "C:\\x"] {
            assert_eq!(
                check("WorkingDir", &json!(directory))[0].refused_by,
                [],
                "{directory}"
            );
        }
    }
}
