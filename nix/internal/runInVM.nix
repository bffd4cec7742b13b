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
  # What QEMU and the kernel say of other numbers does not name the argument.
  whole =
    argument: value:
    lib.throwIf (!lib.isInt value || value < 1)
      "`${argument}` of ${attributes.name} is ${builtins.toJSON value}; it has to be a whole number of MiB, 1 or more."
      value;

  inMachine = vmTools.runInLinuxVM (mkBuilderDerivation {
    inherit command;
    # Some package sets hand these to the machine, some the environment, and some either.
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
