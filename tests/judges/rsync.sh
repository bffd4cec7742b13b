#!/bin/sh
# Puts an rsync of the version that nixpkgs' golden images were made with, in behaviour, to
# DIRECTORY/usr/bin/rsync:
#
#     rsync.sh DIRECTORY
#
# It is that of Debian 12's main archive, 3.2.7. The 3.5.0 of its security archive no longer
# changes the mode of a directory behind a symlink and so fails where 3.2 to 3.4 merge.
set -eu
mkdir -p "$1/download"
cd "$1/download"
apt-get download -qq rsync/bookworm
dpkg -x rsync_*.deb "$1"
