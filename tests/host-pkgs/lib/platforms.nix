# Lists of system names for `meta.platforms`: `lib.platforms`.
lib:

let
  linux = [
    "aarch64-linux"
    "armv5tel-linux"
    "armv6l-linux"
    "armv7l-linux"
    "i686-linux"
    "loongarch64-linux"
    "powerpc64le-linux"
    "riscv64-linux"
    "s390x-linux"
    "x86_64-linux"
  ];
  darwin = [
    "aarch64-darwin"
    "x86_64-darwin"
  ];
in
{
  inherit linux darwin;
  unix = linux ++ darwin;
  all = linux ++ darwin;
  none = [ ];
  x86_64 = builtins.filter (lib.hasPrefix "x86_64-") (linux ++ darwin);
  aarch64 = builtins.filter (lib.hasPrefix "aarch64-") (linux ++ darwin);
}
