"""Registries on this machine, for the test runners of this folder's neighbours."""

import contextlib
import hashlib
import json
import socket
import subprocess
import time
import urllib.request

from suite import Failure, output

# Seconds until a registry has to answer.
PATIENCE = 30


class Registry:
    """A registry that runs until the tests end."""

    def __init__(self, stack, directory, name, tls=None, accounts=None):
        self.directory = directory / f"{name}-registry"
        self.directory.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        config = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.directory / "data")}},
            "http": {"addr": self.address},
        }
        if tls:
            config["http"]["tls"] = {"certificate": str(tls / "server.pem"), "key": str(tls / "server.key")}
        if accounts:
            config["auth"] = {"htpasswd": {"realm": "tests", "path": str(accounts)}}
        # JSON is YAML.
        settings = self.directory / "config.yml"
        settings.write_text(json.dumps(config))
        with open(self.directory / "log", "w") as log:
            process = subprocess.Popen(["docker-registry", "serve", settings], stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        self.wait_for(process)

    def wait_for(self, process):
        end = time.monotonic() + PATIENCE
        host, port = self.address.split(":")
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port))):
                return
            time.sleep(0.05)
        raise Failure("docker-registry does not start", *(self.directory / "log").read_text().splitlines()[-10:])

    def push(self, archive, tag, *options):
        """The digest of the image, pushed as `tests/pushed:TAG`."""
        target = f"{self.address}/tests/pushed:{tag}"
        skopeo("copy", "--quiet", "--dest-tls-verify=false", *options, f"docker-archive:{archive}", f"docker://{target}")
        inspect = ["inspect", "--raw", "--tls-verify=false", *(word.replace("dest-", "") for word in options)]
        return digest(skopeo(*inspect, f"docker://{target}", text=False))

    def push_list(self, digests):
        """The digest of a list that has an image for each platform of `digests`."""
        entries = []
        for architecture, image in digests.items():
            source = f"docker://{self.address}/tests/pushed@{image}"
            raw = skopeo("inspect", "--raw", "--tls-verify=false", source, text=False)
            entries.append(
                {
                    "mediaType": json.loads(raw)["mediaType"],
                    "size": len(raw),
                    "digest": image,
                    "platform": {"os": "linux", "architecture": architecture},
                }
            )
        kind = "application/vnd.docker.distribution.manifest.list.v2+json"
        manifests = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries}).encode()
        self.push_manifest("tests/pushed:list", manifests, kind)
        return digest(manifests)

    def push_blob(self, name, content, algorithm):
        """The digest by which image NAME may call a blob from then on."""
        called = digest(content, algorithm)
        with self.request("POST", f"http://{self.address}/v2/{name}/blobs/uploads/", b"") as started:
            url = f"{started.headers['Location']}&digest={called}"
        self.request("PUT", url, content).close()
        return called

    def push_manifest(self, image, manifest, kind):
        """Pushes a manifest as NAME:TAG."""
        name, tag = image.split(":")
        self.request("PUT", f"http://{self.address}/v2/{name}/manifests/{tag}", manifest, kind).close()

    def request(self, method, url, content, kind="application/octet-stream"):
        request = urllib.request.Request(url, content, {"Content-Type": kind}, method=method)
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)


def digest(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def skopeo(*words, **options):
    return output("skopeo", "--insecure-policy", *words, **options)
