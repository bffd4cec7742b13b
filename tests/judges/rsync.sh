#!/bin/sh
# Puts an rsync that merges as nixpkgs' 3.4.1 does to DIRECTORY/usr/bin/rsync:
#
#     rsync.sh DIRECTORY
#
# It is the 3.2.7 of Debian 12's main archive. The 3.5.0 of its security archive no longer changes
# the mode of a directory behind a symlink, and so fails where 3.2 to 3.4 merge.
set -eu
mkdir -p "$1/download"
cd "$1/download"
apt-get download -qq rsync/bookworm
dpkg -x rsync_*.deb "$1"
