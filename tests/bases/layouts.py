"""Rewrites an OCI layout of one image, with gzip layers, into kinds that no tool at hand makes."""

import gzip
import hashlib
import io
import json
import struct
import tarfile
from pathlib import Path

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def blob(layout, descriptor):
    return layout / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")


def add(layout, data, media_type):
    """Adds a blob; gives its descriptor."""
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def read(layout):
    """The index and the manifest of the layout's image."""
    index = json.loads((layout / "index.json").read_text())
    return index, json.loads(blob(layout, index["manifests"][0]).read_text())


def write(layout, manifests):
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    return layout


def with_layers(layout, change):
    """The layout with each layer, uncompressed, as `change` makes it anew: bytes and media type."""
    _index, manifest = read(layout)
    tars = [gzip.decompress(blob(layout, layer).read_bytes()) for layer in manifest["layers"]]
    manifest["layers"] = [add(layout, *change(tar)) for tar in tars]
    return write(layout, [add(layout, manifest, MANIFEST)])


def plain(layout):
    return with_layers(layout, lambda tar: (tar, LAYER))


def estargz(layout):
    """Every entry is a gzip member, a table of contents follows, and a footer says where it is.

    The DiffID is that of all of it, so the config is made anew.
    """
    _index, manifest = read(layout)
    config = json.loads(blob(layout, manifest["config"]).read_text())
    tars = [gzip.decompress(blob(layout, layer).read_bytes()) for layer in manifest["layers"]]
    layers = [estargz_of(tar) for tar in tars]
    config["rootfs"]["diff_ids"] = [f"sha256:{hashlib.sha256(gzip.decompress(layer)).hexdigest()}" for layer in layers]
    manifest["layers"] = [add(layout, layer, f"{LAYER}+gzip") for layer in layers]
    manifest["config"] = add(layout, config, manifest["config"]["mediaType"])
    return write(layout, [add(layout, manifest, MANIFEST)])


def estargz_of(tar):
    packed = b""
    entries = []
    for member in tarfile.open(fileobj=io.BytesIO(tar)):
        end = member.offset_data + (member.size if member.isreg() else 0)
        entries.append({"name": member.name, "type": "reg", "offset": len(packed)})
        packed += gzip.compress(tar[member.offset : -(-end // 512) * 512], mtime=0)
    table = json.dumps({"version": 1, "entries": entries}).encode()
    header = tarfile.TarInfo("stargz.index.json")
    header.size = len(table)
    padding = b"\0" * (-len(table) % 512)
    at = len(packed)
    packed += gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + table + padding + b"\0" * 1024, mtime=0)
    # An empty member whose extra field holds the place of the table.
    extra = b"SG" + struct.pack("<H", 22) + b"%016xSTARGZ" % at
    footer = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H", len(extra)) + extra
    return packed + footer + b"\x01\0\0\xff\xff" + b"\0" * 8


def for_platforms(layout):
    """Below an index with a name are an attestation, an image for another processor, and ours."""
    index, manifest = read(layout)
    ours = index["manifests"][0]
    ours.pop("annotations", None)
    config = json.loads(blob(layout, manifest["config"]).read_text())
    empty = config | {"architecture": "s390x", "rootfs": {"type": "layers", "diff_ids": []}, "history": []}
    empty = add(layout, empty, manifest["config"]["mediaType"])
    other = add(layout, manifest | {"config": empty, "layers": []}, MANIFEST)
    attestation = add(layout, manifest | {"annotations": {"other": "yes"}}, MANIFEST)
    attestation["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    attestation["platform"] = {"os": "unknown", "architecture": "unknown"}
    other["platform"] = {"os": "linux", "architecture": "s390x"}
    ours["platform"] = {"os": "linux", "architecture": config["architecture"]}
    nested = add(layout, {"schemaVersion": 2, "mediaType": INDEX, "manifests": [attestation, other, ours]}, INDEX)
    nested["annotations"] = {
        "io.containerd.image.name": "docker.io/library/base:1",
        "org.opencontainers.image.ref.name": "1",
    }
    return write(layout, [nested])


def archive_of(layout):
    path = Path(f"{layout}.tar")
    with tarfile.open(path, "w") as archive:
        archive.add(layout, arcname=".")
    return path


def as_docker_saves(layout):
    """An archive with both an OCI layout and `manifest.json`."""
    _index, manifest = read(layout)
    place = lambda descriptor: f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"
    entry = {
        "Config": place(manifest["config"]),
        "RepoTags": ["base:1"],
        "Layers": [place(layer) for layer in manifest["layers"]],
    }
    (layout / "manifest.json").write_text(json.dumps([entry]))
    return archive_of(layout)


def as_crane_pulls(layout):
    """An archive with compressed layers in its root."""
    _index, manifest = read(layout)
    target = Path(f"{layout}-flat")
    target.mkdir()
    names = []
    for layer in manifest["layers"]:
        names.append(f"{layer['digest'].removeprefix('sha256:')}.tar.gz")
        (target / names[-1]).write_bytes(blob(layout, layer).read_bytes())
    config = manifest["config"]["digest"]
    (target / config).write_bytes(blob(layout, manifest["config"]).read_bytes())
    entry = {"Config": config, "RepoTags": ["base:1"], "Layers": names}
    (target / "manifest.json").write_text(json.dumps([entry]))
    return archive_of(target)
