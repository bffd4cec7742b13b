# The first file system of the VM: busybox, the modules that are always wanted in the order in
# which they are loaded, and stage-1.sh as init. It is not compressed, which would cost time.
{
  busybox,
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
    inherit linux rootModules storeDir;
  }
  ''
    mkdir -p root/bin root/modules
    cp ${busybox}/bin/busybox root/bin
    substitute ${./stage-1.sh} root/init --subst-var storeDir
    chmod +x root/init

    for module in $rootModules; do
      modprobe --dirname $linux --set-version ${linux.version} --show-depends $module
    done > needed
    while read -r kind file options; do
      name=$(basename "$file")
      # What is part of the kernel has no file.
      [ "$kind" = insmod ] && [ ! -e "root/modules/$name" ] || continue
      cp "$file" "root/modules/$name"
      echo "/modules/$name" >> root/modules/order
    done < needed

    (cd root && find . | sort | ${busybox}/bin/cpio -o -H newc) > $out
  ''
