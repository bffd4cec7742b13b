//! What shells and `man` make of the completions and pages that a package installs.

use std::fs;

use expect_test::expect;

use crate::sandbox::Sandbox;
use crate::support::{command, stdout};

/// What bash offers behind the words `words`.
#[track_caller]
fn completed(words: &[&str]) -> String {
    let sandbox = Sandbox::new();
    // Called as bash does: program, word at the cursor, word before it.
    let script = r#"
        source <("$0" completions bash)
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _builder builder "${@: -1}" "${@: -2:1}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let whole = ["-uc", script, env!("CARGO_BIN_EXE_builder")];
    let mut bash = sandbox.command("bash", &[&whole, words].concat());
    String::from_utf8(stdout(&mut bash, b"")).unwrap()
}

#[test]
fn bash_completes_subcommands_and_options() {
    expect![[r#"
        verify
    "#]]
    .assert_eq(&completed(&["builder", "ve"]));
    expect![[r#"
        --image
        --json
        --limit
        --help
    "#]]
    .assert_eq(&completed(&["builder", "inspect", "--"]));
    // Those that only `builder` itself runs are not offered.
    assert_eq!(completed(&["builder", "overlay-"]), "\n");
}

#[test]
fn other_shells_have_completions_too() {
    let sandbox = Sandbox::new();
    for shell in ["fish", "zsh", "elvish"] {
        let text = stdout(&mut sandbox.builder(&["completions", shell]), b"");
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("Check an image"), "{shell}: {text}");
    }
}

#[test]
fn every_page_is_rendered_without_a_warning() {
    let sandbox = Sandbox::new();
    stdout(&mut sandbox.builder(&["man", "."]), b"");
    let mut pages: Vec<_> = fs::read_dir(sandbox.build_directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.sort();
    for page in &pages {
        let mut groff = command("groff");
        groff.args(["-man", "-Tascii", "-ww", "-P-cbu"]).arg(page);
        let output = groff.output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{page:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("SYNOPSIS"));
    }
    let names = pages
        .iter()
        .map(|page| page.file_name().unwrap().to_str().unwrap());
    let names: Vec<&str> = names.collect();
    assert!(
        names.contains(&"builder.1") && names.contains(&"builder-verify.1"),
        "{names:?}"
    );
    assert!(!names.contains(&"builder-root-script.1"), "{names:?}");
}

#[test]
fn pages_go_to_a_directory_that_is_there() {
    let sandbox = Sandbox::new();
    let output = sandbox.builder(&["man", "missing"]).output().unwrap();
    expect![[r#"
        error: cannot write man pages to `missing`
          caused by: No such file or directory (os error 2)
    "#]]
    .assert_eq(&sandbox.stderr(&output));
    assert_eq!(output.status.code(), Some(1));
}
