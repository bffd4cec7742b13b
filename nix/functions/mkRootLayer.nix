# Gives a layer with the changes by a script. The script runs as root on top of an image, in a
# virtual machine.
{
  mkOverlayOptions,
  runInVM,
  shellScript,
  storePaths,
}:

{
  # The name of the layer.
  name,
  # A Bash script that runs as root in the image.
  runAsRoot,
  # A store path, or a list of store paths, whose contents appear at the root of the layer.
  copyToRoot ? null,
  # Whether a symlink to a directory is kept when a later item has a directory in its place.
  # Otherwise such symlinks become directories.
  keepContentsDirlinks ? false,
  # A file with the configuration of the image. The layer's `json` is made from it.
  baseJson,
  # The base image that the script runs in, as for `buildImage`. Null stands for no base image.
  fromImage ? null,
  # The name of the image to take from `fromImage`. Null stands for the first image.
  fromImageName ? null,
  # The tag of the image to take from `fromImage`. Null stands for the first image.
  fromImageTag ? null,
  # The size of the virtual machine's disk in MiB.
  diskSize ? 1024,
  # The memory of the virtual machine in MiB.
  buildVMMemorySize ? 512,
  # A Bash script that runs afterwards in the root directory of the layer, outside of the image.
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
