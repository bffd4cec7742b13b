# `/bin/sh`, which is bash.
{ linkFarm, bash, lib }:

linkFarm "bin-sh" { "bin/sh" = lib.getExe bash; }
