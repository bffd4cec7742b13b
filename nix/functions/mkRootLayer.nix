# A layer of files that takes root's rights to make: a script runs as root on top of an image,
# in a virtual machine, and the layer is what it changed.
{
  mkOverlayOptions,
  runInVM,
  shellScript,
  storePaths,
}:

{
  # The name of the layer.
  name,
  # Bash that runs as root in the image.
  runAsRoot,
  # A store path, or a list of them, whose contents appear at the root of the layer.
  copyToRoot ? null,
  # Keep a symlink to a directory when a later item has that directory too. Otherwise
  # such symlinks become directories.
  keepContentsDirlinks ? false,
  # A file with the image's configuration, which the layer's `json` starts from.
  baseJson,
  # The image to build on, as `docker save` or `buildImage` writes it.
  fromImage ? null,
  # Which image of `fromImage`; null stands for the first.
  fromImageName ? null,
  # The tag of the image of `fromImage`; null stands for the first image.
  fromImageTag ? null,
  # The size of the virtual machine's disk, in MiB.
  diskSize ? 1024,
  # The memory of the virtual machine, in MiB.
  buildVMMemorySize ? 512,
  # Bash that runs in the root of the layer afterwards, outside of the image.
  extraCommands ? "",
}:

runInVM {
  command = "root-layer";
  inherit diskSize buildVMMemorySize;
  attributes = {
    name = "docker-layer-${name}";
    rootLayer = builtins.toJSON {
      inherit name;
      baseJson = "${baseJson}";
      copyToRoot = storePaths copyToRoot;
      inherit keepContentsDirlinks;
      runAsRoot = "${shellScript "run-as-root.sh" runAsRoot}";
      extraCommands =
        if extraCommands == "" then null else "${shellScript "extra-commands.sh" extraCommands}";
      overlay = mkOverlayOptions {
        inherit
          fromImage
          fromImageName
          fromImageTag
          diskSize
          buildVMMemorySize
          ;
      };
    };
  };
}
