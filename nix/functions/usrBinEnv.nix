# Gives `/usr/bin/env`, which the first line of many scripts names.
{ coreutils, lib, linkFarm }:

linkFarm "usr-bin-env" { "usr/bin/env" = lib.getExe' coreutils "env"; }
