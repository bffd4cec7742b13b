# `linux`: Debian's kernel, `vmlinux` and `lib/modules`.
{
  binutils,
  debian,
  kmod,
  runCommand,
  stdenvNoCC,
}:

let
  inherit (stdenvNoCC.buildPlatform) system;

  kernel = debian.kernel (
    {
      x86_64-linux = "linux-image-amd64";
    }
    .${system} or (throw "host-pkgs: no Debian kernel known for `${system}`")
  ) [
    "arch/x86/crypto"
    "crypto"
    "drivers/block"
    "drivers/char/hw_random"
    "drivers/virtio"
    "fs"
    "lib"
    "net/9p"
    "net/core"
  ];
in
runCommand "linux-${kernel.version}"
  {
    nativeBuildInputs = [
      binutils
      kmod
    ];
    passthru = { inherit (kernel) version; };
    inherit (kernel) image modules version;
  }
  ''
    # The boot protocol says where the compressed kernel lies. Unpacked, it starts sooner.
    number() {
      od --address-radix=n --skip-bytes="$1" --read-bytes="$2" --format="u$2" "$image"
    }
    start=$((($(number 0x1f1 1) + 1) * 512 + $(number 0x248 4)))
    mkdir $out
    dd if="$image" iflag=skip_bytes,count_bytes bs=1M skip=$start count=$(($(number 0x24c 4))) |
      xz --decompress --single-stream > $out/vmlinux

    mkdir -p $out/lib/modules
    cp -r $modules $out/lib/modules/$version
    chmod -R u+w $out/lib/modules
    # Their signatures and type descriptions would be checked at length whenever one is loaded.
    find $out/lib -name '*.ko' -exec strip --strip-debug --remove-section=.BTF {} +
    depmod --basedir $out $version
  ''
