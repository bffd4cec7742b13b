# busybox without anything else in its closure. Like nixpkgs' it names itself, in a script.
{ busybox, runCommand }:

runCommand "busybox-static-${busybox.version}" { meta.mainProgram = "busybox"; } ''
  mkdir $out
  cp --recursive ${busybox}/bin $out
  printf '#!%s\n' $out/bin/sh > $out/default.script
''
