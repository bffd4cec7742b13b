# Sets of files, and source trees made of them: `lib.fileset`. A set is two questions: does it
# hold the file of this name, and can it hold anything below this directory. The second one
# keeps `toSource` out of directories such as `target`.
lib:

let
  below = directory: path: directory == path || lib.hasPrefix "${directory}/" path;

  make = contains: reaches: {
    _type = "fileset";
    inherit contains reaches;
  };
  nothing = make (_: _: false) (_: false);

  # A path stands for the file, or for every file below the directory.
  coerce =
    context: value:
    if value._type or null == "fileset" then
      value
    else if !builtins.isPath value then
      throw "lib.fileset.${context}: ${
        if builtins.isString value then "\"${value}\"" else "an argument of type ${builtins.typeOf value}"
      } is not a path or a file set"
    else if !builtins.pathExists value then
      throw "lib.fileset.${context}: ${toString value} is a path that does not exist"
    else
      fromPath (toString value);

  fromPath = path: make (file: _: below path file) (directory: below path directory || below directory path);

  either = a: b: make (f: t: a.contains f t || b.contains f t) (d: a.reaches d || b.reaches d);

  # Directories come along only if a file in them does, as in Git.
  holdsFile =
    set: directory:
    let
      entries = builtins.readDir directory;
    in
    set.reaches directory
    && lib.any (
      name:
      let
        type = entries.${name};
        path = "${directory}/${name}";
      in
      if type == "directory" then holdsFile set path else set.contains path type
    ) (builtins.attrNames entries);
in
{
  unions = list: builtins.foldl' either nothing (map (coerce "unions") list);
  union = a: b: either (coerce "union" a) (coerce "union" b);
  maybeMissing = path: if builtins.pathExists path then coerce "maybeMissing" path else nothing;

  intersection =
    first: second:
    let
      a = coerce "intersection" first;
      b = coerce "intersection" second;
    in
    make (f: t: a.contains f t && b.contains f t) (d: a.reaches d && b.reaches d);

  difference =
    kept: removed:
    let
      a = coerce "difference" kept;
      b = coerce "difference" removed;
    in
    make (f: t: a.contains f t && !b.contains f t) a.reaches;

  # `predicate` gets `{ name, type, hasExt }` of each file below `path`.
  fileFilter =
    predicate: path:
    let
      all = coerce "fileFilter" path;
    in
    make (
      file: type:
      all.contains file type
      && predicate {
        name = baseNameOf file;
        inherit type;
        hasExt = extension: lib.hasSuffix ".${extension}" (baseNameOf file);
      }
    ) all.reaches;

  toSource =
    { root, fileset }:
    let
      set = coerce "toSource" fileset;
    in
    if !builtins.isPath root then
      throw "lib.fileset.toSource: `root` is not a path"
    else
      lib.cleanSourceWith {
        src = root;
        name = "source";
        filter = path: type: if type == "directory" then holdsFile set path else set.contains path type;
      };
}
