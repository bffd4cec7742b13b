//! Messages about image archives whatever they hold: their packing, and the names of members.

use expect_test::{Expect, expect};
use serde_json::json;

use super::check_base;
use super::tars::{self, Tar};

/// Builds on an archive that is packed by `pack` and then damaged by `damage`.
#[track_caller]
fn check_packed(
    pack: impl FnOnce(&[u8]) -> Vec<u8>,
    damage: impl FnOnce(&mut Vec<u8>),
    expected: Expect,
) {
    let mut packed = pack(&tars::image());
    damage(&mut packed);
    check_base(&packed, expected);
}

/// Builds on a good image with more members.
#[track_caller]
fn check_members(add: impl FnOnce(Tar) -> Tar, expected: Expect) {
    let archive = tars::members().file("manifest.json", tars::manifest().to_string());
    check_base(&add(archive).finish(), expected);
}

#[test]
fn an_archive_that_is_no_tar_is_refused() {
    check_base(
        "no tar at all\n".repeat(100).as_bytes(),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: no tar header at byte 0: its checksum is wrong
    "#]],
    );
}

#[test]
fn an_archive_that_ends_within_a_header_is_refused() {
    check_base(
        &tars::image()[..700 + 512],
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: the tar ends at byte 1212, within a header
    "#]],
    );
}

#[test]
fn an_archive_that_ends_within_a_member_is_refused() {
    check_base(
        &tars::image()[..2600],
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: the tar ends at byte 2600, within the content of a member
    "#]],
    );
}

#[test]
fn a_gzip_archive_that_ends_in_its_header_is_refused() {
    check_packed(
        tars::gzip,
        |bytes| bytes.truncate(5),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: cannot read the tar at byte 0
          caused by: unexpected end of file
    "#]],
    );
}

#[test]
fn a_gzip_archive_that_ends_in_the_middle_is_refused() {
    check_packed(
        tars::gzip,
        |bytes| bytes.truncate(bytes.len() / 2),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: incomplete deflate stream
        "#]],
    );
}

#[test]
fn a_gzip_archive_without_its_checksum_is_refused() {
    check_packed(
        tars::gzip,
        |bytes| bytes.truncate(bytes.len() - 4),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: cannot read image archive `/nix/store/[HASH]-base.tar`
          caused by: unexpected end of file
    "#]],
    );
}

#[test]
fn a_gzip_archive_with_a_wrong_checksum_is_refused() {
    check_packed(
        tars::gzip,
        |bytes| *bytes.iter_mut().nth_back(7).unwrap() ^= 1,
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: corrupt gzip stream does not have a matching checksum
        "#]],
    );
}

#[test]
fn a_gzip_archive_with_damaged_content_is_refused() {
    check_packed(
        tars::gzip,
        |bytes| bytes[20..60].fill(0xff),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: cannot read the tar at byte 0
          caused by: corrupt deflate stream
    "#]],
    );
}

#[test]
fn a_gzip_archive_with_something_behind_it_is_refused() {
    check_packed(
        tars::gzip,
        |bytes| bytes.extend(b"behind"),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: cannot read image archive `/nix/store/[HASH]-base.tar`
          caused by: unexpected end of file
    "#]],
    );
}

#[test]
fn a_zstd_archive_that_ends_in_the_middle_is_refused() {
    check_packed(
        tars::zstd,
        |bytes| bytes.truncate(bytes.len() / 2),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: cannot read the tar at byte 0
          caused by: incomplete frame
    "#]],
    );
}

#[test]
fn a_zstd_archive_without_its_checksum_is_refused() {
    check_packed(
        tars::zstd,
        |bytes| bytes.truncate(bytes.len() - 4),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: cannot read image archive `/nix/store/[HASH]-base.tar`
          caused by: incomplete frame
    "#]],
    );
}

#[test]
fn a_zstd_archive_with_a_wrong_checksum_is_refused() {
    check_packed(
        tars::zstd,
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: Restored data doesn't match checksum
        "#]],
    );
}

#[test]
fn a_zstd_archive_with_damaged_content_is_refused() {
    check_packed(
        tars::zstd,
        |bytes| bytes[20..60].fill(0xff),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: cannot read the tar at byte 0
          caused by: Data corruption detected
    "#]],
    );
}

#[test]
fn a_zstd_archive_that_wants_too_much_memory_is_refused() {
    // A frame with a window of 2 GiB; the window's size is the byte behind the descriptor.
    check_base(
        &[0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0],
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: cannot read the tar at byte 0
              caused by: it asks zstd to keep more than 33554432 bytes in memory; `dockerToolsLimits.maxZstdWindow` allows more
        "#]],
    );
}

#[test]
fn an_xz_archive_that_ends_in_the_middle_is_refused() {
    check_packed(
        tars::xz,
        |bytes| bytes.truncate(bytes.len() / 2),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: premature eof
        "#]],
    );
}

#[test]
fn an_xz_archive_with_damaged_content_is_refused() {
    check_packed(
        tars::xz,
        |bytes| bytes[40..80].fill(0xff),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: cannot read the tar at byte 0
          caused by: lzma data error
    "#]],
    );
}

#[test]
fn a_member_with_an_absolute_name_is_refused() {
    check_members(
        |tar| tar.file("/etc/passwd", "x"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` names `/etc/passwd`, which is absolute; names have to stay within the archive
        "#]],
    );
}

#[test]
fn a_member_whose_name_leads_out_is_refused() {
    check_members(
        |tar| tar.file("a/../../passwd", "x"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` names `a/../../passwd`, which has a part `..`; names have to stay within the archive
        "#]],
    );
}

#[test]
fn a_member_whose_long_name_leads_out_is_refused() {
    check_members(
        |tar| tar.pax(&[("path", "../passwd")]).file("a/passwd", "x"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` names `../passwd`, which has a part `..`; names have to stay within the archive
        "#]],
    );
}

#[test]
fn a_member_that_lies_too_deep_is_refused() {
    check_members(
        |tar| {
            tar.extension(b'L', "d/".repeat(65).as_bytes())
                .directory("d/")
        },
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has `d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d`, which lies more than 16 directories deep
        "#]],
    );
}

#[test]
fn a_name_that_no_terminal_should_see_is_escaped() {
    check_members(
        |tar| tar.file("../\u{1b}[2J\n\u{e4}", "x"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` names `../\x1b[2J\n\xc3\xa4`, which has a part `..`; names have to stay within the archive
        "#]],
    );
}

#[test]
fn a_hard_link_to_nothing_is_refused() {
    check_members(
        |tar| tar.hard_link("b/layer.tar", "gone"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has the hard link `b/layer.tar` to `gone`, which is no file before it
        "#]],
    );
}

#[test]
fn a_hard_link_to_a_directory_is_refused() {
    check_members(
        |tar| tar.hard_link("b", "a"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has the hard link `b` to `a`, which is no file before it
        "#]],
    );
}

#[test]
fn a_hard_link_to_itself_is_refused() {
    check_members(
        |tar| tar.hard_link("b", "b"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has the hard link `b` to `b`, which is no file before it
        "#]],
    );
}

#[test]
fn a_hard_link_that_leads_out_is_refused() {
    check_members(
        |tar| tar.hard_link("b", "../../etc/shadow"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` names `../../etc/shadow`, which has a part `..`; names have to stay within the archive
        "#]],
    );
}

#[test]
fn a_hard_link_to_an_absolute_name_is_refused() {
    check_members(
        |tar| tar.hard_link("b", "/etc/shadow"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` names `/etc/shadow`, which is absolute; names have to stay within the archive
        "#]],
    );
}

#[test]
fn a_device_is_refused() {
    check_members(
        |tar| tar.header(&tars::header("dev/sda", b'4', 0, "")),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has the device or pipe `dev/sda`; only directories, files and links belong there
        "#]],
    );
}

#[test]
fn a_pipe_is_refused() {
    check_members(
        |tar| tar.header(&tars::header("pipe", b'6', 0, "")),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has the device or pipe `pipe`; only directories, files and links belong there
        "#]],
    );
}

#[test]
fn a_directory_where_a_file_was_is_refused() {
    check_members(
        |tar| tar.file("b", "x").directory("b/"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has `b` both as a directory and as something else
        "#]],
    );
}

#[test]
fn a_file_where_a_directory_was_is_refused() {
    check_members(
        |tar| tar.file("a", "x"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has `a` both as a directory and as something else
        "#]],
    );
}

#[test]
fn a_file_where_an_empty_directory_was_is_refused() {
    check_members(
        |tar| tar.directory("b/").file("b", "x"),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` has `b` both as a directory and as something else
    "#]],
    );
}

#[test]
fn a_member_below_a_file_is_refused() {
    check_members(
        |tar| tar.file("b", "x").file("b/c", "x"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has `b` both as a directory and as something else
        "#]],
    );
}

#[test]
fn a_member_below_a_symlink_is_refused() {
    check_members(
        |tar| tar.symlink("b", "a").file("b/c", "x"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has `b` both as a directory and as something else
        "#]],
    );
}

#[test]
fn more_members_than_any_image_has_are_refused() {
    let mut archive = Tar::new();
    for number in 0..=100_000 {
        archive = archive.directory(&format!("{number}/"));
    }
    check_base(
        &archive.finish(),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has more than 50000 members and directories; no image needs as many, but `dockerToolsLimits.maxMembers` allows more
        "#]],
    );
}

/// Builds on an image whose layer is a symlink, made by `add`.
#[track_caller]
fn check_symlink(add: impl FnOnce(Tar) -> Tar, expected: Expect) {
    let mut manifest = tars::manifest();
    manifest[0]["Layers"] = json!(["b/layer.tar"]);
    let archive = tars::members().file("manifest.json", manifest.to_string());
    check_base(&add(archive).finish(), expected);
}

#[test]
fn a_symlink_that_leads_out_is_refused() {
    check_symlink(
        |tar| tar.symlink("b/layer.tar", "../../a/layer.tar"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has the symlink `b/layer.tar` to `../../a/layer.tar`, which is outside the archive
        "#]],
    );
}

#[test]
fn a_symlink_to_an_absolute_name_is_refused() {
    check_symlink(
        |tar| tar.symlink("b/layer.tar", "/dev/zero"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has the symlink `b/layer.tar` to `/dev/zero`, which is outside the archive
        "#]],
    );
}

#[test]
fn a_symlink_to_nothing_leads_to_no_layer() {
    check_symlink(
        |tar| tar.symlink("b/layer.tar", "../gone/layer.tar"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no file `b/layer.tar`, which its manifest names as a layer
        "#]],
    );
}

#[test]
fn a_symlink_to_itself_leads_to_no_layer() {
    check_symlink(
        |tar| tar.symlink("b/layer.tar", "layer.tar"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no file `b/layer.tar`, which its manifest names as a layer
        "#]],
    );
}
