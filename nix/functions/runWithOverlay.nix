# Runs bash as root in a virtual machine, before and after an image is mounted there. The
# working directory has the image's files in `image`, changes to them in `layer`, and both as
# one in `mnt`. What the bash writes to `$out` is the output.
{
  e2fsprogs,
  jq,
  jshon,
  mkOverlayOptions,
  rsync,
  runInVM,
  stdenvNoCC,
  util-linux,
}:

{
  # The name of the derivation.
  name,
  # The image to mount; none leaves `layer` alone in `mnt`.
  fromImage ? null,
  # Which image of `fromImage`; null stands for the first.
  fromImageName ? null,
  # The tag of the image of `fromImage`; null stands for the first image.
  fromImageTag ? null,
  # The size of the virtual machine's disk, in MiB.
  diskSize ? 1024,
  # The memory of the virtual machine, in MiB.
  buildVMMemorySize ? 512,
  # Bash that runs before the image is mounted.
  preMount ? "",
  # Bash that runs while it is mounted.
  postMount ? "",
  # Bash that runs after it is unmounted, when `layer` has whiteouts for what was deleted.
  postUmount ? "",
}:

runInVM {
  command = "run-with-overlay";
  inherit diskSize buildVMMemorySize;
  attributes = {
    inherit
      name
      fromImage
      fromImageName
      fromImageTag
      preMount
      postMount
      postUmount
      ;

    nativeBuildInputs = [
      util-linux
      e2fsprogs
      jshon
      rsync
      jq
    ];

    runWithOverlay = builtins.toJSON {
      inherit name;
      inherit (stdenvNoCC) shell;
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
