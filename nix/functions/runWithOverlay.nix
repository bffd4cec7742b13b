# Gives what Bash scripts write to `$out`. They run as root in a virtual machine, before, while and
# after an image is mounted there. In their working directory, `image` has the files of the image,
# `layer` has the changes to them, and `mnt` shows both as one.
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
  # The image to mount, as for `buildImage`. If it is null, `mnt` shows `layer` alone.
  fromImage ? null,
  # The name of the image to take from `fromImage`. Null stands for the first image.
  fromImageName ? null,
  # The tag of the image to take from `fromImage`. Null stands for the first image.
  fromImageTag ? null,
  # The size of the virtual machine's disk in MiB.
  diskSize ? 1024,
  # The memory of the virtual machine in MiB.
  buildVMMemorySize ? 512,
  # A Bash script that runs before the image is mounted.
  preMount ? "",
  # A Bash script that runs while the image is mounted.
  postMount ? "",
  # A Bash script that runs after the image is unmounted. By then, `layer` has a whiteout for
  # everything that was deleted.
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
