//! Our TarSums against those of Docker's own code.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use nix_image_builder::tar::owner::Owner;
use nix_image_builder::tar::plan::{DEFAULT_SOURCE_DATE_EPOCH, TarPlan};
use nix_image_builder::tar::tarsum;
use nix_image_builder::tar::write;
use nix_image_builder::tree::scan;
use proptest::prelude::*;

use crate::support::{Verdict, command, for_all, judge, same_text, stdout};
use crate::trees::{Tree, any_tree, make, plain_tree};

/// `tests/judges/tarsum.go`, built.
fn docker() -> &'static Path {
    static DOCKER: OnceLock<PathBuf> = OnceLock::new();
    DOCKER.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tarsum");
        let mut go = command("go");
        go.env("GOPATH", "/usr/share/gocode")
            .env("GO111MODULE", "off")
            .args(["build", "-o"])
            .arg(&program)
            .arg(judge("tarsum.go"));
        // A missing import means that Debian's golang-github-docker-docker-dev is missing.
        stdout(&mut go, b"");
        program
    })
}

/// Our TarSum of `tar`, read in one go, is Docker's, and it is returned.
fn read_like_docker(tar: &[u8]) -> Result<String, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(tar).unwrap();
    let theirs = stdout(Command::new(docker()).arg(file.path()), b"");
    let theirs = String::from_utf8(theirs).unwrap();
    let ours = tarsum::of_reader(tar).map_err(|error| format!("{error:?}"))?;
    same_text(&ours, theirs.trim_end())?;
    Ok(ours)
}

/// The plan of `tree` has Docker's TarSum of the tar that comes of it.
fn plans_like_docker(tree: &Tree, owner: Owner) -> Verdict {
    let root = make(tree);
    let scanned = scan::scan(root.path(), 0).unwrap();
    let plan = TarPlan::of_tree(scanned, &Arc::new(owner), DEFAULT_SOURCE_DATE_EPOCH);
    let mut tar = Vec::new();
    write::write(&plan, &mut tar).unwrap();
    let ours = tarsum::of_plan(&plan).unwrap();
    same_text(&ours, &read_like_docker(&tar)?)
}

#[test]
fn any_plan_has_the_tarsum_of_docker() {
    let id = prop_oneof![
        Just(0_u64),
        Just(1000),
        Just(2_097_152),
        Just(4_294_967_294)
    ];
    for_all(60, (any_tree(), id.clone(), id), |(tree, uid, gid)| {
        plans_like_docker(&tree, Owner::in_nix_sandbox(uid, gid))
    });
}

#[track_caller]
fn check_reading(trees: impl Strategy<Value = Tree>, pack: impl Fn(&Path) -> Command) {
    for_all(10, trees, |tree| {
        let root = make(&tree);
        read_like_docker(&stdout(&mut pack(root.path()), b"")).map(drop)
    });
}

fn tar(program: &str, format: &str, root: &Path) -> Command {
    let mut tar = command(program);
    tar.arg(format!("--format={format}"))
        .arg("-C")
        .arg(root)
        .args(["-cf", "-", "."]);
    tar
}

fn python(format: &str, root: &Path, xattrs: &[&str]) -> Command {
    let mut python = command("python3");
    python
        .arg(judge("pack.py"))
        .args([format, "3000000", "0"])
        .arg(root)
        .args(xattrs);
    python
}

#[test]
fn what_gnu_tar_writes_has_the_tarsum_of_docker() {
    check_reading(any_tree(), |root| tar("tar", "gnu", root));
    check_reading(any_tree(), |root| tar("tar", "posix", root));
    check_reading(plain_tree(), |root| tar("tar", "ustar", root));
    check_reading(plain_tree(), |root| tar("tar", "v7", root));
}

#[test]
fn what_bsdtar_writes_has_the_tarsum_of_docker() {
    check_reading(any_tree(), |root| tar("bsdtar", "gnutar", root));
    check_reading(any_tree(), |root| tar("bsdtar", "pax", root));
    check_reading(plain_tree(), |root| tar("bsdtar", "ustar", root));
}

#[test]
fn what_python_writes_has_the_tarsum_of_docker() {
    check_reading(any_tree(), |root| python("gnu", root, &[]));
    check_reading(any_tree(), |root| python("pax", root, &[]));
}

#[test]
fn extended_attributes_count_in_the_tarsum_of_docker() {
    let xattrs = ["user.b=1", "user.a=x=y", "security.capability=", "user.é=ü"];
    check_reading(plain_tree(), |root| python("pax", root, &xattrs));
}

#[test]
fn the_command_prints_the_tarsum_of_its_input() {
    let root = make(&Tree::parse("d/f = x*600\nl -> d/f\nh => d/f"));
    let tar = stdout(&mut tar("tar", "gnu", root.path()), b"");
    let mut builder = command(env!("CARGO_BIN_EXE_builder"));
    let printed = stdout(builder.arg("tarsum"), &tar);
    let expected = format!("{}\n", read_like_docker(&tar).unwrap());
    assert_eq!(String::from_utf8(printed).unwrap(), expected);
}

#[test]
fn an_empty_tar_has_the_tarsum_of_docker() {
    read_like_docker(&[0; 10240]).unwrap();
}
