# Runs a subcommand of `builder` as root in a virtual machine with an empty disk.
{
  builder,
  lib,
  mkBuilderDerivation,
  vmTools,
}:

{
  # The subcommand of `builder`.
  command,
  # The attributes of the derivation.
  attributes,
  # The size of the disk, in MiB.
  diskSize,
  # The memory of the machine, in MiB.
  buildVMMemorySize,
}:

let
  inMachine = vmTools.runInLinuxVM (mkBuilderDerivation {
    inherit command;
    # Some package sets hand these to the machine, some the environment, and some either.
    structuredAttrs = false;
    attributes =
      _:
      attributes
      // {
        preVM = vmTools.createEmptyImage {
          size = diskSize;
          fullName = "docker-run-disk";
          destination = "./image";
        };
        memSize = buildVMMemorySize;
        # The machine gets a processor for each core of the build.
        enableParallelBuilding = true;
      };
  });
in
# A machine that dies cannot say why, so somebody outside looks on.
lib.overrideDerivation inMachine (machine: {
  builder = lib.getExe builder;
  args = [
    "watch-vm"
    machine.builder
  ]
  ++ machine.args;
})
