"""Has one image written by the tools that make images, in each of the ways they know."""

import json
import os
import subprocess
import sys
import time
from functools import cached_property
from pathlib import Path
from typing import Callable, NamedTuple, Optional

TOOLS = Path(__file__).resolve().parent.parent / "tools"
sys.path.insert(0, str(TOOLS))

from daemons import DEBIAN13
from registry import Registry, digest
from suite import Failure, check, output, run, same

FOR_PLATFORMS = """
FROM origin:1 AS amd64
FROM scratch AS s390x
FROM $TARGETARCH
COPY Dockerfile /built
COPY Dockerfile /built-again
"""

FLAT = """
FROM scratch
COPY --from=origin:1 / /
COPY Dockerfile /built
ENV PATH=/bin LEVEL=base
"""

OCI = "application/vnd.oci.image"
MANIFEST = f"{OCI}.manifest.v1+json"

# Seconds until a daemon has to answer.
PATIENCE = 60


class Kind(NamedTuple):
    """A kind of base image: who makes it, and how."""

    name: str
    # Gives the path of the image.
    make: Callable[[], Path]
    # The name to choose it by, where the archive has another image too, with another LEVEL.
    image: Optional[str] = None


class Daemon:
    """Debian 13's Docker, until the tests end."""

    def __init__(self, stack, directory, **features):
        directory.mkdir(exist_ok=True)
        settings = directory / "daemon.json"
        settings.write_text(json.dumps({"features": features}))
        self.host = f"unix://{directory}/socket"
        self.containerd = directory / "exec/containerd/containerd.sock"
        options = {
            "config-file": settings,
            "host": self.host,
            "data-root": directory / "data",
            "exec-root": directory / "exec",
            "pidfile": directory / "pid",
            "bridge": "none",
            "iptables": "false",
            "ip6tables": "false",
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        # To get it may take longer than to start it.
        output(*DEBIAN13[:-1])
        log = directory / "log"
        with open(log, "w") as file:
            process = subprocess.Popen([*DEBIAN13, "dockerd", *words], stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        stack.callback(process.wait)
        stack.callback(process.kill)
        end = time.monotonic() + PATIENCE
        while run(*DEBIAN13, "docker", "--host", self.host, "version").returncode:
            if process.poll() is not None or time.monotonic() > end:
                raise Failure("Debian 13's dockerd does not start", *log.read_text().splitlines()[-10:])
            time.sleep(0.1)

    def __call__(self, *words):
        return output(*DEBIAN13, "docker", "--host", self.host, *words)

    def ctr(self, *words):
        return output(*DEBIAN13, "ctr-remote", "--address", self.containerd, "--namespace", "moby", *words)


def skopeo(source, target, *options):
    output("skopeo", "--insecure-policy", "copy", "--quiet", *options, source, target)


class Older:
    """Tools of Debian 12."""

    def __init__(self, stack, origin, directory):
        self.origin = origin
        self.directory = directory

    def kinds(self):
        layout_with_zstd = ("oci", "--dest-compress-format", "zstd")
        return [
            Kind("Docker 20.10, docker save", self.docker_save),
            Kind("skopeo, docker-archive", lambda: self.by_skopeo("docker-archive")),
            Kind("skopeo, OCI layout", lambda: self.by_skopeo("oci")),
            Kind("skopeo, OCI layout with zstd", lambda: self.by_skopeo(*layout_with_zstd)),
            Kind("skopeo, OCI archive", lambda: self.by_skopeo("oci-archive")),
            Kind("umoci, OCI layout", self.by_umoci),
            Kind("GNU tar, OCI archive of ./ in gzip", lambda: self.archive("gzip")),
            Kind("GNU tar, OCI archive of ./ in zstd", lambda: self.archive("zstd", "-q")),
            Kind("GNU tar, OCI archive of ./ in xz", lambda: self.archive("xz", "-0")),
        ]

    def docker_save(self):
        path = self.directory / "saved.tar"
        output("docker", "load", "--quiet", "--input", self.origin)
        output("docker", "save", "--output", path, "origin:1")
        output("docker", "image", "rm", "origin:1")
        return path

    def by_skopeo(self, kind, *options):
        path = self.directory / "-".join([kind, *options[1:]])
        skopeo(f"docker-archive:{self.origin}", f"{kind}:{path}:origin:1", *options)
        return path

    def layout(self, name):
        path = self.directory / name
        skopeo(f"docker-archive:{self.origin}", f"oci:{path}:origin")
        return path

    def by_umoci(self):
        path = self.layout("umoci")
        output("umoci", "config", "--image", f"{path}:origin", "--author", "umoci", "--tag", "again")
        output("umoci", "rm", "--image", f"{path}:origin")
        return path

    def archive(self, *program):
        tar = output("tar", "-C", self.layout(f"in-{program[0]}"), "--sort=name", "-cf", "-", ".", text=False)
        path = self.directory / f"in-{program[0]}.tar"
        path.write_bytes(output(*program, "-c", input=tar, stdin=None, text=False))
        return path


class Newer:
    """Docker, with each of the stores it has now, BuildKit and containerd."""

    def __init__(self, stack, origin, directory):
        self.stack = stack
        self.origin = origin
        self.directory = directory

    def kinds(self):
        save = lambda name, *images: lambda: self.save(self.docker, name, *images)
        return [
            Kind("Docker 26, docker save", save("one", "origin:1", "origin:again")),
            Kind("Docker 26, docker save of two images", save("two", "other:1", "origin:1"), "origin"),
            Kind("Docker 26 on containerd, docker save", lambda: self.save(self.on_containerd, "three", "origin:1")),
            Kind("Docker 26 on containerd, docker save for two platforms", self.save_for_platforms),
            Kind("BuildKit, OCI archive for two platforms", self.by_buildkit),
            Kind("containerd, archive with eStargz", lambda: self.converted("estargz")),
            Kind("containerd, OCI archive with zstd:chunked", lambda: self.converted("zstdchunked", "--skip-manifest-json")),
            Kind("containerd, OCI archive with plain layers", lambda: self.converted("uncompress", "--skip-manifest-json")),
        ]

    @cached_property
    def docker(self):
        docker = Daemon(self.stack, self.directory / "docker")
        docker("load", "--quiet", "--input", self.origin)
        docker("tag", "origin:1", "origin:again")
        other = docker("create", "origin:1", "/bin/sh").strip()
        docker("commit", "--change", "ENV LEVEL=other", other, "other:1")
        return docker

    @cached_property
    def on_containerd(self):
        docker = Daemon(self.stack, self.directory / "docker-on-containerd", **{"containerd-snapshotter": True})
        docker("load", "--quiet", "--input", self.origin)
        return docker

    def save(self, docker, name, *images):
        path = self.directory / f"{name}.tar"
        docker("save", "--output", path, *images)
        return path

    def build(self, dockerfile, *words):
        context = self.directory / "context"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(dockerfile)
        self.on_containerd("buildx", "build", "--quiet", *words, context)

    def build_for_platforms(self, *words):
        """For two processors, the other's first. It says how it was made, as an attestation."""
        self.build(FOR_PLATFORMS, "--provenance=true", "--platform=linux/s390x,linux/amd64", *words)

    def save_for_platforms(self):
        self.build_for_platforms("--tag", "built:1")
        return self.save(self.on_containerd, "platforms", "built:1")

    def by_buildkit(self):
        path = self.directory / "buildkit.tar"
        self.build_for_platforms("--tag", "built:2", "--output", f"type=oci,dest={path}")
        return path

    @cached_property
    def converts(self):
        """Of this image no layer occurs twice: both would be converted at once, which fails."""
        self.build(FLAT, "--provenance=false", "--tag", "flat:1")
        return "docker.io/library/flat:1"

    def converted(self, how, *words):
        path = self.directory / f"{how}.tar"
        name = f"docker.io/library/{how}:1"
        self.on_containerd.ctr("images", "convert", f"--{how}", "--oci", self.converts, name)
        self.on_containerd.ctr("images", "export", *words, path, name)
        return path


class Podman:
    """buildah, which builds on the image, and podman, on the same store."""

    def __init__(self, stack, origin, directory):
        self.origin = origin
        self.directory = directory

    def kinds(self):
        push = lambda target, image, *options: lambda: self.push(target, image, *options)
        save = lambda form, *images: lambda: self.save(form, *images)
        chunked = ("oci", "oci", "--compression-format=zstd:chunked")
        return [
            Kind("buildah, docker-archive", push("docker-archive", "docker")),
            Kind("buildah, OCI archive", push("oci-archive", "oci")),
            Kind("buildah, OCI layout with zstd:chunked", push(*chunked)),
            Kind("podman, docker-archive of two images", save("docker-archive", "other", "oci"), "localhost/as-oci"),
            Kind("podman, OCI archive", save("oci-archive", "oci")),
            Kind("podman, OCI layout", save("oci-dir", "docker")),
        ]

    def on_store(self, program, *words):
        store = ("--root", self.directory / "root", "--runroot", self.directory / "run", "--storage-driver", "vfs")
        # podman warns about the machine's control groups, which nothing here needs.
        environment = os.environ | {"PODMAN_IGNORE_CGROUPSV1_WARNING": "yes"}
        return output(*DEBIAN13, program, *store, *words, env=environment)

    def buildah(self, *words):
        return self.on_store("buildah", *words).strip()

    @cached_property
    def images(self):
        """The names of images with a manifest of Docker's, and one of OCI's, and of another one."""
        self.buildah("pull", "--quiet", f"docker-archive:{self.origin}")
        container = self.buildah("from", "--pull-never", "localhost/origin:1")
        new = self.directory / "new"
        new.write_text("new\n")
        self.buildah("copy", "--quiet", container, new, "/opt/new")
        self.buildah("config", "--env", "BUILT=buildah", "--label", "built=yes", container)
        names = {form: f"localhost/as-{form}:1" for form in ("docker", "oci")}
        for form, name in names.items():
            self.buildah("commit", "--quiet", "--format", form, container, name)
        names["other"] = "localhost/other:1"
        self.buildah("config", "--env", "LEVEL=other", container)
        self.buildah("commit", "--quiet", container, names["other"])
        return names

    def push(self, target, image, *options):
        path = self.directory / f"pushed-{target}"
        self.buildah("push", "--quiet", *options, self.images[image], f"{target}:{path}:pushed:1")
        return path

    def save(self, form, *images):
        path = self.directory / f"saved-{form}"
        several = ["--multi-image-archive"] if len(images) > 1 else []
        names = [self.images[image] for image in images]
        self.on_store("podman", "save", "--quiet", *several, "--format", form, "--output", path, *names)
        return path


class FromRegistry:
    """crane, oras and skopeo, which take the image from a registry on this machine."""

    def __init__(self, stack, origin, directory):
        self.stack = stack
        self.origin = origin
        self.directory = directory

    def kinds(self):
        pull = lambda form: lambda: self.pull(form)
        return [
            Kind("crane, docker-archive", pull("tarball")),
            Kind("crane, docker-archive of old", pull("legacy")),
            Kind("crane, OCI layout", pull("oci")),
            Kind("oras, OCI layout", lambda: self.by_oras("oras", self.image)),
            Kind("oras, OCI layout by SHA-512", self.by_oras_of_sha512),
            Kind("oras, OCI layout by SHA-512, the manifest too", self.copied_by_oras),
            Kind("skopeo, docker-archive with layers by SHA-512", self.by_skopeo),
        ]

    def crane(self, *words):
        return output(TOOLS / "crane", *words)

    @cached_property
    def registry(self):
        return Registry(self.stack, self.directory, "crane")

    @cached_property
    def image(self):
        """In the registry, with a layer of crane's own on top."""
        origin, image = f"{self.registry.address}/origin:1", f"{self.registry.address}/image:1"
        self.crane("push", self.origin, origin)
        new = self.directory / "new"
        new.write_text("new\n")
        layer = self.directory / "layer.tar"
        output("tar", "-C", self.directory, "-cf", layer, "new")
        self.crane("append", "--base", origin, "--new_layer", layer, "--new_tag", image)
        return image

    def pull(self, form):
        path = self.directory / form
        self.crane("pull", "--format", form, self.image, path)
        return path

    def by_oras(self, name, image):
        path = self.directory / name
        output(*DEBIAN13, "oras", "copy", "--from-plain-http", image, "--to-oci-layout", f"{path}:1")
        return path

    def by_sha512(self, name, of_config):
        """The image in the registry, not packed, its layers called by SHA-512 and its config by OF_CONFIG."""
        source = f"docker://{self.image}"
        layout = self.directory / f"{name}-source"
        skopeo(source, f"dir:{layout}", "--src-tls-verify=false", "--dest-decompress")
        manifest = json.loads((layout / "manifest.json").read_text())

        def push(descriptor, kind, algorithm):
            content = (layout / descriptor["digest"].removeprefix("sha256:")).read_bytes()
            called = self.registry.push_blob(name, content, algorithm)
            return {"mediaType": f"{OCI}.{kind}", "digest": called, "size": len(content)}

        pushed = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": push(manifest["config"], "config.v1+json", of_config),
            "layers": [push(layer, "layer.v1.tar", "sha512") for layer in manifest["layers"]],
        }
        self.registry.push_manifest(f"{name}:1", json.dumps(pushed).encode(), MANIFEST)
        return f"{self.registry.address}/{name}:1"

    def by_oras_of_sha512(self):
        path = self.by_oras("oras-sha512", self.by_sha512("all", "sha512"))
        same("what is called by SHA-256", 1, len(list(path.glob("blobs/sha256/*"))))
        return path

    def copied_by_oras(self):
        """A layout whose manifest we call by SHA-512, which no registry here takes, as oras copies it.

        oras compares every blob with its digest.
        """
        called = self.by_oras("oras-called", self.by_sha512("called", "sha512"))
        index = json.loads((called / "index.json").read_text())
        [image] = index["manifests"]
        manifest = called / "blobs" / image["digest"].replace(":", "/")
        image["digest"] = digest(manifest.read_bytes(), "sha512")
        manifest.rename(called / "blobs" / image["digest"].replace(":", "/"))
        (called / "index.json").write_text(json.dumps(index))
        path = self.directory / "oras-copied"
        output(*DEBIAN13, "oras", "copy", "--from-oci-layout", f"{called}:1", "--to-oci-layout", f"{path}:1")
        same("what is called by SHA-256", 0, len(list(path.glob("blobs/sha256/*"))))
        return path

    def by_skopeo(self):
        """Layers have the names `HEX.tar` by SHA-512. The config's is by SHA-256: skopeo takes no other."""
        path = self.directory / "skopeo.tar"
        image = self.by_sha512("layers", "sha256")
        skopeo(f"docker://{image}", f"docker-archive:{path}:image:1", "--src-tls-verify=false")
        names = output("tar", "-tf", path).split()
        check(any(len(name) == len(f"{'0' * 128}.tar") for name in names), "no layer is called by SHA-512:", *names)
        return path


MAKERS = (Older, Newer, Podman, FromRegistry)
