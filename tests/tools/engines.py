"""Asks the programs that load images what they make of an archive, each in an empty store of its own.

Docker 20.10, podman 4.3, containerd 1.6 and skopeo 1.9 are Debian 12's, the others Debian 13's. None has a network,
and all that is started ends with the stack that it was started on.
"""

import contextlib
import functools
import io
import json
import re
import shutil
import tarfile
import tempfile
import urllib.parse
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from daemons import DEBIAN13, NAMESPACES, TOOLS, Api, Refused, has_overlay, inside, start, told
from images import uncompressed
from suite import Failure, output

# Bytes that the stores of all engines may need at once; each has one image at a time.
ROOM = 4 << 30

# A command for images that have none of their own.
COMMAND = "/bin/true"

# The stages in which an engine may refuse an image.
LOAD, CREATE, RUN = "load", "create", "run"


@dataclass
class Answer:
    """What an engine says to an archive."""

    # The stage in which it refuses the archive, and its own words; None if it takes it.
    refused_at: Optional[str] = None
    words: str = ""
    # What it read, for each image: ID, names, configuration as the engine shows it.
    images: list = field(default_factory=list)

    @property
    def accepted(self):
        return self.refused_at is None


def minor(version):
    """The parts of a version that a security update leaves as they are."""
    return ".".join(version.split(".")[:2])


def without_suffix(version):
    """A version without what Debian has added to it."""
    return re.match(r"v?([0-9.]*[0-9])", version)[1]


class WithApi:
    """What Docker and podman have in common."""

    def ask(self, archive, stage=CREATE):
        """What the engine says to an archive, up to a stage. Its store is empty afterwards."""
        answer = Answer()
        try:
            at = LOAD
            self.load(archive)
            answer.images = [self.read(image) for image in self.listed()]
            if not answer.images:
                raise Refused("it loads, but there is no image then")
            at = CREATE
            for image in answer.images:
                if stage != LOAD:
                    container = self.create(image)
                if stage == RUN:
                    at = RUN
                    self.run(container)
        except Refused as refused:
            answer.refused_at, answer.words = at, str(refused)
        self.empty()
        return answer


def read(seen, config):
    """What Docker or podman shows of an image, in our words."""
    return {
        "id": seen["Id"],
        "names": seen.get("RepoTags") or [],
        "created": seen.get("Created"),
        "architecture": seen["Architecture"],
        "os": seen["Os"],
        "variant": seen.get("Variant", ""),
        "author": seen.get("Author", ""),
        "layers": len((seen.get("RootFS") or {}).get("Layers") or []),
        "config": config,
    }


class Docker(WithApi):
    """A Docker daemon."""

    def __init__(self, path, on_containerd=False, ctr=None):
        """With containerd's store it needs `ctr`, the words that run it on that."""
        self.api = Api(path)
        self.ctr = ctr
        about = self.api("GET", "/version")
        version = without_suffix(about["Version"])
        self.name = f"Docker {minor(version)}{' on containerd' * on_containerd}"
        self.who = [("docker", version)]
        if on_containerd:
            [its] = [part["Version"] for part in about["Components"] if part["Name"] == "containerd"]
            self.who.append(("containerd", without_suffix(its)))

    def load(self, archive):
        with open(archive, "rb") as file:
            progress = self.api("POST", "/images/load?quiet=1", file, "application/x-tar")
        lines = [progress] if isinstance(progress, dict) else []
        if isinstance(progress, str):
            lines = [json.loads(line) for line in progress.splitlines() if line.startswith("{")]
        for line in lines:
            if "error" in line:
                raise Refused(line["error"])

    def listed(self):
        return [image["Id"] for image in self.api("GET", "/images/json?all=1")]

    def read(self, image):
        seen = self.api("GET", f"/images/{image}/json")
        return read(seen, seen.get("Config") or {})

    def create(self, image):
        wanted = {"Image": image["id"], "HostConfig": {"NetworkMode": "none"}}
        try:
            return self.api("POST", "/containers/create", wanted)["Id"]
        except Refused as refused:
            # `docker create` says so of an image that has no command, and takes one.
            if "no command specified" not in str(refused).lower():
                raise
            return self.api("POST", "/containers/create", wanted | {"Cmd": [COMMAND]})["Id"]

    def run(self, container):
        self.api("POST", f"/containers/{container}/start")
        status = self.api("POST", f"/containers/{container}/wait")["StatusCode"]
        if status:
            raise Refused(f"exit status {status}")

    def empty(self):
        for container in self.api("GET", "/containers/json?all=1"):
            self.api("DELETE", f"/containers/{container['Id']}?force=1")
        if self.ctr:
            # Docker itself cannot get rid of an image whose name or configuration it does not understand.
            if names := told(*self.ctr, "images", "ls", "--quiet").splitlines():
                told(*self.ctr, "images", "rm", "--sync", *names)
        else:
            for image in self.api("GET", "/images/json?all=1"):
                with contextlib.suppress(Refused):  # Another one's name may have been all that kept it.
                    self.api("DELETE", f"/images/{urllib.parse.quote(image['Id'])}?force=1")
        if left := self.api("GET", "/images/json?all=1"):
            raise Failure(f"{self.name} keeps images:", *map(json.dumps, left))


class Podman(WithApi):
    """podman, as a service of its own."""

    def __init__(self, stack, directory, enter, driver):
        directory.mkdir()
        path = directory / "socket"
        store = [f"--{name}={directory / name}" for name in ("root", "runroot", "tmpdir")]
        store.append(f"--storage-driver={driver}")
        settings = directory / "containers.conf"
        settings.write_text('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n')
        self.api = Api(path)
        start(
            stack,
            [*enter, "podman", *store, "system", "service", "--time", "0", f"unix://{path}"],
            directory / "log",
            self.api.answers,
            # podman warns about the machine's control groups, which nothing here needs.
            {"PODMAN_IGNORE_CGROUPSV1_WARNING": "yes", "CONTAINERS_CONF": str(settings)},
        )
        version = without_suffix(self.api("GET", "/version")["Version"])
        self.api.prefix = f"/v{version}/libpod"
        self.name = f"podman {minor(version)}"
        self.who = [("podman", version)]

    def load(self, archive):
        with open(archive, "rb") as file:
            try:
                self.api("POST", "/images/load", file, "application/x-tar")
            except Refused as refused:
                raise Refused(of_its_format(str(refused))) from refused

    def listed(self):
        return [image["Id"] for image in self.api("GET", "/images/json?all=true")]

    def read(self, image):
        seen = self.api("GET", f"/images/{image}/json")
        return read(seen, (seen.get("Config") or {}) | {"Healthcheck": seen.get("Healthcheck")})

    def create(self, image):
        wanted = {"image": image["id"], "netns": {"nsmode": "none"}, "raw_image_name": image["id"]}
        config = image["config"]
        if not config.get("Cmd") and not config.get("Entrypoint"):
            wanted["command"] = [COMMAND]
        return self.api("POST", "/containers/create", wanted)["Id"]

    def run(self, container):
        self.api("POST", f"/containers/{container}/start")
        status = self.api("POST", f"/containers/{container}/wait")
        if status:
            raise Refused(f"exit status {status}")

    def empty(self):
        for container in self.api("GET", "/containers/json?all=true"):
            self.api("DELETE", f"/containers/{container['Id']}?force=true")
        self.api("DELETE", "/images/remove?all=true&force=true")


def of_its_format(words):
    """What podman says of an archive, if it has tried all formats, of the one that it is in."""
    tried = dict(re.findall(r"^ \* (docker-archive|oci-archive): (.*)$", words, re.MULTILINE))
    has_no_manifest = "file does not exist" in tried.get("docker-archive", "") and "manifest.json" in tried["docker-archive"]
    return tried.get("oci-archive" if has_no_manifest else "docker-archive", words)


class Containerd:
    """containerd with `ctr`, which imports each archive into a namespace of its own."""

    CONFIG = """
version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{directory}/socket"
"""

    def __init__(self, stack, directory, prefix, snapshotter):
        """The daemon starts with `prefix`, which gives it namespaces; others `enter` them."""
        directory.mkdir()
        self.snapshotter = snapshotter
        self.socket = directory / "socket"
        settings = directory / "config.toml"
        settings.write_text(self.CONFIG.format(directory=directory))
        self.count = 0
        process = start(stack, [*prefix, "containerd", "--config", settings], directory / "log", self.socket.exists)
        self.enter = inside(process)
        about = self.ctr("version").split("Server:")[1].split()
        version = without_suffix(about[about.index("Version:") + 1])
        self.name = f"containerd {minor(version)}"
        self.who = [("containerd", version)]

    def ctr(self, *words):
        return told(*self.enter, "ctr", "--address", self.socket, *words)

    def ask(self, archive, stage=CREATE):
        """What containerd says to an archive; containers are only made to run.

        `ctr containers create` already wants to find the image's user in it, as others do when they run it.
        """
        self.count += 1
        space = ("--namespace", f"n{self.count}")
        answer = Answer()
        try:
            at = LOAD
            # Those for other machines too.
            imports = (*space, "images", "import", "--snapshotter", self.snapshotter, "--all-platforms")
            self.ctr(*imports, archive)
            names = self.names(space)
            if not names:
                # What has no name is forgotten, unless one asks for digests as names.
                self.ctr(*imports, "--digests", archive)
                names = self.names(space)
            answer.images = [{"names": [name], "id": digest} for name, digest in names]
            if not answer.images:
                raise Refused("it imports, but there is no image then")
            if stage == RUN:
                for number, image in enumerate(answer.images):
                    at = CREATE
                    image |= self.create(space, image["names"][0], f"c{number}")
                    at = RUN
                    self.ctr(*space, "tasks", "start", "--null-io", f"c{number}")
        except Refused as refused:
            answer.refused_at, answer.words = at, str(refused).removeprefix("ctr: ")
        self.empty(space, stage == RUN)
        return answer

    def names(self, space):
        # NAME TYPE DIGEST SIZE PLATFORMS LABELS
        rows = [line.split() for line in self.ctr(*space, "images", "ls").splitlines()[1:]]
        return [(row[0], next(word for word in row if word.startswith("sha256:"))) for row in rows if row]

    def create(self, space, name, container):
        words = (*space, "containers", "create", "--snapshotter", self.snapshotter, name, container)
        try:
            self.ctr(*words)
        except Refused as refused:
            if "no arguments specified" not in str(refused):
                raise
            self.ctr(*words, COMMAND)
        spec = json.loads(self.ctr(*space, "containers", "info", container))["Spec"]
        process = spec["process"]
        return {"config": {key: process.get(key) for key in ("args", "env", "cwd", "user")}}

    def empty(self, space, with_containers):
        if with_containers:
            for container in self.ctr(*space, "containers", "ls", "--quiet").split():
                with contextlib.suppress(Refused):  # It may not run.
                    self.ctr(*space, "tasks", "rm", "--force", container)
                self.ctr(*space, "containers", "rm", container)
        if names := self.ctr(*space, "images", "ls", "--quiet").splitlines():
            self.ctr(*space, "images", "rm", "--sync", *names)


class Skopeo:
    """skopeo, which inspects each image of an archive and copies it to an OCI layout."""

    def __init__(self, directory, enter=()):
        self.directory = directory
        self.directory.mkdir()
        self.enter = enter
        version = without_suffix(self("--version").split()[2])
        self.name = f"skopeo {minor(version)}"
        self.who = [("skopeo", version)]

    def __call__(self, *words):
        # A temporary directory of its own, since it copies what is packed.
        return told(*self.enter, "skopeo", "--insecure-policy", *words, cwd="/")

    def ask(self, archive, stage=CREATE):
        """What skopeo says to each image of an archive."""
        layout = self.directory / "layout"
        answer = Answer()
        try:
            images = sources(archive)
            if not images:
                return None  # None of many has a name to choose it by.
            for source in images:
                self("inspect", "--no-tags", source)
                self("copy", "--quiet", "--all", "--dest-oci-accept-uncompressed-layers", source, f"oci:{layout}:image")
                answer.images.append(self.read(layout))
                shutil.rmtree(layout)
        except Refused as refused:
            answer.refused_at, answer.words = LOAD, fatal(str(refused))
            shutil.rmtree(layout, ignore_errors=True)
        return answer

    def read(self, layout):
        blob = lambda descriptor: json.loads((layout / "blobs" / descriptor["digest"].replace(":", "/")).read_text())
        [descriptor] = json.loads((layout / "index.json").read_text())["manifests"]
        manifest = blob(descriptor)
        if "manifests" in manifest:
            return {"id": descriptor["digest"], "layers": None}
        config = blob(manifest["config"])
        seen = {key: config.get(key) for key in ("created", "architecture", "os", "variant", "author")}
        return seen | {
            "id": manifest["config"]["digest"],
            "layers": len(manifest["layers"]),
            "config": config.get("config"),
        }


def fatal(line):
    """What skopeo says without the frame of its log."""
    return line.split(' msg="', 1)[-1].removesuffix('"').replace('\\"', '"')


def sources(archive):
    """The images of an archive, as skopeo calls them."""
    documents = root_documents(archive)
    if "manifest.json" in documents or "index.json" not in documents:
        number = images_in(documents)
        return [f"docker-archive:{archive}"] if number < 2 else [f"docker-archive:{archive}:@{place}" for place in range(number)]
    index = documents["index.json"]
    listed = index.get("manifests") if isinstance(index, dict) else None
    if not isinstance(listed, list) or len(listed) < 2:
        return [f"oci-archive:{archive}"]
    names = [entry.get("annotations", {}).get("org.opencontainers.image.ref.name") for entry in listed]
    return [f"oci-archive:{archive}:{name}" for name in names if name]


@functools.cache
def root_documents(archive):
    """`manifest.json` and `index.json` of an archive, parsed; None for what is no JSON."""
    found = {}
    try:
        with opened(archive) as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                if name in ("manifest.json", "index.json") and member.isreg():
                    with contextlib.suppress(ValueError, RecursionError):
                        found[name] = None
                        found[name] = json.load(tar.extractfile(member))
    except (tarfile.TarError, OSError, EOFError, zlib.error, Failure):
        pass  # Whoever is asked about it will say so.
    return found


def opened(archive):
    """The archive, however it is packed; Python does not read zstd."""
    try:
        return tarfile.open(archive)
    except tarfile.ReadError:
        return tarfile.open(fileobj=io.BytesIO(uncompressed(archive)))


def images_in(documents):
    """How many images `manifest.json` lists, 1 if nobody knows."""
    listed = documents.get("manifest.json")
    return len(listed) if isinstance(listed, list) else 1


class Crane:
    """`crane validate`."""

    def __init__(self):
        version = without_suffix(output(TOOLS / "crane", "version"))
        self.name = f"crane {minor(version)}"
        self.who = [("crane", version)]

    def ask(self, archive, stage=CREATE):
        """What crane says to an archive of one image; it takes no others, and no layouts, so it is not asked then."""
        documents = root_documents(archive)
        if images_in(documents) != 1 or "index.json" in documents and "manifest.json" not in documents:
            return None
        answer = Answer()
        try:
            told(TOOLS / "crane", "validate", "--tarball", archive)
        except Refused as refused:
            answer.refused_at, answer.words = LOAD, str(refused)
        return answer


class Engines:
    """All of them, started once."""

    def __init__(self, stack):
        self.stack = stack
        self.directory = directory = scratch(stack)
        self.overlay = has_overlay(directory)
        # Each Debian's programs have a first process whose end is the end of all of them, mounts included.
        older = self.containerd("containerd12", (*NAMESPACES, "--"))
        newer = self.containerd("containerd13", DEBIAN13)
        self.all = [
            self.docker("docker12", older.enter),
            self.docker("docker13", newer.enter),
            self.docker("docker13-on-containerd", newer.enter, on_containerd=True),
            self.podman("podman12", older.enter),
            self.podman("podman13", newer.enter),
            older,
            newer,
            Skopeo(directory / "skopeo12"),
            Skopeo(directory / "skopeo13", newer.enter),
            Crane(),
        ]

    def containerd(self, name, prefix):
        return Containerd(self.stack, self.directory / name, prefix, "overlayfs" if self.overlay else "native")

    def podman(self, name, enter):
        return Podman(self.stack, self.directory / name, enter, "overlay" if self.overlay else "vfs")

    def docker(self, name, enter, on_containerd=False):
        directory = self.directory / name
        directory.mkdir()
        settings = directory / "daemon.json"
        drivers = ("native", "overlayfs") if on_containerd else ("vfs", "overlay2")
        features = {"features": {"containerd-snapshotter": True}} if on_containerd else {}
        settings.write_text(json.dumps({"storage-driver": drivers[self.overlay]} | features))
        path = directory / "socket"
        options = {
            "config-file": settings,
            "host": f"unix://{path}",
            "data-root": directory / "data",
            "exec-root": directory / "exec",
            "pidfile": directory / "pid",
            "bridge": "none",
            "iptables": "false",
            "ip6tables": "false",
        }
        words = [f"--{key}={value}" for key, value in options.items()]
        start(self.stack, [*enter, "dockerd", *words], directory / "log", Api(path).answers)
        socket = directory / "exec/containerd/containerd.sock"
        ctr = [*enter, "ctr", "--address", socket, "--namespace", "moby"] if on_containerd else None
        return Docker(path, on_containerd, ctr)

    def ask_all(self, archives, stage=CREATE, only=None):
        """What each engine says to each archive, in the order given; None where it was not asked.

        The engines work side by side, those called by the names in `only` alone, if there are any.
        """
        archives = [self.file(Path(archive).resolve()) for archive in archives]
        with ThreadPoolExecutor(len(self.all)) as pool:
            asked = [pool.submit(ask_each, engine if only is None or engine.name in only else None, archives, stage) for engine in self.all]
            answers = [one.result() for one in asked]
        for several in zip(*answers):
            yield {engine.name: answer for engine, answer in zip(self.all, several)}

    def file(self, archive):
        """The archive, or a layout that is a directory as one."""
        if not archive.is_dir():
            return archive
        packed = Path(tempfile.mkstemp(".tar", "layout-", self.directory)[1])
        output("tar", "-C", archive, "--sort=name", "-cf", packed, ".")
        return packed


def scratch(stack):
    """A directory for what engines unpack, in memory if there is enough: they wait for the disk after each layer."""
    memory = Path("/dev/shm")
    is_large = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engines-", dir=memory if is_large else None)))


def ask_each(engine, archives, stage):
    """What an engine says to one archive after the other; None if there is no engine."""
    return [engine and engine.ask(archive, stage) for archive in archives]
