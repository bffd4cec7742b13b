# Functions about strings and paths: `lib.strings`.
lib:

let
  inherit (builtins)
    concatStringsSep
    genList
    isString
    match
    replaceStrings
    stringLength
    substring
    ;

  # Every character a regular expression gives a meaning to, with a backslash before it.
  regexSpecials = lib.stringToCharacters ''\[{()^$?*+|.'';

  lower = lib.stringToCharacters "abcdefghijklmnopqrstuvwxyz";
  upper = lib.stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
in
{
  inherit (builtins)
    compareVersions
    concatStringsSep
    fromJSON
    isString
    match
    parseDrvName
    replaceStrings
    split
    storeDir
    stringLength
    substring
    toJSON
    typeOf
    unsafeDiscardStringContext
    ;

  concatStrings = concatStringsSep "";
  concatMapStrings = f: list: concatStringsSep "" (map f list);
  concatMapStringsSep =
    separator: f: list:
    concatStringsSep separator (map f list);
  concatMapAttrsStringSep =
    separator: f: attrs:
    concatStringsSep separator (lib.mapAttrsToList f attrs);
  concatImapStringsSep =
    separator: f: list:
    concatStringsSep separator (lib.imap1 f list);
  concatLines = lib.concatMapStrings (line: line + "\n");
  intersperse =
    separator: list:
    lib.tail (lib.concatMap (x: [ separator ] ++ [ x ]) list);
  optionalString = condition: string: if condition then string else "";
  stringToCharacters = s: genList (n: substring n 1 s) (stringLength s);
  replicate = count: s: concatStringsSep "" (genList (_: s) count);

  hasPrefix = prefix: s: substring 0 (stringLength prefix) s == prefix;
  hasSuffix =
    suffix: s:
    let
      start = stringLength s - stringLength suffix;
    in
    start >= 0 && substring start (-1) s == suffix;
  hasInfix = infix: s: match ".*${lib.escapeRegex infix}.*" "${s}" != null;
  removePrefix = prefix: s: if lib.hasPrefix prefix s then substring (stringLength prefix) (-1) s else s;
  removeSuffix =
    suffix: s:
    if lib.hasSuffix suffix s then substring 0 (stringLength s - stringLength suffix) s else s;

  escape = list: replaceStrings list (map (c: "\\${c}") list);
  escapeRegex = lib.escape regexSpecials;
  escapeShellArg =
    arg:
    let
      s = toString arg;
    in
    if match "[[:alnum:],._+:@%/-]+" s == null then
      "'${replaceStrings [ "'" ] [ "'\\''" ] s}'"
    else
      s;
  escapeShellArgs = lib.concatMapStringsSep " " lib.escapeShellArg;
  escapeNixString = s: lib.escape [ "$" ] (builtins.toJSON s);

  splitString =
    separator: s:
    map (lib.addContextFrom s) (
      builtins.filter isString (
        builtins.split (lib.escapeRegex (toString separator)) (builtins.unsafeDiscardStringContext (toString s))
      )
    );
  addContextFrom = source: s: substring 0 0 source + s;
  toLower = replaceStrings upper lower;
  toUpper = replaceStrings lower upper;
  toInt =
    s:
    let
      value = builtins.fromJSON (lib.trim s);
    in
    if builtins.isInt value then value else throw "toInt: Could not convert ${s} to int.";
  trim = s: builtins.head (match "[[:space:]]*(.*[^[:space:]]|)[[:space:]]*" s);
  fixedWidthString =
    width: filler: s:
    if stringLength s >= width then s else filler + lib.fixedWidthString (width - 1) filler s;
  fileContents = path: lib.removeSuffix "\n" (builtins.readFile path);

  versionAtLeast = a: b: builtins.compareVersions a b >= 0;
  versionOlder = a: b: builtins.compareVersions a b < 0;

  getName = x: if isString x then (builtins.parseDrvName x).name else x.pname or (builtins.parseDrvName x.name).name;
  getVersion = x: if isString x then (builtins.parseDrvName x).version else x.version or (builtins.parseDrvName x.name).version;
  # Words that may not stand in the name of a store path become `-`.
  sanitizeDerivationName =
    s:
    let
      kept = concatStringsSep "-" (
        builtins.filter isString (
          builtins.split "[^[:alnum:]+._?=-]+" (builtins.head (match "\\.*(.*)" (builtins.unsafeDiscardStringContext "${s}")))
        )
      );
    in
    if kept == "" then "unknown" else substring (lib.max (stringLength kept - 207) 0) (-1) kept;

  isConvertibleWithToString =
    x:
    builtins.elem (builtins.typeOf x) [
      "path"
      "string"
      "null"
      "int"
      "float"
      "bool"
    ]
    || (builtins.isList x && lib.all lib.strings.isConvertibleWithToString x)
    || x ? outPath
    || x ? __toString;
  isStringLike = x: isString x || builtins.isPath x || x ? outPath || x ? __toString;
  isStorePath =
    x:
    lib.isStringLike x
    && substring 0 1 (toString x) == "/"
    && dirOf (toString x) == builtins.storeDir;

  makeSearchPath = sub: paths: concatStringsSep ":" (map (path: "${path}/${sub}") (builtins.filter (x: x != null) paths));
  makeSearchPathOutput = output: sub: paths: lib.makeSearchPath sub (map (lib.getOutput output) paths);
  makeBinPath = lib.makeSearchPathOutput "bin" "bin";
  makeLibraryPath = lib.makeSearchPathOutput "lib" "lib";

  toShellVar =
    name: value:
    if builtins.isAttrs value && !lib.isStringLike value then
      "declare -A ${name}=(${
        concatStringsSep " " (lib.mapAttrsToList (n: v: "[${lib.escapeShellArg n}]=${lib.escapeShellArg v}") value)
      })"
    else if builtins.isList value then
      "declare -a ${name}=(${lib.escapeShellArgs value})"
    else
      "${name}=${lib.escapeShellArg value}";
  toShellVars = vars: concatStringsSep "\n" (lib.mapAttrsToList lib.toShellVar vars);
}
