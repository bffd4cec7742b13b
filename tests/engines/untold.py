"""What engines refuse, and `builder verify` does not tell, with the reasons."""

import re

# Refusals that `verify` does not tell, by the names of the images, and why.
UNTOLD = {
    r".*LayerSources of manifest.json.*|.*Parent of manifest.json.*": "nobody but Docker writes these keys, and no reader of ours needs them",
    r"config.WorkingDir is \"/bin/true\"|config.Entrypoint is \[\"\"\], without Cmd": "whether a container starts is another question",
    r"config.Shell is an? (empty )?string": "Docker takes it in one store, and refuses it in the other",
    r"a layer has a link (up and )?out of the image, and a file through it": "the link leads within the image for some engines",
    r"a layer has a whiteout of its own layer's file": "containerd takes it, and layers of store paths may have such names",
    r"a layer has a member of kind [S7]": "real ones of these kinds are taken; these have no map",
    r"a layer has a name of 256 bytes|a layer has a link with a target of 4096 bytes": "it depends on the file system of the engine",
    r"layers have a hard link into a lower layer, to what is no more": "an engine links to its own mark of the deletion",
    r"an OCI archive.*": "Docker's own store reads no archive without `manifest.json`, whatever the image; see docs/engines.md",
}


def is_untold(name):
    """Whether the odd image `name`, or one of the two oddities of a pair, is one of these."""
    return any(re.fullmatch(pattern, oddity) for pattern in UNTOLD for oddity in name.split("; "))
