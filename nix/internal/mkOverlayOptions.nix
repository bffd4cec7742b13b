# What `builder` has to know of the disk of a virtual machine and of the base image on it.
{
  e2fsprogs,
  lib,
  limits,
  platform,
  vmTools,
}:

{
  # The image that is unpacked on the disk.
  fromImage,
  # Which image of `fromImage`; null stands for the first.
  fromImageName,
  # The tag of the image of `fromImage`; null stands for the first image.
  fromImageTag,
  # The size of the disk, in MiB.
  diskSize,
  # The memory of the machine, in MiB.
  buildVMMemorySize,
}:

{
  device = "/dev/${vmTools.hd}";
  mkfs = lib.getExe' e2fsprogs "mkfs.ext4";
  inherit diskSize;
  memorySize = buildVMMemorySize;
  fromImage = if fromImage == null then null else "${fromImage}";
  inherit fromImageName fromImageTag limits;
  # Which of the images in a layout for several platforms.
  platform = {
    inherit (platform) os architecture variant;
  };
  inherit (builtins) storeDir;
}
