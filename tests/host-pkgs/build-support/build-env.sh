# Links the trees $chosen into $out$extraPrefix, as build-env.nix says.

# Whether the name $1 (with a slash before it, or empty for the top) is to be linked whole.
isLinked() {
  local prefix
  for prefix in $pathsToLink; do
    [[ $prefix == / || $1 == "$prefix" || $1 == "$prefix"/* ]] && return 0
  done
  return 1
}

# Whether something below the name $1 is to be linked.
leadsToLinked() {
  local prefix
  for prefix in $pathsToLink; do
    [[ $prefix == "$1"/* ]] && return 0
  done
  return 1
}

# Puts the file or directory $1 under the name $2.
place() {
  local source=$1 name=$2 target=$out$extraPrefix$2
  if isLinked "$name" && [[ -n $name ]]; then
    if [[ ! -e $target && ! -L $target ]]; then
      mkdir -p "$(dirname "$target")"
      ln -s "$source" "$target"
      return
    fi
    if [[ -d $source && -d $target ]]; then
      [[ ! -L $target ]] || openLink "$target"
    else
      collide "$source" "$target"
      return
    fi
  elif ! leadsToLinked "$name" && ! isLinked "$name"; then
    return
  fi
  [[ ! -d $source ]] || placeEntries "$source" "$name"
}

placeEntries() {
  local entry
  while IFS= read -r -d '' entry; do
    case $2/${entry##*/} in
      /propagated-build-inputs | /nix-support) continue ;;
      *.la | */perllocal.pod) continue ;;
    esac
    place "$entry" "$2/${entry##*/}"
  done < <(find "$1/" -mindepth 1 -maxdepth 1 -print0 | sort -z)
}

# Makes a directory with the same entries out of a link to a directory.
openLink() {
  local target=$1 inside entry
  inside=$(readlink -f "$target")
  rm "$target"
  mkdir "$target"
  while IFS= read -r -d '' entry; do
    ln -s "$entry" "$target/${entry##*/}"
  done < <(find "$inside" -mindepth 1 -maxdepth 1 -print0)
}

# The first package stays; a different file of the same name is an error unless it is ignored.
collide() {
  local new=$1 old=$2
  [[ $(readlink -f "$new") != $(readlink -f "$old") ]] || return 0
  if [[ -n $checkContents && -f $new && -f $old ]] && cmp -s "$new" "$old"; then
    return 0
  fi
  if [[ -n $ignoreCollisions ]]; then
    echo "buildEnv: keeping \`$(readlink "$old")', ignoring \`$new'" >&2
    return 0
  fi
  echo "buildEnv error: two given paths contain a conflicting subpath:" >&2
  echo "  \`$(readlink -f "$old")' and" >&2
  echo "  \`$new'" >&2
  exit 25
}

mkdir -p "$out$extraPrefix"
for path in $chosen; do
  if [[ ! -d $path ]]; then
    [[ -z $ignoreSingleFileOutputs ]] || continue
    echo "buildEnv error: The store path $path is a file and can't be merged into an environment using pkgs.buildEnv!" >&2
    exit 1
  fi
  place "$path" ""
done
if [[ -n $manifest ]]; then
  ln -s "$manifest" "$out/manifest"
fi
