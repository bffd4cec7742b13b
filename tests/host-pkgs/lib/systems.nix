# What a system name such as `x86_64-linux` says about programs for it: `lib.systems`.
lib:

let
  # Per processor: its names in Go, the variant of 32-bit ARM, and the name Linux uses.
  processors = {
    x86_64 = {
      GOARCH = "amd64";
      linuxArch = "x86_64";
    };
    aarch64 = {
      GOARCH = "arm64";
      linuxArch = "arm64";
    };
    i686 = {
      GOARCH = "386";
      linuxArch = "i386";
    };
    armv5tel = {
      GOARCH = "arm";
      GOARM = "5";
      linuxArch = "arm";
    };
    armv6l = {
      GOARCH = "arm";
      GOARM = "6";
      linuxArch = "arm";
    };
    armv7l = {
      GOARCH = "arm";
      GOARM = "7";
      linuxArch = "arm";
    };
    riscv64 = {
      GOARCH = "riscv64";
      linuxArch = "riscv";
    };
    powerpc64le = {
      GOARCH = "ppc64le";
      linuxArch = "powerpc";
    };
    s390x = {
      GOARCH = "s390x";
      linuxArch = "s390";
    };
    loongarch64 = {
      GOARCH = "loong64";
      linuxArch = "loongarch";
    };
  };

  fromSystem =
    system:
    let
      parts = builtins.match "([^-]+)-([^-]+)" system;
      cpu = builtins.elemAt parts 0;
      kernel = builtins.elemAt parts 1;
      processor = processors.${cpu} or (throw "lib.systems.elaborate: unknown processor `${cpu}` in `${system}`");
      is = name: cpu == name;
    in
    if parts == null then
      throw "lib.systems.elaborate: `${system}` is not of the form CPU-KERNEL"
    else
      {
        inherit system;
        config = if kernel == "linux" then "${cpu}-unknown-linux-gnu" else "${cpu}-apple-darwin";
        parsed = {
          cpu.name = cpu;
          kernel.name = kernel;
        };
        inherit (processor) linuxArch;
        uname = {
          system = if kernel == "linux" then "Linux" else "Darwin";
          processor = cpu;
        };
        go = {
          inherit (processor) GOARCH;
          GOOS = kernel;
          GOARM = processor.GOARM or "";
        };
        rust.rustcTarget = if kernel == "linux" then "${cpu}-unknown-linux-gnu" else "${cpu}-apple-darwin";
        isLinux = kernel == "linux";
        isDarwin = kernel == "darwin";
        isUnix = true;
        isGnu = kernel == "linux";
        isMusl = false;
        isStatic = false;
        isx86_64 = is "x86_64";
        isx86_32 = is "i686";
        isx86 = is "x86_64" || is "i686";
        isAarch64 = is "aarch64";
        isAarch32 = lib.hasPrefix "armv" cpu;
        isRiscV64 = is "riscv64";
        is64bit = lib.hasInfix "64" cpu || is "s390x";
        isLittleEndian = !(is "s390x");
        extensions = {
          sharedLibrary = if kernel == "linux" then ".so" else ".dylib";
          executable = "";
        };
      };
in
{
  # `x86_64-linux`, `{ system = …; }` or `{ config = "CPU-unknown-linux-gnu"; }`.
  elaborate =
    args:
    let
      given = if builtins.isString args then { system = args; } else args;
      fromConfig =
        let
          words = builtins.filter builtins.isString (builtins.split "-" given.config);
        in
        "${builtins.head words}-${if builtins.elem "linux" words then "linux" else "darwin"}";
      platform = fromSystem (given.system or fromConfig) // given;
    in
    platform
    // {
      # Platforms hold functions, which never compare as equal, so this compares by name.
      canExecute = other: platform.system == other.system;
      emulatorAvailable = _: false;
      equals = other: platform.system == other.system;
    };

  equals = a: b: a.system == b.system;
  flakeExposed = [
    "x86_64-linux"
    "aarch64-linux"
    "x86_64-darwin"
    "aarch64-darwin"
  ];
  examples = {
    aarch64-multiplatform.config = "aarch64-unknown-linux-gnu";
    gnu64.config = "x86_64-unknown-linux-gnu";
  };
}
