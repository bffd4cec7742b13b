# The kernel that `linux-image-*` of Debian installs, as store paths: `image` is the bzImage, and
# `modules` looks like `lib/modules/VERSION`, with the modules of `folders` in it.
{
  lib,
  status,
  # The meta package, and the folders below `kernel/` that a build in a VM may want modules of.
  package,
  folders,
}:

let
  needed = status.needs.${package} or [ ];
  versioned = lib.findFirst (lib.hasPrefix "linux-image-") (throw ''
    host-pkgs: the Debian package `${package}` is not installed; run: apt-get install ${package}
  '') needed;
  version = lib.removePrefix "linux-image-" versioned;

  modules = "/usr/lib/modules/${version}";
  kernel = "${modules}/kernel";
in
{
  inherit version;

  image = builtins.path {
    name = "vmlinuz-${version}";
    path = "/boot/vmlinuz-${version}";
  };

  modules = builtins.path {
    name = "modules-${version}";
    path = modules;
    # depmod makes the other files at its top, and makes them again in the store.
    filter =
      path: _:
      path == kernel
      || builtins.elem (baseNameOf path) [
        "modules.builtin"
        "modules.builtin.modinfo"
        "modules.order"
      ]
      || lib.any (
        folder:
        lib.hasPrefix "${kernel}/${folder}/" "${path}/" || lib.hasPrefix "${path}/" "${kernel}/${folder}/"
      ) folders;
  };
}
