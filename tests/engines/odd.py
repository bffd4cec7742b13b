"""Images with one oddity each, or two: what people write, and what foreign tools might.

Each is an image archive as `docker save` wrote it, with one layer of one program, unless the oddity is there.
"""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import struct
import subprocess
import tarfile
from dataclasses import dataclass, field
from typing import Any, Callable

TIME = 315532800
EXACT = "2020-01-02T03:04:05Z"


def program():
    """The smallest program that ends with status 0, for this machine."""
    machine, code = {
        # mov $60, %eax; xor %edi, %edi; syscall
        "x86_64": (62, "b83c00000031ff0f05"),
        # mov x8, #93; mov x0, #0; svc #0
        "aarch64": (183, "a80b8052000080d2010000d4"),
    }[os.uname().machine]
    code = bytes.fromhex(code)
    start, base = 120, 0x400000
    size = start + len(code)
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, base + start, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000) + code


def entry(name, content=b"", kind=tarfile.REGTYPE, target="", mode=0o755, device=(0, 0)):
    """A member of a layer."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.mtime = kind, target, mode, TIME
    info.size = len(content)
    info.devmajor, info.devminor = device
    return info, content


def directory(name, **more):
    return entry(name, kind=tarfile.DIRTYPE, **more)


def link(name, target):
    return entry(name, kind=tarfile.SYMTYPE, target=target)


def hard_link(name, target):
    return entry(name, kind=tarfile.LNKTYPE, target=target)


def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as file:
        for info, content in entries:
            file.addfile(info, io.BytesIO(content))
    return out.getvalue()


PROGRAM = (directory("bin"), entry("bin/true", program()))
LAYER = tar(*PROGRAM)

# Stands for a key that is not there.
ABSENT = object()


class Again(str):
    """A key that an object may have though it has another one of the same letters."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


@dataclass
class Odd:
    """An image, and what is odd about it."""

    name: str
    # What the image's documents say instead, or beside what they would say.
    top: dict = field(default_factory=dict)
    config: Any = field(default_factory=dict)
    layers: tuple = (LAYER,)
    tags: Any = ("odd:1",)
    # Does something to the entry of `manifest.json`.
    entry: dict = field(default_factory=dict)
    # The text of `repositories`, if there is one.
    repositories: Any = None
    # Instead of the documents' own text.
    config_text: Any = None
    manifest_text: Any = None
    # What each layer is packed with, and the archive as a whole.
    layers_in: Callable = bytes
    archive_in: Callable = bytes

    @property
    def is_packed(self):
        """Whether the archive is packed as a whole."""
        return self.archive_in is not bytes

    def text(self):
        """The text of the config file."""
        if self.config_text is not None:
            return self.config_text.encode() if isinstance(self.config_text, str) else self.config_text
        digests = [hashlib.sha256(layer).hexdigest() for layer in self.layers]
        config = {"Cmd": ["/bin/true"]} | self.config if isinstance(self.config, dict) else self.config
        top = {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
            "os": "linux",
            "created": EXACT,
            "config": without(config) if isinstance(config, dict) else config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
            "history": [{"created": EXACT} for _ in digests],
        }
        return json.dumps(without(top | self.top)).encode()

    def members(self):
        """The files of the archive by name."""
        text = self.text()
        name = hashlib.sha256(text).hexdigest() + ".json"
        layers = {f"{hashlib.sha256(layer).hexdigest()}/layer.tar": layer for layer in self.layers}
        listed = {
            "Config": name,
            "RepoTags": list(self.tags) if isinstance(self.tags, tuple) else self.tags,
            "Layers": [f"{hashlib.sha256(layer).hexdigest()}/layer.tar" for layer in self.layers],
        }
        manifest = self.manifest_text
        if manifest is None:
            manifest = json.dumps([without(listed | self.entry)])
        members = {name: self.layers_in(layer) for name, layer in layers.items()}
        members |= {name: text, "manifest.json": manifest.replace("CONFIG", name).encode()}
        if self.repositories is not None:
            members["repositories"] = self.repositories.encode()
        return members

    def archive(self):
        """The bytes of the archive."""
        return self.archive_in(tar(*(entry(name, content, mode=0o644) for name, content in self.members().items())))


@dataclass
class Layout(Odd):
    """An OCI layout in a tar, as skopeo, BuildKit and others write it."""

    media: str = "application/vnd.oci.image.layer.v1.tar"
    index: dict = field(default_factory=dict)
    manifest: dict = field(default_factory=dict)
    platform: Any = None
    annotations: dict = field(default_factory=lambda: {"org.opencontainers.image.ref.name": "1"})
    algorithm: str = "sha256"
    with_manifest_json: bool = False

    def members(self):
        members = {}

        def add(content, **more):
            digest = hashlib.new(self.algorithm, content).hexdigest()
            members[f"blobs/{self.algorithm}/{digest}"] = content
            return {"digest": f"{self.algorithm}:{digest}", "size": len(content)} | more

        oci = "application/vnd.oci.image"
        layers = [add(self.layers_in(layer), mediaType=self.media) for layer in self.layers]
        config = add(self.text(), mediaType=f"{oci}.config.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": f"{oci}.manifest.v1+json", "config": config, "layers": layers}
        listed = add(json.dumps(without(manifest | self.manifest)).encode(), mediaType=f"{oci}.manifest.v1+json")
        listed |= {"annotations": self.annotations} if self.annotations else {}
        listed |= {"platform": self.platform} if self.platform else {}
        index = {"schemaVersion": 2, "mediaType": f"{oci}.index.v1+json", "manifests": [listed]}
        members["index.json"] = json.dumps(without(index | self.index)).encode()
        members["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
        if self.with_manifest_json:
            called = lambda descriptor: "blobs/" + descriptor["digest"].replace(":", "/")
            entry = {"Config": called(config), "RepoTags": ["odd:1"], "Layers": [called(layer) for layer in layers]}
            members["manifest.json"] = json.dumps([entry]).encode()
        return members


def without(document):
    """A document without the keys that are to be absent."""
    return {key: value for key, value in document.items() if value is not ABSENT}


# What a key may hold in place of what belongs there.
VALUES = {
    "a string": "x",
    "an empty string": "",
    "a number": 1,
    "a number below zero": -1,
    "a fraction": 1.5,
    "a huge number": 10**30,
    "true": True,
    "null": None,
    "an empty list": [],
    "a list of numbers": [1],
    "a list of strings": ["x"],
    "a list with null": ["x", None],
    "an empty object": {},
    "an object of strings": {"x": "y"},
    "an object of objects": {"x": {}},
}

CONFIG_KEYS = """
    Cmd Entrypoint Env User ExposedPorts Volumes Labels WorkingDir StopSignal StopTimeout Healthcheck Shell OnBuild
    ArgsEscaped Memory MemorySwap CpuShares Hostname Domainname Tty OpenStdin StdinOnce AttachStdin NetworkDisabled
    MacAddress Image Unheard
""".split()

HEALTH_KEYS = "Test Interval Timeout StartPeriod StartInterval Retries".split()

TOP_KEYS = """
    architecture os variant created author config rootfs history os.version os.features docker_version container
    container_config id parent throwaway Size unheard
""".split()

HISTORY_KEYS = "created created_by author comment empty_layer".split()


def of_wrong_types():
    """Every key with every kind of value."""
    for what, value in VALUES.items():
        for key in CONFIG_KEYS:
            yield Odd(f"config.{key} is {what}", config={key: value})
        for key in HEALTH_KEYS:
            test = {} if key == "Test" else {"Test": ["CMD", "/bin/true"]}
            yield Odd(f"config.Healthcheck.{key} is {what}", config={"Healthcheck": test | {key: value}})
        for key in TOP_KEYS:
            yield Odd(f"{key} is {what}", top={key: value})
        for key in HISTORY_KEYS:
            yield Odd(f"history's {key} is {what}", top={"history": [{"created": EXACT} | {key: value}]})
        digest = hashlib.sha256(LAYER).hexdigest()
        rootfs = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
        for key in rootfs:
            yield Odd(f"rootfs.{key} is {what}", top={"rootfs": rootfs | {key: value}})
        for key in ("Config", "RepoTags", "Layers", "Parent", "LayerSources"):
            yield Odd(f"{key} of manifest.json is {what}", entry={key: value})
        yield Odd(f"manifest.json is {what}", manifest_text=json.dumps(value))
        yield Odd(f"an image of manifest.json is {what}", manifest_text=json.dumps([value]))
        yield Odd(f"the config file is {what}", config_text=json.dumps(value))
        yield Odd(f"repositories is {what}", repositories=json.dumps(value))
    for key in TOP_KEYS:
        yield Odd(f"{key} is absent", top={key: ABSENT})
    for key in ("Config", "RepoTags", "Layers"):
        yield Odd(f"{key} of manifest.json is absent", entry={key: ABSENT})


def each(key, values):
    """A key of the config with each of the values."""
    for value in values:
        yield Odd(f"config.{key} is {json.dumps(value)}", config={key: value})


def of_odd_content():
    """Values of the right type that mean nothing, or something else."""
    variables = ["A", "", "=x", "A=", "A=x\0y", "A=x\ny", "A=ä", "A B=x", "1=x", "A=x=y", "PATH=/x", " =x"]
    yield from each("Env", [[variable] for variable in variables] + [["A=1", "A=2"], ["a=1", "A=2"]])
    ports = """80 80/tcp 80/TCP 80/udp 80/sctp 80-90/tcp 90-80/tcp http http/tcp 80/foo 99999/tcp 65535/tcp 65536/tcp 0/tcp
        -1/tcp /tcp 80/ 080/tcp 80/tcp/udp 127.0.0.1:80 8080:80 80-90 1-65535/tcp +80 80.0""".split()
    yield from each("ExposedPorts", [{port: {}} for port in ports] + [{"": {}}, {" 80": {}}, {"80 /tcp": {}}, {"80/tcp": None}])
    volumes = ["/data", "data", "/", "", ".", "./data", "/data/", "//data", "/a/../b", "..", "/a:b", "/a:/b", "/a:ro", "/a b", "/ä", "C:\\x", "/a\nb", "/a\0b", "/proc", "/etc"]
    yield from each("Volumes", [{volume: {}} for volume in volumes] + [{"/data": None}, {"/data": {"x": 1}}])
    yield from each("WorkingDir", ["app", ".", "..", "./app", "/app/", "/a/../b", "//", "/", "/a b", "C:\\x", "/bin/true", "/a\0b", "~"])
    users = ["0", "app", "1000:1000", "a:b:c", ":", "0:", ":0", "root", "root:root", "-1", "4294967294", "4294967295", "4294967296", "1000:app", " root", "0:0:0", "0\n", "07", "0x0"]
    yield from each("User", users)
    labels = ["", " ", "a b", "a=b", "a.b", "ä", "a\nb", "A", "com.docker.x", "io.podman.x"]
    yield from each("Labels", [{label: "x"} for label in labels] + [{"a": "x\0"}])
    yield from each("StopSignal", ["SIGTERM", "15", "TERM", "nonsense", "sigterm", "term", "", "0", "-1", "64", "65", "SIGRTMIN+3", "RTMIN+3", "SIGUSR3", " SIGTERM", "9", "SIGKILL"])
    yield from each("StopTimeout", [0, 1, -1, -2, 2**31 - 1, 2**31, 2**63 - 1, 2**63])
    tests = [[], ["CMD"], ["NONE"], ["CMD", "/bin/true"], ["CMD-SHELL", "true"], ["CMD-SHELL"], ["FOO", "x"], ["cmd", "x"], [""], ["NONE", "x"], ["CMD-SHELL", "a", "b"]]
    for test in tests:
        yield Odd(f"config.Healthcheck.Test is {json.dumps(test)}", config={"Healthcheck": {"Test": test}})
    for key in HEALTH_KEYS[1:]:
        for value in ["30s", "30", 30, 0, 1, -1, 999_999, 1_000_000, 30_000_000_000, 30e9, 1.5e9, 2**63 - 1, 2**63, "1h", ""]:
            health = {"Test": ["CMD", "/bin/true"], key: value}
            yield Odd(f"config.Healthcheck.{key} is {json.dumps(value)}", config={"Healthcheck": health})
    yield Odd("config.Healthcheck has no Test", config={"Healthcheck": {"Interval": 30_000_000_000}})
    yield Odd("config.Healthcheck has a key unheard of", config={"Healthcheck": {"Test": ["CMD", "/bin/true"], "Unheard": 1}})
    for words in ([], [""], ["", "/bin/true"], ["/bin/true"], ["/bin/true", ""], ["true"], ["./bin/true"], ["bin/true"], ["/bin/true\0"], ["/bin/true", "\n"], ["/nothing"], ["/bin"]):
        yield Odd(f"config.Entrypoint is {json.dumps(words)}", config={"Entrypoint": words})
        yield Odd(f"config.Entrypoint is {json.dumps(words)}, without Cmd", config={"Entrypoint": words, "Cmd": ABSENT})
        yield Odd(f"config.Cmd is {json.dumps(words)}", config={"Cmd": words})
    yield Odd("neither Cmd nor Entrypoint", config={"Cmd": ABSENT})
    yield from each("Shell", [[], ["/bin/true"], [""]])
    yield from each("OnBuild", [[], ["RUN true"], ["NONSENSE"], [""]])
    yield from each("Hostname", ["a", "a.b", "-a", "a_b", "a b", "x" * 63, "x" * 64, "x" * 256, "ä"])
    yield from each("Domainname", ["a", "a.b", "-a", "a b", "x" * 256])
    yield from each("MacAddress", ["02:42:ac:11:00:02", "nonsense"])
    yield from each("Memory", [4 * 2**20, 6 * 2**20, 2**40])
    yield from each("Image", ["sha256:" + "0" * 64, "odd", "Odd:1"])
    yield Odd("config.NetworkDisabled", config={"NetworkDisabled": True})
    yield Odd("config has a key unheard of", config={"Unheard": {"a": 1}})


def of_odd_keys():
    """Keys in other letters, and twice."""
    lower = {"Env": ["A=1"], "Cmd": ["/bin/true"], "User": "0", "Labels": {"a": "b"}, "WorkingDir": "/bin", "Entrypoint": ["/bin/true"], "Healthcheck": {"Test": ["NONE"]}}
    for key, value in lower.items():
        for other in (key.lower(), key.upper(), key.swapcase()):
            only = {other: value} if key == "Cmd" else {other: value, "Cmd": ["/bin/true"]}
            yield Odd(f"config.{other} alone", config=({"Cmd": ABSENT} if key == "Cmd" else {}) | only)
    yield Odd("config.env alone, of a wrong type", config={"env": "x"})
    for first, second in (("Env", "env"), ("env", "Env"), ("Env", "ENV"), ("Env", Again("Env")), ("env", "ENV")):
        yield Odd(f"config.{first} then config.{second}", config={first: ["A=1"], second: ["A=2", "B=2"]})
        yield Odd(f"config.{first}, then config.{second} of a wrong type", config={first: ["A=1"], second: "x"})
        yield Odd(f"config.{first}, then config.{second} as null", config={first: ["A=1"], second: None})
    for first, second in (("Labels", "labels"), ("labels", "Labels")):
        yield Odd(f"config.{first} then config.{second}", config={first: {"a": "1"}, second: {"b": "2"}})
    for key in ("architecture", "os", "created", "config", "rootfs", "history", "author", "variant"):
        other = key.upper()
        good = {"config": {"Cmd": ["/bin/true"]}, "created": EXACT, "os": "linux", "architecture": "amd64", "author": "a", "variant": "v1"}
        good |= {"history": [{"created": EXACT}], "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(LAYER).hexdigest()]}}
        yield Odd(f"{other} alone", top={key: ABSENT, other: good[key]})
        evil = {"config": {"Cmd": ["/evil"]}, "created": "2021-01-01T00:00:00Z", "os": "windows", "architecture": "arm64", "author": "b", "variant": "v2"}
        evil |= {"history": [{"created": EXACT}] * 2, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}
        yield Odd(f"{key} then {other}", top={key: ABSENT} | {Again(key): good[key], other: evil[key]})
        yield Odd(f"{other} then {key}", top={key: ABSENT} | {other: evil[key], Again(key): good[key]})
    for key in ("Config", "RepoTags", "Layers"):
        layer = hashlib.sha256(LAYER).hexdigest() + "/layer.tar"
        good = {"Config": "CONFIG", "RepoTags": ["odd:1"], "Layers": [layer]}
        evil = {"Config": "none.json", "RepoTags": ["evil:1"], "Layers": ["none/layer.tar"]}
        yield Odd(f"{key.lower()} of manifest.json alone", entry={key: ABSENT, key.lower(): good[key]})
        yield Odd(f"{key}, then {key.lower()} of manifest.json", entry={key: ABSENT, Again(key): good[key], key.lower(): evil[key]})
        yield Odd(f"{key.lower()}, then {key} of manifest.json", entry={key: ABSENT, key.lower(): evil[key], Again(key): good[key]})
        yield Odd(f"{key} twice in manifest.json", entry={key: ABSENT, Again(key): evil[key], Again(key): good[key]})
    yield Odd("the Kelvin sign in a key", config={"Cmd": ["/bin/true"], "Healthchec\u212a": {"Test": 1}})
    yield Odd("a long s in a key", config={"U\u017fer": "1"})
    yield Odd("half a surrogate in a label", config_text=text_with('"Labels": {"a": "\\ud800"}'))
    yield Odd("a label that is not UTF-8", config_text=text_with('"Labels": {"a": "X"}').encode().replace(b"X", b"\xff"))
    yield Odd("the config file ends in a line", config_text=text_with('"Labels": {}') + "\n")
    yield Odd("the config file ends in a second object", config_text=text_with('"Labels": {}') + "{}")
    yield Odd("the config file ends in rubbish", config_text=text_with('"Labels": {}') + "x")
    yield Odd("the config file begins with a byte order mark", config_text="\ufeff" + text_with('"Labels": {}'))
    yield Odd("the config file is empty", config_text="")
    yield Odd("the config file has a comma too many", config_text=text_with('"Labels": {},'))
    yield Odd("a label has a control character", config_text=text_with('"Labels": {"a": "\x01"}'))
    yield Odd("the config is 200 deep", top={"unheard": deep(200)})
    yield Odd("the config is 9000 deep", config_text=text_with('"Labels": {}, "deep": ' + "[" * 9000 + "]" * 9000))
    yield Odd("the config is 11000 deep", config_text=text_with('"Labels": {}, "deep": ' + "[" * 11000 + "]" * 11000))
    yield Odd("the config has 5 MiB", top={"unheard": "x" * 5 * 2**20})
    yield Odd("the config has 9 MiB", top={"unheard": "x" * 9 * 2**20})
    for end in ("\n", "[]", "x"):
        layer = hashlib.sha256(LAYER).hexdigest() + "/layer.tar"
        text = json.dumps([{"Config": "CONFIG", "RepoTags": ["odd:1"], "Layers": [layer]}])
        yield Odd(f"manifest.json ends in {end!r}", manifest_text=text + end)


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def text_with(config):
    """The text of a config file, with some of its `config` as text."""
    digest = hashlib.sha256(LAYER).hexdigest()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    return (
        f'{{"architecture": "{architecture}", "os": "linux", "created": "{EXACT}", "config": {{"Cmd": ["/bin/true"], {config}}}, '
        f'"rootfs": {{"type": "layers", "diff_ids": ["sha256:{digest}"]}}, "history": [{{"created": "{EXACT}"}}]}}'
    )


HEX = "0123456789abcdef" * 4

TAGS = [
    *("1.2.0+2", "1~rc1", ".1", "-1", "_1", "1.", "1-", "feature/x", "", "Latest", "LATEST", "ä", "a b", "a:b", "a@b", "x" * 127),
    *("x" * 128, "x" * 129, "1\n", "1\0", " 1", "1 ", "a_b", "a..b", "1,2", "1=2", "sha256", HEX, "latest"),
]

NAMES = [
    *("-app", "_app", ".app", "app.", "app-", "app_", "a//b", "a..b", "a__b", "a___b", "a-_b", "a--b", "a---b", "a.-b", "a.b", "a._b"),
    *("a/.b", "a/b.", "App", "a/App", "Host/a", "Host.com/a", "HOST/a", "host.com/App", "localhost/a", "localhost/localhost/a", "LOCALHOST/a"),
    *("host:5000/a", "host:port/a", "host:99999/a", "host:0/a", "host:/a", ":5000/a", "[::1]:5000/a", "[::1]/a", "[fe80::1%25eth0]/a", "127.0.0.1/a"),
    *("ho_st/a", "ho_st.com/a", "ho_st:5000/a", "-host.com/a", "host-.com/a", "host..com/a", "host./a", ".host/a", "hö.de/a", "xn--h-1ga.de/a"),
    *("docker.io/a", "docker.io/library/a", "index.docker.io/a", "library/a", "docker.io/a/b/c", "docker.io", "docker.io/"),
    *("x" * 247, "x" * 255, "x" * 256, "x" * 255 + "/a", "a/" + "x" * 253, "a/" + "x" * 254, "host.com/" + "x" * 246, "host.com/" + "x" * 255),
    *("/".join(["a"] * 20), HEX, f"a/{HEX}", HEX[:63], HEX.upper(), "sha256", "a/", "/a", "a b", " a", "a ", "a\n", "ä", "a/ä", "a+b", "a~b", "a%b"),
    *("a@b", "http://host.com/a", "https://host.com/a", "docker://a", "oci:a", ".", "..", "../a", "a/../b", "", "scratch", "<none>", "a,b", "a=b", "a\\b"),
]

REFERENCES = [
    *("odd", "odd:", ":1", ":", "", "odd:1:2", f"odd@sha256:{HEX}", f"odd:1@sha256:{HEX}", f"sha256:{HEX}", f"sha256:{HEX}:1", "odd@sha256:abc"),
    *(f"odd@sha512:{HEX}{HEX}", f"odd@md5:{HEX[:32]}", HEX, f"{HEX}:1", "odd@", "host.com:5000/odd", "host:5000", "localhost:5000/odd:1", "<none>:<none>"),
]


def of_odd_references():
    for tag in TAGS:
        yield Odd(f"the tag is {json.dumps(tag)}", tags=(f"odd:{tag}",))
    for name in NAMES:
        yield Odd(f"the name is {json.dumps(name)}", tags=(f"{name}:1",))
    for reference in REFERENCES:
        yield Odd(f"the reference is {json.dumps(reference)}", tags=(reference,))
    yield Odd("RepoTags is null", tags=None)
    yield Odd("RepoTags is []", tags=())
    yield Odd("RepoTags has two", tags=("odd:1", "other:2"))
    yield Odd("RepoTags has one twice", tags=("odd:1", "odd:1"))
    yield Odd("RepoTags has one twice, in two ways", tags=("odd:1", "docker.io/library/odd:1"))
    yield Odd("RepoTags has a good one and a bad one", tags=("odd:1", "Odd:2"))
    yield Odd("RepoTags has a bad one and a good one", tags=("Odd:1", "odd:2"))


TIMES = [
    *("2024-01-15T10:20:30Z", "2024-01-15T10:20:30+02:00", "2024-01-15T10:20:30-00:00", "2024-01-15T10:20:30+00:00", "2024-01-15T10:20:30+24:00"),
    *("2024-01-15T10:20:30+23:59", "2024-01-15T10:20:30+14:60", "2024-01-15T10:20:30+0200", "2024-01-15T10:20:30+02", "2024-01-15t10:20:30Z"),
    *("2024-01-15T10:20:30z", "2024-01-15 10:20:30Z", "2024-01-15 10:20:30", "2024-01-15T10:20:30", "2024-01-15T10:20Z", "2024-01-15T10Z", "2024-01-15"),
    *("20240115", "20240115T102030Z", "@1700000000", "1700000000", "now", "", " ", "2024-01-15T10:20:30Z ", " 2024-01-15T10:20:30Z", "2024-1-5T1:2:3Z"),
    *("2024-01-15T1:20:30Z", "2024-01-15T10:20:60Z", "2016-12-31T23:59:60Z", "2024-01-15T24:00:00Z", "2024-01-15T23:60:00Z", "2024-02-30T00:00:00Z"),
    *("2023-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z", "0000-01-01T00:00:00Z"),
    *("0000-12-31T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+10:00", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z"),
    *("1900-01-01T00:00:00Z", "2038-01-19T03:14:08Z", "2262-04-12T00:00:00Z", "2300-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00"),
    *("10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "+2024-01-15T10:20:30Z", "2024-01-15T10:20:30.Z", "2024-01-15T10:20:30,5Z", "2024-01-15T10:20:30UTC"),
    *("2024-W03-1T10:20:30Z", "2024-015T10:20:30Z", "Mon Jan 15 10:20:30 2024", "2024-01-15T10:20:30 Z", "2024-01-15T10:20:30+02:00:00"),
    *(f"2024-01-15T10:20:30.{'123456789012'[:digits]}Z" for digits in range(1, 13)),
]


def of_odd_times():
    for time in TIMES:
        yield Odd(f"created is {json.dumps(time)}", top={"created": time})
    for time in ("", None, "2024-01-15", "20240115", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2024-01-15T24:00:00Z"):
        yield Odd(f"history's created is {json.dumps(time)}", top={"history": [{"created": time}]})
    yield Odd("history's created is absent", top={"history": [{}]})


def of_odd_platforms():
    words = """amd64 x86_64 x86-64 i386 i686 386 arm armv7l armhf armel arm64 aarch64 riscv64 powerpc64le ppc64le s390x mips64le loongarch64
        wasm AMD64 Amd64 nonsense""".split()
    for word in [*words, "", " amd64", None, ABSENT]:
        yield Odd(f"architecture is {'absent' if word is ABSENT else json.dumps(word)}", top={"architecture": word})
    for word in ["linux", "Linux", "LINUX", "darwin", "windows", "freebsd", "wasi", "nonsense", "", None, ABSENT]:
        yield Odd(f"os is {'absent' if word is ABSENT else json.dumps(word)}", top={"os": word})
    for architecture in ("amd64", "arm64", "arm", "386"):
        for variant in ("v1", "v2", "v3", "v5", "v6", "v7", "v8", "v9", "8", "7", "V8", "nonsense", ""):
            top = {"architecture": architecture, "variant": variant}
            yield Odd(f"architecture is {architecture}, variant {json.dumps(variant)}", top=top)
    yield Odd("os.version is 1, of linux", top={"os.version": "1"})
    yield Odd("os.features is [win32k], of linux", top={"os.features": ["win32k"]})


def numbered(count):
    """So many layers, none like another."""
    return (LAYER, *(tar(entry(f"n{number}", b"n")) for number in range(1, count)))


def of_odd_layers():
    for count in (2, 100, *range(120, 136), 200):
        yield Odd(f"{count} layers", layers=numbered(count))
    yield Odd("127 layers that are one", layers=(LAYER,) * 127)
    yield Odd("130 layers that are one", layers=(LAYER,) * 130)
    one = entry("a", b"one")
    pairs = {
        "a file twice": (one, entry("a", b"two")),
        "a file twice, both alike": (one, one),
        "a file, then a link of its name": (one, link("a", "b")),
        "a file, then a directory of its name": (one, directory("a")),
        "a directory, then a file of its name": (directory("a"), one),
        "a directory with something in it, then a file of its name": (directory("a"), entry("a/b", b"x"), one),
        "a directory twice": (directory("a"), directory("a")),
        "a directory twice, of other modes": (directory("a"), directory("a", mode=0o700)),
        "the layer's root twice": (directory("./"), directory("./")),
        "a link, then a directory of its name": (link("a", "b"), directory("a")),
        "a link to a directory, and a file through it": (directory("b"), link("a", "b"), entry("a/c", b"x")),
        "a link out of the image, and a file through it": (link("a", "/tmp"), entry("a/c", b"x")),
        "a link up and out of the image, and a file through it": (link("a", "../../../tmp"), entry("a/c", b"x")),
        "a file below a file": (one, entry("a/b", b"x")),
        "a file twice, once with ./": (one, entry("./a", b"two")),
        "a hard link twice": (one, hard_link("b", "a"), hard_link("b", "a")),
        "a hard link to itself": (hard_link("a", "a"),),
        "a hard link to nothing": (hard_link("b", "a"),),
        "a hard link before its file": (hard_link("b", "a"), one),
        "a hard link to a directory": (directory("a"), hard_link("b", "a")),
        "a hard link to a symlink": (link("a", "bin"), hard_link("b", "a")),
        "a hard link with / in front": (one, hard_link("b", "/a")),
        "a hard link out of the image": (hard_link("b", "../../etc/passwd"),),
        "a whiteout of nothing": (entry(".wh.nothing"),),
        "a whiteout of nothing in no directory": (entry("none/.wh.nothing"),),
        "a whiteout without a name": (entry(".wh."),),
        "a whiteout of .": (entry(".wh.."),),
        "a whiteout of ..": (entry(".wh..."),),
        "a whiteout that is a directory": (directory(".wh.a"),),
        "a whiteout with something in it": (entry(".wh.a", b"x"),),
        "a whiteout of its own layer's file": (one, entry(".wh.a")),
        "an opaque directory": (directory("a"), entry("a/.wh..wh..opq")),
        "an opaque directory that is none": (entry("a/.wh..wh..opq"),),
        "an opaque root": (entry(".wh..wh..opq"),),
        "AUFS's own names": (directory(".wh..wh.plnk"), entry(".wh..wh.aufs")),
        "a name that begins with .wh.. but is none": (entry(".wh..wh.x"),),
        "a fifo": (entry("a", kind=tarfile.FIFOTYPE),),
        "a character device": (entry("a", kind=tarfile.CHRTYPE, device=(1, 3)),),
        "a character device 0/0": (entry("a", kind=tarfile.CHRTYPE),),
        "a block device": (entry("a", kind=tarfile.BLKTYPE, device=(7, 0)),),
        "a device of huge numbers": (entry("a", kind=tarfile.CHRTYPE, device=(2**20, 2**20)),),
        "a member of kind S": (entry("a", kind=b"S"),),
        "a member of kind V": (entry("a", kind=b"V"),),
        "a member of kind 7": (entry("a", b"x", kind=b"7"),),
        "a member of kind Z": (entry("a", kind=b"Z"),),
        "an absolute name": (entry("/a", b"x"),),
        "an absolute name, twice with and without": (entry("/a", b"x"), entry("a", b"y")),
        "a name with ..": (directory("b"), entry("b/../a", b"x")),
        "a name out of the layer": (entry("../a", b"x"),),
        "a name far out of the layer": (entry("../../../../../../tmp/a", b"x"),),
        "a name with a .. at its end": (directory("b/.."),),
        "a directory that no member lists": (entry("x/y/z", b"x"),),
        "a name of 256 bytes": (entry("x" * 256, b"x"),),
        "a name of 255 bytes": (entry("x" * 255, b"x"),),
        "a path of 4100 bytes": (entry("/".join(["x" * 100] * 41), b"x"),),
        "a name that is not UTF-8": (entry("\udcff", b"x"),),
        "a name with a newline": (entry("a\nb", b"x"),),
        "an empty name": (entry("", b"x"),),
        "a name that is /": (directory("/"),),
        "a name that is .": (directory("."),),
        "a file that ends in /": (entry("a/", b"x"),),
        "a link to nowhere": (link("a", "nowhere"),),
        "a link to itself": (link("a", "a"),),
        "a link with an empty target": (link("a", ""),),
        "a link with a target of 4096 bytes": (link("a", "x" * 4096),),
        "a link with a target of 4095 bytes": (link("a", "/".join(["x" * 255] * 16)[:4095]),),
        "setuid": (entry("a", b"x", mode=0o4755),),
        "a mode of 7 digits": (entry("a", b"x", mode=0o1104755),),
        "etc/passwd is a directory": (directory("etc"), directory("etc/passwd")),
        "etc/passwd is rubbish": (directory("etc"), entry("etc/passwd", b"\0\xff\n:::\n")),
        "dev/null is a file": (directory("dev"), entry("dev/null", b"x")),
        "proc has a file": (directory("proc"), entry("proc/x", b"x")),
        "etc is a link out": (link("etc", "/tmp"),),
    }
    for what, entries in pairs.items():
        yield Odd(f"a layer has {what}", layers=(tar(*PROGRAM, *entries),))
    over = {
        "a hard link into a lower layer": ((one,), (hard_link("b", "a"),)),
        "a hard link into a lower layer, to what is no more": ((one,), (entry(".wh.a"), hard_link("b", "a"))),
        "a hard link to what a lower layer hides": ((one,), (entry(".wh.a"),), (hard_link("b", "a"),)),
        "a directory over a file": ((one,), (directory("a"),)),
        "a file over a directory with something in it": ((directory("a"), entry("a/b", b"x")), (one,)),
        "a directory over a link": ((directory("b"), link("a", "b")), (directory("a"), entry("a/c", b"x"))),
        "a file through a link of a lower layer": ((directory("b"), link("a", "b")), (entry("a/c", b"x"),)),
        "a file through a link out of the image": ((link("a", "/tmp"),), (entry("a/c", b"x"),)),
        "a file below a file of a lower layer": ((one,), (entry("a/b", b"x"),)),
        "a whiteout of a lower layer's file": ((one,), (entry(".wh.a"),)),
        "a whiteout of a directory": ((directory("a"), entry("a/b", b"x")), (entry(".wh.a"),)),
        "a whiteout through a link": ((directory("b"), entry("b/c", b"x"), link("a", "b")), (entry("a/.wh.c"),)),
        "an opaque directory over one": ((directory("a"), entry("a/b", b"x")), (directory("a"), entry("a/.wh..wh..opq"))),
        "a directory below a whiteout of it": ((directory("a"), entry("a/b", b"x")), (entry(".wh.a"), directory("a"))),
    }
    for what, layers in over.items():
        yield Odd(f"layers have {what}", layers=(LAYER, *(tar(*entries) for entries in layers)))
    good = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(LAYER).hexdigest()]}
    yield Odd("an empty layer", layers=(LAYER, tar()))
    yield Odd("an empty layer alone", layers=(tar(),))
    yield Odd("a layer of two blocks of zeros", layers=(LAYER, bytes(1024)))
    yield Odd("a layer of one block of zeros", layers=(LAYER, bytes(512)))
    yield Odd("a layer of no bytes", layers=(LAYER, b""))
    yield Odd("a layer of no bytes alone", layers=(b"",))
    yield Odd("a layer of rubbish", layers=(LAYER, b"rubbish" * 200))
    yield Odd("a layer that is cut off", layers=(LAYER, tar(entry("a", bytes(5000)))[:2000]))
    yield Odd("a layer without an end", layers=(LAYER, tar(entry("a", b"x"))[:1024]))
    yield Odd("a layer with something behind its end", layers=(LAYER + b"more" * 128,))
    yield Odd("no layers", layers=())
    yield Odd("no layers and no rootfs", layers=(), top={"rootfs": ABSENT})
    yield Odd("no layers, and DiffIDs null", layers=(), top={"rootfs": {"type": "layers", "diff_ids": None}})
    yield Odd("a layer twice", layers=(LAYER, tar(one), LAYER))
    yield Odd("a DiffID of another layer", top={"rootfs": good | {"diff_ids": ["sha256:" + HEX]}})
    yield Odd("a DiffID too many", top={"rootfs": good | {"diff_ids": good["diff_ids"] * 2}})
    yield Odd("a DiffID too few", layers=(LAYER, tar(one)), top={"rootfs": good})
    yield Odd("a DiffID without its algorithm", top={"rootfs": good | {"diff_ids": [HEX]}})
    yield Odd("a DiffID in capitals", top={"rootfs": good | {"diff_ids": [good["diff_ids"][0].upper()]}})
    for kind in ("", "layers+base", "LAYERS", "nonsense", ABSENT):
        yield Odd(f"rootfs.type is {'absent' if kind is ABSENT else json.dumps(kind)}", top={"rootfs": without(good | {"type": kind})})
    histories = {
        "absent": ABSENT,
        "of two for one layer": [{"created": EXACT}] * 2,
        "of none for one layer": [],
        "all of empty layers": [{"created": EXACT, "empty_layer": True}],
        "of one layer and one that is empty": [{"created": EXACT}, {"empty_layer": True}],
        "of one empty layer and then one that is not": [{"empty_layer": True}, {"created": EXACT}],
        "of an empty object": [{}],
    }
    for what, history in histories.items():
        yield Odd(f"history {what}", top={"history": history})
    yield Odd("repositories is rubbish", repositories="rubbish")
    yield Odd("repositories is empty", repositories="")
    yield Odd("repositories names what is not there", repositories='{"odd": {"1": "nothing"}}')
    yield Odd("repositories says something else", repositories=json.dumps({"other": {"2": HEX}}))


def zstd(content):
    return subprocess.run(["zstd", "-qc"], input=content, stdout=subprocess.PIPE, check=True).stdout


def gzipped(content):
    return gzip.compress(content, mtime=0)


PACKINGS = {"gzip": gzipped, "zstd": zstd, "xz": lzma.compress, "bzip2": bz2.compress}
MEMBERS_OF_GZIP = lambda content: gzipped(content[:1000]) + gzipped(content[1000:])


def of_odd_packings():
    """Archives and layers that are packed, and OCI layouts."""
    for packing, pack in PACKINGS.items():
        yield Odd(f"an archive in {packing}", archive_in=pack)
        yield Odd(f"layers in {packing}", layers_in=pack)
        yield Odd(f"an archive in {packing} with layers in {packing}", archive_in=pack, layers_in=pack)
    yield Odd("an archive in gzip of two members", archive_in=MEMBERS_OF_GZIP)
    yield Odd("layers in gzip of two members", layers_in=MEMBERS_OF_GZIP)
    yield Odd("layers in gzip with rubbish behind", layers_in=lambda content: gzipped(content) + b"rubbish")
    yield Odd("an empty layer in gzip", layers=(LAYER, tar()), layers_in=gzipped)
    yield Odd("a layer of no bytes in gzip", layers=(LAYER, b""), layers_in=gzipped)
    name = "org.opencontainers.image.ref.name"
    containerd = "io.containerd.image.name"
    for what, annotations in {
        "of a tag": {name: "1"},
        "of a name and tag": {name: "odd:1"},
        "of a whole name and tag": {name: "docker.io/library/odd:1"},
        "of containerd's": {containerd: "docker.io/library/odd:1"},
        "of containerd's and a tag": {containerd: "docker.io/library/odd:1", name: "1"},
        "of a bad name": {name: "Odd:1"},
        "of a bad one of containerd's": {containerd: "Odd:1"},
        "of an empty name": {name: ""},
        "without a name": {},
    }.items():
        yield Layout(f"an OCI archive {what}", annotations=annotations)
    layer = "application/vnd.oci.image.layer.v1.tar"
    docker = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    for media, packing in ((f"{layer}+gzip", "gzip"), (f"{layer}+zstd", "zstd"), (docker, "gzip"), (f"{layer}+xz", "xz"), (f"{layer}+bzip2", "bzip2")):
        yield Layout(f"an OCI archive of layers {media} in {packing}", media=media, layers_in=PACKINGS[packing])
        yield Layout(f"an OCI archive of layers {media} that are not packed", media=media)
    for packing, pack in PACKINGS.items():
        yield Layout(f"an OCI archive of layers that are not called packed, in {packing}", layers_in=pack)
        yield Layout(f"an OCI archive in {packing}", archive_in=pack)
    yield Layout("an OCI archive with manifest.json", with_manifest_json=True)
    yield Layout("an OCI archive with manifest.json, without a name", with_manifest_json=True, annotations={})
    yield Layout("an OCI archive with manifest.json, layers in gzip", with_manifest_json=True, media=f"{layer}+gzip", layers_in=gzipped)
    yield Layout("an OCI archive with manifest.json, layers in zstd", with_manifest_json=True, media=f"{layer}+zstd", layers_in=zstd)
    yield Layout("an OCI archive by SHA-512", algorithm="sha512")
    yield Layout("an OCI archive by SHA-512 with manifest.json", algorithm="sha512", with_manifest_json=True)
    yield Layout("an OCI archive without media types", manifest={"mediaType": ABSENT}, index={"mediaType": ABSENT})
    yield Layout("an OCI archive of no version", manifest={"schemaVersion": ABSENT})
    yield Layout("an OCI archive of version 1", manifest={"schemaVersion": 1})
    yield Layout("an OCI archive whose index has no version", index={"schemaVersion": ABSENT})
    yield Layout("an OCI archive for another processor", platform={"os": "linux", "architecture": "s390x"})
    yield Layout("an OCI archive for this processor's variant", platform={"os": "linux", "architecture": "amd64", "variant": "v2"})
    yield Layout("an OCI archive with a subject", manifest={"subject": {"mediaType": "x/y", "digest": f"sha256:{HEX}", "size": 1}})
    yield Layout("an OCI archive of no layers", layers=())
    yield Layout("an OCI archive of a layer unheard of", media="application/x-unheard")
    yield Layout("an OCI archive of an artifact", manifest={"artifactType": "x/y"})


def can_be_paired(odd):
    """Whether nothing but values of documents, layers or names is odd."""
    return type(odd) is Odd and not odd.is_packed and not odd.entry and odd.config_text is odd.manifest_text is odd.repositories is None and isinstance(odd.config, dict)


def pair(first, second):
    """An image that has both oddities; the second wins where they are about one thing."""
    plain = Odd("")
    chosen = {key: getattr(second if getattr(second, key) != getattr(plain, key) else first, key) for key in ("layers", "tags", "layers_in")}
    top, config = first.top | second.top, first.config | second.config
    return Odd(f"{first.name}; {second.name}", top=top, config=config, **chosen)


def pairs(count, seed):
    """So many pairs, always the same of one seed."""
    chance = random.Random(seed)
    groups = [[odd for odd in several if can_be_paired(odd)] for several in all_odd().values()]
    groups = [group for group in groups if group]
    for _ in range(count):
        yield pair(*(chance.choice(chance.choice(groups)) for _ in "ab"))


def all_odd():
    """All of them, one group after the other."""
    return {
        "types": list(of_wrong_types()),
        "content": list(of_odd_content()),
        "keys": list(of_odd_keys()),
        "references": list(of_odd_references()),
        "times": list(of_odd_times()),
        "platforms": list(of_odd_platforms()),
        "layers": list(of_odd_layers()),
        "packings": list(of_odd_packings()),
    }
