//! Messages of `pullImage`. A script plays skopeo; `tests/registry` has the real one.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::check;
use crate::sandbox::Sandbox;

/// The attributes of an image to pull by a program that runs `script`.
fn pull_attrs(sandbox: &Sandbox, script: &str) -> Value {
    let skopeo = sandbox.file("skopeo", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&skopeo, fs::Permissions::from_mode(0o755)).unwrap();
    json!({
        "outputs": { "out": sandbox.out() },
        "pull": {
            "source": "docker://example.com/a@sha256:00",
            "destination": "a:1",
            "os": "linux",
            "arch": "arm",
            "variant": "v7",
            "tlsVerify": true,
            "authFile": null,
            "skopeo": skopeo,
            "certificates": "/nowhere",
        },
    })
}

/// Writes to the archive that is named last.
const WRITE_HALF: &str = r#"for last; do archive=${last#docker-archive:}; done
    printf half > "${archive%%:*}""#;

/// skopeo fails with `message`, half way through.
#[track_caller]
fn check_failing(auth_file: &Value, message: &str, expected: Expect) {
    let sandbox = Sandbox::new();
    let script = format!(
        r#"echo 'Copying blob'
        {WRITE_HALF}
        echo 'time="2026-11-21T12:00:00Z" level=fatal msg="{message}"' >&2
        exit 1"#
    );
    let mut attrs = pull_attrs(&sandbox, &script);
    attrs["pull"]["authFile"] = auth_file.clone();
    check(&sandbox, "pull", &attrs, &expected);
}

#[test]
fn skopeo_is_run_as_nixpkgs_runs_it() {
    let sandbox = Sandbox::new();
    let script = "printf '%s\\n' \"$SSL_CERT_FILE\" \"$@\"; [ ! -t 1 ]";
    let mut attrs = pull_attrs(&sandbox, script);
    attrs["pull"]["tlsVerify"] = json!(false);
    attrs["pull"]["authFile"] = json!(sandbox.file("credentials", "{}"));
    sandbox.write_attrs(&attrs);
    let mut builder = sandbox.builder(&["pull"]);
    let output = builder.env("TMPDIR", "/temporary").output().unwrap();
    expect![[r#"
        pulling `docker://example.com/a@sha256:00` for linux/arm/v7
        /nowhere
        --insecure-policy
        --tmpdir
        /temporary
        --override-os
        linux
        --override-arch
        arm
        --override-variant
        v7
        copy
        --src-tls-verify=false
        --authfile
        /nix/store/[HASH]-credentials
        docker://example.com/a@sha256:00
        docker-archive:/proc/self/fd/0:a:1
    "#]]
    .assert_eq(&sandbox.stderr(&output));
    assert!(output.status.success());
}

#[test]
fn what_skopeo_writes_is_the_output() {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&pull_attrs(&sandbox, WRITE_HALF));
    let output = sandbox.builder(&["pull"]).output().unwrap();
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
    assert_eq!(fs::read(sandbox.out()).unwrap(), b"half");
    let mode = fs::metadata(sandbox.out()).unwrap().mode();
    assert_eq!(format!("{mode:o}"), "100644");
}

#[test]
fn a_pull_that_is_killed_leaves_nothing() {
    let sandbox = Sandbox::new();
    let script = format!("{WRITE_HALF}\nkill -KILL $PPID");
    sandbox.write_attrs(&pull_attrs(&sandbox, &script));
    let output = sandbox.builder(&["pull"]).output().unwrap();
    assert_eq!(output.status.signal(), Some(9));
    assert!(!sandbox.out().exists());
}

#[test]
fn skopeo_has_to_be_there() {
    let sandbox = Sandbox::new();
    let mut attrs = pull_attrs(&sandbox, "");
    attrs["pull"]["skopeo"] = json!(sandbox.store_path("gone"));
    check(
        &sandbox,
        "pull",
        &attrs,
        &expect![[r#"
        pulling `docker://example.com/a@sha256:00` for linux/arm/v7
        error: cannot run `/nix/store/[HASH]-gone`, which pulls images
          caused by: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn credentials_have_to_be_there() {
    let sandbox = Sandbox::new();
    let mut attrs = pull_attrs(&sandbox, "");
    attrs["pull"]["authFile"] = json!("/nowhere/auth.json");
    check(
        &sandbox,
        "pull",
        &attrs,
        &expect![[r#"
        error: cannot read `authFile` `/nowhere/auth.json`; a build in Nix's sandbox sees it when `extra-sandbox-paths` in nix.conf names it, and the users that Nix builds as have to be allowed to read it
          caused by: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn an_image_for_those_with_credentials_is_named() {
    check_failing(
        &Value::Null,
        "reading manifest: unauthorized: authentication required",
        expect![[r#"
            pulling `docker://example.com/a@sha256:00` for linux/arm/v7
            Copying blob
            error: cannot pull `docker://example.com/a@sha256:00`: the registry wants credentials, or has no such image; `authFile` names a file with credentials
              caused by: skopeo says: reading manifest: unauthorized: authentication required
        "#]],
    );
}

#[test]
fn credentials_that_do_not_help_are_named() {
    check_failing(
        &json!("/dev/null"),
        "reading manifest: denied: requested access to the resource is denied",
        expect![[r#"
            pulling `docker://example.com/a@sha256:00` for linux/arm/v7
            Copying blob
            error: cannot pull `docker://example.com/a@sha256:00`: the registry refuses the credentials in `authFile`, or has no such image
              caused by: skopeo says: reading manifest: denied: requested access to the resource is denied
        "#]],
    );
}

#[test]
fn an_image_that_is_not_there_is_named() {
    check_failing(
        &Value::Null,
        "reading manifest sha256:00 in example.com/a: manifest unknown",
        expect![[r#"
            pulling `docker://example.com/a@sha256:00` for linux/arm/v7
            Copying blob
            error: cannot pull `docker://example.com/a@sha256:00`: the registry does not have it; see what `skopeo inspect` says of the name and the tag that you mean, since registries delete images that lost their tag
              caused by: skopeo says: reading manifest sha256:00 in example.com/a: manifest unknown
        "#]],
    );
}

#[test]
fn a_platform_that_is_not_there_is_named() {
    check_failing(
        &Value::Null,
        r#"choosing an image: no image found in manifest list for architecture arm, variant \"v7\", OS linux"#,
        expect![[r#"
            pulling `docker://example.com/a@sha256:00` for linux/arm/v7
            Copying blob
            error: cannot pull `docker://example.com/a@sha256:00`: it is not there for this platform; `os`, `arch` and `variant` choose among those that `skopeo inspect --raw` lists
              caused by: skopeo says: choosing an image: no image found in manifest list for architecture arm, variant "v7", OS linux
        "#]],
    );
}

#[test]
fn a_name_that_is_none_is_named() {
    check_failing(
        &Value::Null,
        "Invalid source name docker://example.com/a@sha256:00: invalid reference format",
        expect![[r#"
            pulling `docker://example.com/a@sha256:00` for linux/arm/v7
            Copying blob
            error: cannot pull `docker://example.com/a@sha256:00`: that is no name of an image; `imageName` has neither tag nor digest, and `imageDigest` is `sha256:` and 64 digits
              caused by: skopeo says: Invalid source name docker://example.com/a@sha256:00: invalid reference format
        "#]],
    );
}

#[test]
fn a_registry_without_tls_is_named() {
    check_failing(
        &Value::Null,
        r#"pinging: Get \"https://example.com/v2/\": http: server gave HTTP response to HTTPS client"#,
        expect![[r#"
            pulling `docker://example.com/a@sha256:00` for linux/arm/v7
            Copying blob
            error: cannot pull `docker://example.com/a@sha256:00`: the registry does not speak TLS; `tlsVerify = false` pulls without, if you trust the network
              caused by: skopeo says: pinging: Get "https://example.com/v2/": http: server gave HTTP response to HTTPS client
        "#]],
    );
}

#[test]
fn a_certificate_that_is_not_trusted_is_named() {
    check_failing(
        &Value::Null,
        r#"pinging: Get \"https://example.com/v2/\": x509: certificate signed by unknown authority"#,
        expect![[r#"
            pulling `docker://example.com/a@sha256:00` for linux/arm/v7
            Copying blob
            error: cannot pull `docker://example.com/a@sha256:00`: the certificate of the registry is not one of an authority in `cacert`; `tlsVerify = false` takes it as it is, if you trust the network
              caused by: skopeo says: pinging: Get "https://example.com/v2/": x509: certificate signed by unknown authority
        "#]],
    );
}

#[test]
fn too_many_requests_are_named() {
    check_failing(
        &Value::Null,
        "reading manifest: toomanyrequests: You have reached your pull rate limit.",
        expect![[r#"
            pulling `docker://example.com/a@sha256:00` for linux/arm/v7
            Copying blob
            error: cannot pull `docker://example.com/a@sha256:00`: the registry has had too many requests from here; it may allow more to those with credentials, which `authFile` names
              caused by: skopeo says: reading manifest: toomanyrequests: You have reached your pull rate limit.
        "#]],
    );
}

#[test]
fn a_registry_that_is_out_of_reach_is_named() {
    check_failing(
        &Value::Null,
        r#"pinging: Get \"https://example.com/v2/\": dial tcp: lookup example.com: no such host"#,
        expect![[r#"
            pulling `docker://example.com/a@sha256:00` for linux/arm/v7
            Copying blob
            error: cannot pull `docker://example.com/a@sha256:00`: the registry cannot be reached; behind a proxy, Nix's daemon has to have `https_proxy` in its environment
              caused by: skopeo says: pinging: Get "https://example.com/v2/": dial tcp: lookup example.com: no such host
        "#]],
    );
}

#[test]
fn another_failure_of_skopeo_is_told_in_its_words() {
    check_failing(
        &Value::Null,
        "writing blob: no space left on device",
        expect![[r#"
            pulling `docker://example.com/a@sha256:00` for linux/arm/v7
            Copying blob
            error: cannot pull `docker://example.com/a@sha256:00`: skopeo fails
              caused by: skopeo says: writing blob: no space left on device
        "#]],
    );
}

#[test]
fn skopeo_that_fails_without_a_word_of_its_own_is_quoted_too() {
    let sandbox = Sandbox::new();
    let attrs = pull_attrs(&sandbox, "echo Killed >&2; exit 137");
    check(
        &sandbox,
        "pull",
        &attrs,
        &expect![[r#"
        pulling `docker://example.com/a@sha256:00` for linux/arm/v7
        Killed
        error: cannot pull `docker://example.com/a@sha256:00`: skopeo fails
          caused by: skopeo says: Killed
    "#]],
    );
}

/// Nix before 2.18 hands over the closure, of which the archive has one path.
#[test]
fn store_paths_of_the_build_itself_are_named_where_nix_would_stumble() {
    let sandbox = Sandbox::new();
    let path = |digit: &str, name: &str| format!("/nix/store/{}-{name}", digit.repeat(32));
    let (skopeo, authorities) = (path("a", "skopeo"), path("b", "cacert"));
    let script = format!(
        r#"for last; do archive=${{last#docker-archive:}}; done
        echo "has {authorities}/etc and more" > "${{archive%%:*}}""#
    );
    let mut attrs = pull_attrs(&sandbox, &script);
    let info = |path: &str| json!({ "path": path, "narSize": 1, "references": [] });
    attrs["graph"] = json!([info(&skopeo), info(&authorities)]);
    check(
        &sandbox,
        "pull",
        &attrs,
        &expect![[r#"
            pulling `docker://example.com/a@sha256:00` for linux/arm/v7
            error: cannot pull `docker://example.com/a@sha256:00` with this version of Nix: the image has `/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-cacert` in it, which pulling needs too, and Nix before 2.18 takes that for a reference, which no download may have. Use Nix 2.18 or later, or pull the image with skopeo to a file `out` and add it by `nix-store --add-fixed sha256 out`
        "#]],
    );

    attrs["graph"] = json!([info(&skopeo)]);
    sandbox.write_attrs(&attrs);
    let output = sandbox.builder(&["pull"]).output().unwrap();
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
}
