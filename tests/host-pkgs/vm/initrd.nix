# The first file system of the VM: busybox, the modules that are always wanted in the order in
# which they are loaded, the disk's in a list of their own, and stage-1.sh as init. It is not compressed, which would cost time.
{
  busybox,
  diskModules,
  kmod,
  linux,
  rootModules,
  runCommand,
  storeDir,
}:

runCommand "initrd"
  {
    # Not busybox, whose programs of the same names would come first.
    nativeBuildInputs = [ kmod ];
    inherit
      diskModules
      linux
      rootModules
      storeDir
      ;
  }
  ''
    mkdir -p root/bin root/modules
    cp ${busybox}/bin/busybox root/bin
    substitute ${./stage-1.sh} root/init --subst-var storeDir
    chmod +x root/init

    list() {
      for module in $1; do
        modprobe --dirname $linux --set-version ${linux.version} --show-depends $module
      done > needed
      while read -r kind file options; do
        name=$(basename "$file")
        # What is part of the kernel has no file.
        [ "$kind" = insmod ] && [ ! -e "root/modules/$name" ] || continue
        cp "$file" "root/modules/$name"
        echo "/modules/$name"
      done < needed
    }
    list "$rootModules" > root/modules/first
    list "$diskModules" > root/modules/disk

    (cd root && find . | sort | ${busybox}/bin/cpio -o -H newc) > $out
  ''
