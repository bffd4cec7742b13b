# Gives what `builder` has to know about the disk of a virtual machine and about the base image on
# it.
{
  e2fsprogs,
  lib,
  limits,
  platform,
  vmTools,
}:

{
  # The base image that is unpacked on the disk, or null.
  fromImage,
  # The name of the image to take from `fromImage`. Null stands for the first image.
  fromImageName,
  # The tag of the image to take from `fromImage`. Null stands for the first image.
  fromImageTag,
  # The size of the virtual machine's disk in MiB.
  diskSize,
  # The memory of the virtual machine in MiB.
  buildVMMemorySize,
}:

{
  device = "/dev/${vmTools.hd}";
  mkfs = lib.getExe' e2fsprogs "mkfs.ext4";
  inherit diskSize;
  memorySize = buildVMMemorySize;
  fromImage = if fromImage == null then null else "${fromImage}";
  inherit fromImageName fromImageTag limits;
  # The platform that chooses an image in an OCI layout for several platforms.
  platform = {
    inherit (platform) os architecture variant;
  };
  inherit (builtins) storeDir;
}
