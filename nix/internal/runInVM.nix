# Gives a derivation that runs a subcommand of `builder` as root, in a virtual machine with an empty
# disk.
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
  # The size of the virtual machine's disk in MiB.
  diskSize,
  # The memory of the virtual machine in MiB.
  buildVMMemorySize,
}:

let
  # QEMU and the kernel would refuse other values, but their messages do not name the argument.
  whole =
    argument: value:
    lib.throwIf (!lib.isInt value || value < 1)
      "`${argument}` of ${attributes.name} is ${builtins.toJSON value}; it has to be a whole number of MiB, 1 or more."
      value;

  inMachine = vmTools.runInLinuxVM (mkBuilderDerivation {
    inherit command;
    # Some package sets pass structured attributes to the virtual machine, some pass the
    # environment, and some either. Their `vmTools` set this as they need it.
    structuredAttrs = false;
    attributes =
      _:
      attributes
      // {
        preVM = vmTools.createEmptyImage {
          size = whole "diskSize" diskSize;
          fullName = "docker-run-disk";
          destination = "./image";
        };
        memSize = whole "buildVMMemorySize" buildVMMemorySize;
        # The virtual machine gets a processor for each core of the build.
        enableParallelBuilding = true;
      };
  });
in
# A virtual machine that dies cannot say why, so `builder` watches it from outside.
lib.overrideDerivation inMachine (machine: {
  builder = lib.getExe builder;
  args = [
    "watch-vm"
    machine.builder
  ]
  ++ machine.args;
})
