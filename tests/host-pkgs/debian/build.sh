# Turns the files of one Debian package into a store path that needs nothing outside the store.
# In: $sources (each like /usr), $dependencies (store paths), $libc, $libgcc, $shell, $patchelf with its
# $loader and $libraries. Out: $out/bin, $out/lib, $out/share. Runs under busybox.
set -eu
umask 022

patchelf() {
  "$loader" --library-path "$libraries" "$patchelf" "$@"
}

copy_files() {
  mkdir -p "$out"
  for source in $sources; do
    cp -dR "$source/." "$out/"
    chmod -R u+w "$out"
  done

  # sbin holds programs too, and the multiarch directory is this system's lib.
  merge sbin bin
  merge "lib/$multiarch" lib
  merge lib64 lib
  if [ -n "$libgcc" ]; then
    cp -dR "$libgcc/lib/$multiarch/." "$out/lib/"
    chmod -R u+w "$out/lib"
  fi
}

# Moves what lies in $out/$1 to $out/$2.
merge() {
  [ -d "$out/$1" ] && [ ! -L "$out/$1" ] || return 0
  mkdir -p "$out/$2"
  for entry in "$out/$1"/* "$out/$1"/.[!.]*; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    target="$out/$2/${entry##*/}"
    if [ -d "$entry" ] && [ -d "$target" ] && [ ! -L "$entry" ] && [ ! -L "$target" ]; then
      merge "$1/${entry##*/}" "$2/${entry##*/}"
    elif [ -e "$target" ] || [ -L "$target" ]; then
      # libc6 has the loader's name twice: the file, and a link to it for /lib64.
      rm -rf "$entry"
    else
      mv "$entry" "$target"
    fi
  done
  rm -rf "${out:?}/$1"
}

# Where the library directories of this package and its dependencies are.
library_path() {
  path=$out/lib
  # Libraries that only this package uses lie deeper.
  for directory in $(find "$out/lib" -name '*.so*' -exec dirname {} \; 2>/dev/null | sort -u); do
    path=$path:$directory
  done
  for dependency in $dependencies $libc; do
    [ ! -d "$dependency/lib" ] || path=$path:$dependency/lib
  done
  echo "$path"
}

# Firmware for other processors, which QEMU brings, is none of our programs.
is_elf() {
  [ "$(head -c 4 "$1" | tail -c 3)" = ELF ] && [ "$(elf_machine "$1")" = "$own_machine" ]
}

elf_machine() {
  od -A n -t d2 -j 18 -N 2 "$1" | tr -d ' '
}

# 2 for a program with a fixed address, 3 for libraries and other programs.
elf_type() {
  od -A n -t d2 -j 16 -N 2 "$1" | tr -d ' '
}

patch_elf() {
  file=$1
  case ${file##*/} in
    # The loader finds nothing for itself, and libc6 is found by everyone else.
    ld-linux* | ld.so | ld-2*) return 0 ;;
  esac
  [ -n "$libc" ] || case ${file##*/} in lib*.so*) return 0 ;; esac
  # Only dynamic executables and libraries have a dynamic section.
  needed=$(patchelf --print-needed "$file" 2>/dev/null) || return 0
  # Old-style RPATH also serves libraries that are opened by name later, as plugins are.
  set -- --force-rpath --set-rpath "$(path_to $needed)"
  # In a program with a fixed address the longer texts go before its first page, and patchelf 0.18
  # makes too little room there when it counts in small pages: the dynamic section cannot be written.
  if [ "$(elf_type "$file")" = 2 ]; then
    set -- --page-size 65536 "$@"
  fi
  if patchelf --print-interpreter "$file" >/dev/null 2>&1; then
    set -- --set-interpreter "${libc:-$out}/lib/$loaderName" "$@"
  fi
  patchelf "$@" "$file"
}

# The part of $elf_path that has the libraries named by the arguments.
path_to() {
  path=
  for directory in $(echo "$elf_path" | tr : ' '); do
    for library; do
      if [ -e "$directory/$library" ]; then
        path=$path${path:+:}$directory
        break
      fi
    done
  done
  echo "$path"
}

patch_script() {
  file=$1
  [ -n "$shell" ] && [ -x "$file" ] || return 0
  read -r first <"$file" || return 0
  case $first in
    '#!/bin/sh'* | '#! /bin/sh'* | '#!/bin/bash'* | '#! /bin/bash'* | '#!/usr/bin/sh'* | '#!/usr/bin/bash'*)
      options=${first#*sh}
      sed -i "1s|.*|#!$shell${options}|" "$file"
      ;;
    '#!/usr/bin/env bash' | '#!/usr/bin/env sh') sed -i "1s|.*|#!$shell|" "$file" ;;
  esac
}

# Points the link $1 to where its target is now, or removes it if no package here has it.
repair_link() {
  link=$1
  target=$(readlink "$link")
  case $target in
    /*) absolute=$target ;;
    *) absolute=$(original_directory "$link")/$target ;;
  esac
  relative=$(moved "$absolute")
  for place in $out $dependencies; do
    if [ -e "$place/$relative" ] && [ "$place/$relative" != "$link" ]; then
      ln -sfn "$place/$relative" "$link"
      return 0
    fi
  done
  rm "$link"
}

# The directory in /usr that the link $1 was in before the directories were merged.
original_directory() {
  name=${1#"$out"/}
  for directory in "${name%/*}" sbin "lib/$multiarch${name#lib}" lib64; do
    case $directory in lib/*) directory=${directory%/*} ;; esac
    for source in $sources; do
      if [ -L "$source/$directory/${name##*/}" ]; then
        echo "/usr/$directory"
        return 0
      fi
    done
  done
  echo "/usr/${name%/*}"
}

# The name below $out of the absolute path $1, with dots resolved and directories merged.
moved() {
  echo "$1" | awk -F/ -v multiarch="$multiarch" '{
    n = 0
    for (i = 2; i <= NF; i++) {
      if ($i == "..") { if (n > 0) n-- } else if ($i != "" && $i != ".") part[++n] = $i
    }
    first = (part[1] == "usr") ? 2 : 1
    path = ""
    for (i = first; i <= n; i++) {
      word = part[i]
      if (i == first && word == "sbin") word = "bin"
      if (i == first && word == "lib64") word = "lib"
      if (i == first + 1 && word == multiarch && part[first] == "lib") continue
      path = path (path == "" ? "" : "/") word
    }
    print path
  }'
}

copy_files
own_machine=$(elf_machine /proc/self/exe)
elf_path=$(library_path)
find "$out" -type f | while read -r file; do
  if is_elf "$file"; then patch_elf "$file"; else patch_script "$file"; fi
done
find "$out" -type l | while read -r link; do
  case $(readlink "$link") in
    /*) repair_link "$link" ;;
    *) [ -e "$link" ] || repair_link "$link" ;;
  esac
done
(cd "$out" && eval "$fixup")
find "$out" -depth -type d -exec rmdir {} \; 2>/dev/null || true
mkdir -p "$out"
