//! What programs of this field were broken by, under the names that it has.

use crate::measured::{
    SOON, archive_is_refused, build, build_within, config_of, exported, image_is_refused, image_of,
    layer_is_refused, tree_is_refused,
};
use crate::tars::{GNU, Header, Tar, record};
use serde_json::json;

/// A member whose header has one size, and whose pax header another.
fn two_sizes(header: usize, pax: usize) -> Vec<u8> {
    let hidden = Tar::new().file("etc/hidden", "").0;
    Tar::new()
        .pax(&[("size", &pax.to_string())])
        .header(&Header::new(b"file", b'0', header))
        .content(&hidden)
        .finish()
}

/// TARmageddon, in tokio-tar and its kin: the header's size 0 made a tar within a file into members.
/// Where no size stands in the header, all take that of the pax header, and nothing is hidden.
#[test]
fn cve_2025_62518_rustsec_2025_0111_size_in_pax_header_smuggles_an_archive() {
    assert_eq!(exported(&[&two_sizes(0, 512)]), ["./", "./file"]);
    layer_is_refused(&two_sizes(512, 0), "two sizes");
}

#[test]
fn cve_2026_33055_rustsec_2026_0068_a_pax_size_that_the_header_contradicts() {
    layer_is_refused(&two_sizes(3, 512), "two sizes");
}

#[test]
fn cve_2026_33056_rustsec_2026_0067_rustsec_2026_0113_a_directory_where_a_symlink_was() {
    let layer = Tar::new()
        .link(b'2', "link", "/etc")
        .directory("link/")
        .file("link/file", "x")
        .finish();
    assert_eq!(exported(&[&layer]), ["./", "./link/", "./link/file"]);
}

#[test]
fn ghsa_3wgq_wrwc_vqmv_a_name_that_leads_out() {
    for name in ["../x", "a/../../x", "./.././.."] {
        let layer = Tar::new().file(name, "x").finish();
        tree_is_refused(&[&layer], "has a part `..`");
        let archive = Tar::new().file(name, "x").finish();
        archive_is_refused(&archive, "has a part `..`");
    }
}

#[test]
fn rustsec_2018_0002_a_hard_link_to_a_file_outside_and_a_file_of_that_name() {
    let layer = Tar::new()
        .link(b'1', "link", "/etc/passwd")
        .file("link", "overwritten")
        .finish();
    tree_is_refused(&[&layer], "hard link to `/etc/passwd`");
}

#[test]
fn cve_2021_38511_rustsec_2021_0080_directories_outside_by_way_of_a_symlink() {
    let layer = Tar::new()
        .link(b'2', "out", "../../../../tmp")
        .file("out/sub/file", "x")
        .finish();
    assert_eq!(
        exported(&[&layer]),
        [
            "./",
            "./out -> ../../../../tmp",
            "./tmp/",
            "./tmp/sub/",
            "./tmp/sub/file"
        ]
    );
}

/// The fixes of tokio-tar 0.6.3, by their names in its log.
#[test]
fn tokio_tar_june_2026_mixed_pax_and_gnu_names() {
    let layer = Tar::new()
        .extension(b'L', b"long\0")
        .pax(&[("path", "pax")])
        .file("file", "")
        .finish();
    layer_is_refused(&layer, "gives a second name");
}

#[test]
fn tokio_tar_june_2026_unterminated_pax_records() {
    let layer = Tar::new().extension(b'x', b"12 path=file").file("a", "");
    layer_is_refused(&layer.finish(), "malformed pax record");
}

#[test]
fn tokio_tar_june_2026_partial_sparse_maps() {
    let mut header = Header::new(b"sparse", b'S', 0);
    header.magic = GNU;
    header.prefix = [vec![0; 41], b"00000000000\x0000000000001\0".to_vec()].concat();
    layer_is_refused(
        &Tar::new().header(&header).finish(),
        "a part that goes on behind its end",
    );
    header.prefix = [vec![0; 138], b"00000000001\0".to_vec()].concat();
    layer_is_refused(
        &Tar::new().header(&header).finish(),
        "a map that lists nothing",
    );
    let layer = Tar::new().pax(&[("GNU.sparse.map", "0,")]).file("a", "");
    layer_is_refused(&layer.finish(), "sparse");
}

#[test]
fn tokio_tar_june_2026_dangling_and_stacked_extensions() {
    for typeflag in [b'x', b'L', b'K'] {
        let content = if typeflag == b'x' {
            record(b"path", b"a")
        } else {
            b"a\0".to_vec()
        };
        let dangling = Tar::new().file("a", "").extension(typeflag, &content);
        layer_is_refused(&dangling.clone().finish(), "no member behind it");
        layer_is_refused(&dangling.0, "no member behind it");
        let stacked = Tar::new()
            .extension(typeflag, &content)
            .extension(typeflag, &content);
        layer_is_refused(
            &stacked.link(b'2', "a", "b").finish(),
            "the extension header",
        );
    }
}

/// All read the name in two parts, whatever the version.
#[test]
fn tokio_tar_june_2026_a_ustar_header_with_a_version_of_nuls() {
    let mut header = Header::new(b"file", b'0', 0);
    header.magic = b"ustar\0\0\0";
    header.prefix = b"directory".to_vec();
    let layer = Tar::new().header(&header).finish();
    assert_eq!(
        exported(&[&layer]),
        ["./", "./directory/", "./directory/file"]
    );
}

#[test]
fn cve_2025_58183_the_map_of_a_sparse_file_fills_no_memory() {
    let layer_of = |map: &str| {
        let records = [
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.realsize", "0"),
        ];
        let mut map = map.as_bytes().to_vec();
        map.resize(map.len().next_multiple_of(512), 0);
        Tar::new().pax(&records).file("sparse", map).finish()
    };
    let parts = |count: usize| format!("{count}\n{}", "0\n0\n".repeat(count));
    layer_is_refused(&layer_of(&"1\n".repeat(400_000)), "behind its end");
    layer_is_refused(&layer_of(&"9".repeat(400_000)), "no list of numbers");
    layer_is_refused(&layer_of("9223372036854775807\n"), "no list of numbers");
    let too_long = image_of(&[&layer_of(&parts(300_000))]);
    build_within("image", &too_long, SOON)
        .1
        .refused("more than 1048576 bytes");
    // As many as there may be take their time and memory, and no more.
    let (_, ran) = build_within("export", &image_of(&[&layer_of(&parts(262_000))]), SOON);
    ran.succeeded();
}

/// Each of these takes a decoder of its own.
#[test]
fn very_many_empty_streams_of_bzip2_end_in_time() {
    let empty = b"BZh9\x17rE8P\x90\0\0\0\0";
    let (_, ran) = build_within("image", &empty.repeat(10_000), SOON);
    ran.refused("the tar has not one byte");
}

#[test]
fn cve_2022_2879_a_pax_header_fills_no_memory() {
    let records = record(b"comment", &vec![b'x'; 2 << 20]);
    let layer = Tar::new().extension(b'x', &records).file("a", "").finish();
    let (_, ran) = build_within("image", &image_of(&[&layer]), SOON);
    ran.refused("1048576 are allowed");
}

/// GNU tar writes through a symlink that an archive unpacked before has left.
#[test]
fn cve_2025_45582_a_symlink_of_one_layer_and_a_file_through_it_in_the_next() {
    let below = Tar::new().link(b'2', "x", "../../../etc").finish();
    let above = Tar::new().file("x/passwd", "evil").finish();
    assert_eq!(
        exported(&[&below, &above]),
        ["./", "./etc/", "./etc/passwd", "./x -> ../../../etc"]
    );
}

/// node-tar remembered which directories were there, and that a symlink was none.
#[test]
fn cve_2021_32803_a_directory_that_became_a_symlink_between_entries() {
    let layer = Tar::new()
        .directory("d/")
        .file("d/a", "1")
        .link(b'2', "d", "elsewhere")
        .file("d/b", "2")
        .finish();
    assert_eq!(
        exported(&[&layer]),
        ["./", "./d -> elsewhere", "./elsewhere/", "./elsewhere/b"]
    );
}

#[test]
fn cve_2026_23745_hard_links_and_symlinks_that_lead_out() {
    let layer = Tar::new()
        .link(b'2', "s", "/etc/passwd")
        .link(b'1', "h", "../../../../etc/passwd")
        .finish();
    tree_is_refused(&[&layer], "has a part `..`");
    // A hard link to a symlink is that symlink again; nobody follows it.
    let layer = Tar::new()
        .link(b'2', "s", "/etc/passwd")
        .link(b'1', "h", "s")
        .finish();
    assert_eq!(
        exported(&[&layer]),
        ["./", "./h -> /etc/passwd", "./s -> /etc/passwd"]
    );
}

#[test]
fn cve_2021_29136_the_root_as_a_symlink() {
    for name in [".", "/.", "./.", "a/.."] {
        let layer = Tar::new().link(b'2', name, "/etc").finish();
        let expected = if name == "a/.." {
            "has a part `..`"
        } else {
            "the root of an image"
        };
        tree_is_refused(&[&layer], expected);
    }
}

/// Users, and what is in `/etc/passwd`, are never looked up: names of owners mean nothing to us.
#[test]
fn cve_2024_9676_no_file_of_an_image_is_followed() {
    let layer = Tar::new().link(b'2', "etc/passwd", "/dev/zero").finish();
    assert_eq!(
        exported(&[&layer]),
        ["./", "./etc/", "./etc/passwd -> /dev/zero"]
    );
}

/// containerd read a user above 2147483647 as root. Ours goes into the config as it stands.
#[test]
fn cve_2024_40635_users_that_overflow() {
    let archive = |user: &str| {
        let config = json!({ "config": { "User": user, "Env": null } });
        Tar::new()
            .file("config.json", config.to_string())
            .file(
                "manifest.json",
                json!([{ "Config": "config.json", "Layers": [] }]).to_string(),
            )
            .finish()
    };
    build("image", &archive("4294967296:4294967296"))
        .1
        .succeeded();
    // In a tar, such a number would be cut to another user's.
    let owned = |uid: &str| Tar::new().pax(&[("uid", uid)]).file("a", "").finish();
    layer_is_refused(
        &owned("4294967296"),
        "as uid, which is no number or too large",
    );
    layer_is_refused(
        &owned("4294967295"),
        "as uid, which is no number or too large",
    );
}

/// The names of layers are never taken for what the layers are: two members of one name, or a name that
/// is a digest of something else.
#[test]
fn cve_2014_8178_cve_2014_8179_a_layer_under_the_name_of_another() {
    let good = Tar::new().file("good", "").finish();
    for (algorithm, bytes) in [("sha256", 32), ("sha512", 64)] {
        let name = format!("blobs/{algorithm}/{}", "ab".repeat(bytes));
        let manifest = json!([{ "Config": "config.json", "Layers": [name] }]);
        let archive = Tar::new()
            .file("config.json", config_of(&[&good]).to_string())
            .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
            .pax(&[("path", &name)])
            .file("blob", &good)
            .file("manifest.json", manifest.to_string());
        image_is_refused(&archive.finish(), &format!("digest {algorithm}:"));
    }
}
