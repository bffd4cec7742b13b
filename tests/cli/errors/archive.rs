//! Messages about image archives whatever they hold: their packing, and the names of members.

use expect_test::expect;
use serde_json::json;

use super::check_bases;
use super::tars::{self, Tar};

/// A good archive that is packed by `pack` and then damaged by `damage`.
fn packed(pack: impl FnOnce(&[u8]) -> Vec<u8>, damage: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut packed = pack(&tars::image());
    damage(&mut packed);
    packed
}

/// A good image with more members.
fn with_members(add: impl FnOnce(Tar) -> Tar) -> Vec<u8> {
    let archive = tars::members().file("manifest.json", tars::manifest().to_string());
    add(archive).finish()
}

/// An image whose layer is the symlink `b/layer.tar` to `target`.
fn with_symlink(target: &str) -> Vec<u8> {
    let mut manifest = tars::manifest();
    manifest[0]["Layers"] = json!(["b/layer.tar"]);
    let archive = tars::members().file("manifest.json", manifest.to_string());
    archive.symlink("b/layer.tar", target).finish()
}

#[test]
fn damaged_tars_are_refused() {
    check_bases(
        &[
            ("no tar", "no tar at all\n".repeat(100).into_bytes()),
            ("end within a header", tars::image()[..700 + 512].to_vec()),
            ("end within a member", tars::image()[..2600].to_vec()),
        ],
        expect![[r#"
            no tar: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: no tar header at byte 0: its checksum is wrong
            end within a header: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: the tar ends at byte 1212, within a header
            end within a member: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: the tar ends at byte 2600, within the content of a member
        "#]],
    );
}

#[test]
fn damaged_gzip_archives_are_refused() {
    let gzip = |damage: fn(&mut Vec<u8>)| packed(tars::gzip, damage);
    check_bases(
        &[
            ("end in the header", gzip(|bytes| bytes.truncate(5))),
            (
                "end in the middle",
                gzip(|bytes| bytes.truncate(bytes.len() / 2)),
            ),
            ("no checksum", gzip(|bytes| bytes.truncate(bytes.len() - 4))),
            (
                "wrong checksum",
                gzip(|bytes| *bytes.iter_mut().nth_back(7).unwrap() ^= 1),
            ),
            ("damaged content", gzip(|bytes| bytes[20..60].fill(0xff))),
            ("something behind it", gzip(|bytes| bytes.extend(b"behind"))),
        ],
        expect![[r#"
            end in the header: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: cannot read the tar at byte 0
              caused by: unexpected end of file
            end in the middle: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: incomplete deflate stream
            no checksum: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: unexpected end of file
            wrong checksum: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: corrupt gzip stream does not have a matching checksum
            damaged content: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: cannot read the tar at byte 0
              caused by: corrupt deflate stream
            something behind it: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: unexpected end of file
        "#]],
    );
}

#[test]
fn damaged_zstd_and_xz_archives_are_refused() {
    let zstd = |damage: fn(&mut Vec<u8>)| packed(tars::zstd, damage);
    let xz = |damage: fn(&mut Vec<u8>)| packed(tars::xz, damage);
    check_bases(
        &[
            (
                "zstd that ends in the middle",
                zstd(|bytes| bytes.truncate(bytes.len() / 2)),
            ),
            (
                "zstd without its checksum",
                zstd(|bytes| bytes.truncate(bytes.len() - 4)),
            ),
            (
                "zstd with a wrong checksum",
                zstd(|bytes| *bytes.last_mut().unwrap() ^= 1),
            ),
            (
                "zstd with damaged content",
                zstd(|bytes| bytes[20..60].fill(0xff)),
            ),
            // A frame with a window of 2 GiB; the window's size is the byte behind the descriptor.
            (
                "zstd that wants too much memory",
                vec![0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0],
            ),
            (
                "xz that ends in the middle",
                xz(|bytes| bytes.truncate(bytes.len() / 2)),
            ),
            (
                "xz with damaged content",
                xz(|bytes| bytes[40..80].fill(0xff)),
            ),
        ],
        expect![[r#"
            zstd that ends in the middle: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: cannot read the tar at byte 0
              caused by: incomplete frame
            zstd without its checksum: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: incomplete frame
            zstd with a wrong checksum: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: Restored data doesn't match checksum
            zstd with damaged content: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: cannot read the tar at byte 0
              caused by: Data corruption detected
            zstd that wants too much memory: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: cannot read the tar at byte 0
              caused by: it asks zstd to keep more than 33554432 bytes in memory; `dockerToolsLimits.maxZstdWindow` allows more
            xz that ends in the middle: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: premature eof
            xz with damaged content: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: cannot read the tar at byte 0
              caused by: lzma data error
        "#]],
    );
}

#[test]
fn members_with_bad_names_are_refused() {
    let file = |name| with_members(|tar| tar.file(name, "x"));
    let long = |tar: Tar| tar.pax(&[("path", "../passwd")]).file("a/passwd", "x");
    let deep = "d/".repeat(65);
    let deep = |tar: Tar| tar.extension(b'L', deep.as_bytes()).directory("d/");
    check_bases(
        &[
            ("absolute name", file("/etc/passwd")),
            ("name that leads out", file("a/../../passwd")),
            ("long name that leads out", with_members(long)),
            ("too deep", with_members(deep)),
            (
                "name that no terminal should see",
                file("../\u{1b}[2J\n\u{e4}"),
            ),
        ],
        expect![[r#"
            absolute name: image archive `/nix/store/[HASH]-base.tar` names `/etc/passwd`, which is absolute; names have to stay within the archive
            name that leads out: image archive `/nix/store/[HASH]-base.tar` names `a/../../passwd`, which has a part `..`; names have to stay within the archive
            long name that leads out: image archive `/nix/store/[HASH]-base.tar` names `../passwd`, which has a part `..`; names have to stay within the archive
            too deep: image archive `/nix/store/[HASH]-base.tar` has `d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d`, which lies more than 16 directories deep
            name that no terminal should see: image archive `/nix/store/[HASH]-base.tar` names `../\x1b[2J\n\xc3\xa4`, which has a part `..`; names have to stay within the archive
        "#]],
    );
}

#[test]
fn hard_links_and_special_files_are_refused() {
    let link = |name, target| with_members(|tar| tar.hard_link(name, target));
    let special =
        |name, typeflag| with_members(|tar| tar.header(&tars::header(name, typeflag, 0, "")));
    check_bases(
        &[
            ("hard link to nothing", link("b/layer.tar", "gone")),
            ("hard link to a directory", link("b", "a")),
            ("hard link to itself", link("b", "b")),
            ("hard link that leads out", link("b", "../../etc/shadow")),
            ("hard link to an absolute name", link("b", "/etc/shadow")),
            ("device", special("dev/sda", b'4')),
            ("pipe", special("pipe", b'6')),
        ],
        expect![[r#"
            hard link to nothing: image archive `/nix/store/[HASH]-base.tar` has the hard link `b/layer.tar` to `gone`, which is no file before it
            hard link to a directory: image archive `/nix/store/[HASH]-base.tar` has the hard link `b` to `a`, which is no file before it
            hard link to itself: image archive `/nix/store/[HASH]-base.tar` has the hard link `b` to `b`, which is no file before it
            hard link that leads out: image archive `/nix/store/[HASH]-base.tar` names `../../etc/shadow`, which has a part `..`; names have to stay within the archive
            hard link to an absolute name: image archive `/nix/store/[HASH]-base.tar` names `/etc/shadow`, which is absolute; names have to stay within the archive
            device: image archive `/nix/store/[HASH]-base.tar` has the device or pipe `dev/sda`; only directories, files and links belong there
            pipe: image archive `/nix/store/[HASH]-base.tar` has the device or pipe `pipe`; only directories, files and links belong there
        "#]],
    );
}

#[test]
fn names_of_two_kinds_are_refused() {
    check_bases(
        &[
            (
                "directory where a file was",
                with_members(|tar| tar.file("b", "x").directory("b/")),
            ),
            (
                "file where a directory was",
                with_members(|tar| tar.file("a", "x")),
            ),
            (
                "file where an empty directory was",
                with_members(|tar| tar.directory("b/").file("b", "x")),
            ),
            (
                "member below a file",
                with_members(|tar| tar.file("b", "x").file("b/c", "x")),
            ),
            (
                "member below a symlink",
                with_members(|tar| tar.symlink("b", "a").file("b/c", "x")),
            ),
        ],
        expect![[r#"
            directory where a file was: image archive `/nix/store/[HASH]-base.tar` has `b` both as a directory and as something else
            file where a directory was: image archive `/nix/store/[HASH]-base.tar` has `a` both as a directory and as something else
            file where an empty directory was: image archive `/nix/store/[HASH]-base.tar` has `b` both as a directory and as something else
            member below a file: image archive `/nix/store/[HASH]-base.tar` has `b` both as a directory and as something else
            member below a symlink: image archive `/nix/store/[HASH]-base.tar` has `b` both as a directory and as something else
        "#]],
    );
}

#[test]
fn more_members_than_any_image_has_are_refused() {
    let mut archive = Tar::new();
    for number in 0..=100_000 {
        archive = archive.directory(&format!("{number}/"));
    }
    check_bases(
        &[("100001 directories", archive.finish())],
        expect![[r#"
        100001 directories: image archive `/nix/store/[HASH]-base.tar` has more than 50000 members and directories; no image needs as many, but `dockerToolsLimits.maxMembers` allows more
    "#]],
    );
}

#[test]
fn symlinks_to_no_layer_are_refused() {
    check_bases(
        &[
            ("leads out", with_symlink("../../a/layer.tar")),
            ("absolute", with_symlink("/dev/zero")),
            ("to nothing", with_symlink("../gone/layer.tar")),
            ("to itself", with_symlink("layer.tar")),
        ],
        expect![[r#"
            leads out: image archive `/nix/store/[HASH]-base.tar` has the symlink `b/layer.tar` to `../../a/layer.tar`, which is outside the archive
            absolute: image archive `/nix/store/[HASH]-base.tar` has the symlink `b/layer.tar` to `/dev/zero`, which is outside the archive
            to nothing: image archive `/nix/store/[HASH]-base.tar` has no file `b/layer.tar`, which its manifest names as a layer
            to itself: image archive `/nix/store/[HASH]-base.tar` has no file `b/layer.tar`, which its manifest names as a layer
        "#]],
    );
}
