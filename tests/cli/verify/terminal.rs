//! What a person sees who looks at an image on a terminal.

use std::process::Stdio;

use super::{config, docker_of};
use crate::errors::tars::{self, Tar};
use crate::sandbox::Sandbox;

/// What is on the screen after `builder` has run there; `script` runs a shell on a terminal of its own.
fn screen(sandbox: &Sandbox, arguments: &str) -> String {
    let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_builder"));
    let arguments = ["--quiet", "--return", "--command", &command, "/dev/null"];
    let mut script = sandbox.command("script", &arguments);
    script.env("TERM", "xterm").stdin(Stdio::null());
    let output = script.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    sandbox.shown(&output.stdout)
}

/// Long enough that the bar is drawn several times.
fn image() -> Vec<u8> {
    let layer = Tar::new().file("zeros", vec![0; 64 << 20]).finish();
    docker_of(&config(&[&layer]), &layer).archive()
}

#[test]
fn a_bar_moves_and_vanishes() {
    let sandbox = Sandbox::new();
    let plain = sandbox.file("image.tar", image());
    let packed = sandbox.file("image.tar.gz", tars::gzip(&image()));
    for (subcommand, path) in [("verify", &plain), ("verify", &packed), ("inspect", &plain)] {
        let shown = screen(&sandbox, &format!("{subcommand} {}", path.display()));
        // The bar of so many blocks, what has been read of all, and the speed.
        let drawn = shown.matches("iB/s").count();
        assert!(drawn > 0 && shown.contains("MiB"), "{shown:?}");
        // Then the line is cleared, and the result takes its place.
        let (_, behind) = shown.rsplit_once("iB/s").unwrap();
        assert!(behind.contains("\r\u{1b}[2K"), "{behind:?}");
        assert!(behind.contains("[HASH]-image.tar"));
    }
    let shown = screen(&sandbox, &format!("verify - < {}", plain.display()));
    assert!(shown.contains("MiB/s"), "{shown:?}");
    assert!(shown.contains(" is right: 1 image"), "{shown:?}");
}
