//! Names, links and whiteouts of the entries of layers.

use crate::measured::{archive_is_refused, exported, layer_is_refused, tree_is_refused};
use crate::tars::{Header, Tar};

fn layer_with(name: &str) -> Vec<u8> {
    Tar::new().file(name, "x").finish()
}

#[test]
fn absolute_names_are_within_the_image() {
    assert_eq!(exported(&[&layer_with("/abs")]), ["./", "./abs"]);
    tree_is_refused(&[&layer_with("/../x")], "has a part `..`");
    archive_is_refused(&layer_with("/abs"), "is absolute");
}

#[test]
fn two_dots_at_the_hundredth_byte_are_seen() {
    let name = format!("{}/..", "d".repeat(97));
    assert_eq!(name.len(), 100);
    let directory = Tar::new().directory(&name).finish();
    tree_is_refused(&[&directory], "has a part `..`");
    archive_is_refused(&directory, "has a part `..`");
    // And at the end of a first part.
    let mut header = Header::new(b"file", b'0', 0);
    header.prefix = format!("{}/..", "d".repeat(152)).into_bytes();
    tree_is_refused(&[&Tar::new().header(&header).finish()], "has a part `..`");
}

#[test]
fn an_empty_name_is_refused() {
    layer_is_refused(&layer_with(""), "has no name");
}

#[test]
fn a_nul_within_a_name_is_refused_or_ends_it() {
    let pax = Tar::new().pax(&[("path", "a\0b")]).file("x", "");
    layer_is_refused(&pax.finish(), "has a NUL in a name");
    let header = Header::new(b"a\0b", b'0', 0);
    assert_eq!(
        exported(&[&Tar::new().header(&header).finish()]),
        ["./", "./a"]
    );
}

#[test]
fn names_are_bytes_whatever_they_mean_elsewhere() {
    assert_eq!(exported(&[&layer_with("a\\b")]), ["./", "./a\\\\b"]);
    let header = Header::new(b"\xff\xfe", b'0', 0);
    let layer = Tar::new().header(&header).finish();
    assert_eq!(exported(&[&layer]), ["./", "./\\377\\376"]);
}

#[test]
fn a_slash_behind_the_name_of_a_file_is_refused() {
    layer_is_refused(&layer_with("file/"), "ends in `/`, but is no directory");
}

#[test]
fn names_above_100_and_256_bytes_are_whole() {
    for length in [100, 101, 255] {
        let name = "n".repeat(length);
        let layer = Tar::new()
            .extension(b'L', name.as_bytes())
            .file("x", "")
            .finish();
        assert_eq!(exported(&[&layer]), ["./".to_owned(), format!("./{name}")]);
    }
    let mut header = Header::new("n".repeat(100).as_bytes(), b'0', 0);
    header.prefix = "p".repeat(155).into_bytes();
    let name = format!("./{}/{}", "p".repeat(155), "n".repeat(100));
    let listed = exported(&[&Tar::new().header(&header).finish()]);
    assert_eq!(listed.last(), Some(&name));
}

#[test]
fn a_file_through_a_symlink_stays_within_the_image() {
    let layer = Tar::new()
        .link(b'2', "l", "/etc")
        .file("l/file", "x")
        .finish();
    assert_eq!(
        exported(&[&layer]),
        ["./", "./etc/", "./etc/file", "./l -> /etc"]
    );
}

#[test]
fn hard_links_to_what_is_not_there_are_refused() {
    let link = |target: &str| Tar::new().link(b'1', "h", target).finish();
    tree_is_refused(&[&link("../x")], "has a part `..`");
    tree_is_refused(&[&link("/etc/x")], "hard link to `/etc/x`");
    tree_is_refused(&[&link("h")], "hard link to `h`");
    let later = Tar::new()
        .link(b'1', "h", "later")
        .file("later", "")
        .finish();
    tree_is_refused(&[&later], "hard link to `later`");
    let cycle = Tar::new()
        .link(b'1', "a", "b")
        .link(b'1', "b", "a")
        .finish();
    tree_is_refused(&[&cycle], "hard link to `b`");
}

#[test]
fn symlinks_in_circles_end() {
    let layer = Tar::new()
        .link(b'2', "a", "b")
        .link(b'2', "b", "a")
        .file("a/file", "x")
        .finish();
    tree_is_refused(&[&layer], "perhaps around in circles");
}

#[test]
fn a_file_below_a_file_is_refused_and_a_file_over_a_directory_replaces_it() {
    let below = Tar::new().file("a", "").file("a/b", "").finish();
    tree_is_refused(&[&below], "no directory");
    let first = Tar::new().directory("d/").file("d/f", "").finish();
    let second = Tar::new().file("d", "").finish();
    assert_eq!(exported(&[&first, &second]), ["./", "./d"]);
    assert_eq!(exported(&[&second, &first]), ["./", "./d/", "./d/f"]);
}

#[test]
fn whiteouts_without_a_name_are_refused() {
    let below = Tar::new().directory("a/").file("a/f", "").finish();
    for name in [".wh.", ".wh..", ".wh..."] {
        let above = layer_with(&format!("a/{name}"));
        tree_is_refused(&[&below, &above], "is a whiteout and does not name");
    }
}

#[test]
fn an_opaque_whiteout_spares_its_own_layer_before_and_behind_it() {
    let below = Tar::new().file("a/old", "").finish();
    let above = Tar::new()
        .file("a/before", "")
        .file("a/.wh..wh..opq", "")
        .file("a/behind", "")
        .finish();
    assert_eq!(
        exported(&[&below, &above]),
        ["./", "./a/", "./a/before", "./a/behind"]
    );
}

#[test]
fn an_opaque_directory_with_a_nested_symlink_hides_within_the_image() {
    let below = Tar::new()
        .file("etc/passwd", "")
        .link(b'2', "d/l", "/etc")
        .finish();
    let above = Tar::new().file("d/l/.wh..wh..opq", "").finish();
    assert_eq!(
        exported(&[&below, &above]),
        ["./", "./d/", "./d/l -> /etc", "./etc/"]
    );
}

#[test]
fn a_whiteout_of_what_is_not_there_does_nothing() {
    let below = Tar::new().file("a", "").finish();
    let above = layer_with(".wh.gone");
    assert_eq!(exported(&[&below, &above]), ["./", "./a"]);
}

#[test]
fn devices_and_pipes_of_a_layer_stay_and_those_of_an_archive_are_refused() {
    for typeflag in [b'3', b'4', b'6'] {
        let layer = Tar::new()
            .header(&Header::new(b"odd", typeflag, 0))
            .finish();
        assert_eq!(exported(&[&layer]), ["./", "./odd"]);
        archive_is_refused(&layer, "has the device or pipe `odd`");
    }
}
