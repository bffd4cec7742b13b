# Functions about attribute sets: `lib.attrsets`.
lib:

let
  inherit (builtins)
    attrNames
    isAttrs
    listToAttrs
    mapAttrs
    ;
in
{
  inherit (builtins)
    attrNames
    attrValues
    catAttrs
    getAttr
    hasAttr
    intersectAttrs
    isAttrs
    listToAttrs
    mapAttrs
    removeAttrs
    zipAttrsWith
    ;

  nameValuePair = name: value: { inherit name value; };
  mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
  attrsToList = lib.mapAttrsToList lib.nameValuePair;
  concatMapAttrs = f: set: builtins.foldl' (a: b: a // b) { } (lib.mapAttrsToList f set);
  mapAttrsRecursive =
    f:
    let
      go = path: mapAttrs (name: value: if isAttrs value then go (path ++ [ name ]) value else f (path ++ [ name ]) value);
    in
    go [ ];
  filterAttrs =
    predicate: set:
    listToAttrs (
      builtins.concatMap (
        name: lib.optional (predicate name set.${name}) (lib.nameValuePair name set.${name})
      ) (attrNames set)
    );
  genAttrs = names: f: listToAttrs (map (name: lib.nameValuePair name (f name)) names);
  optionalAttrs = condition: set: if condition then set else { };
  foldlAttrs =
    f: start: set:
    builtins.foldl' (acc: name: f acc name set.${name}) start (attrNames set);
  mergeAttrsList = builtins.foldl' (a: b: a // b) { };
  recurseIntoAttrs = set: set // { recurseForDerivations = true; };
  dontRecurseIntoAttrs = set: set // { recurseForDerivations = false; };

  attrByPath =
    path: default: set:
    if path == [ ] then
      set
    else if isAttrs set && set ? ${builtins.head path} then
      lib.attrByPath (builtins.tail path) default set.${builtins.head path}
    else
      default;
  hasAttrByPath =
    path: set:
    path == [ ]
    || (isAttrs set && set ? ${builtins.head path} && lib.hasAttrByPath (builtins.tail path) set.${builtins.head path});
  getAttrFromPath =
    path: lib.attrByPath path (throw "cannot find attribute `${builtins.concatStringsSep "." path}'");
  setAttrByPath =
    path: value:
    if path == [ ] then value else { ${builtins.head path} = lib.setAttrByPath (builtins.tail path) value; };
  getAttrs = names: set: lib.genAttrs names (name: set.${name});

  # The right side wins, except where both sides are sets: those are merged.
  recursiveUpdate = lib.recursiveUpdateUntil (_: left: right: !(isAttrs left && isAttrs right));
  recursiveUpdateUntil =
    stop: left: right:
    let
      go =
        path:
        builtins.zipAttrsWith (
          name: values:
          let
            here = path ++ [ name ];
            old = builtins.elemAt values 1;
            new = builtins.head values;
          in
          if builtins.length values == 1 || stop here old new then new else go here values
        );
    in
    go [ ] [
      right
      left
    ];

  isDerivation = value: value.type or null == "derivation";
  getOutput =
    output: pkg: if !(pkg ? outputSpecified) || !pkg.outputSpecified then pkg.${output} or pkg.out or pkg else pkg;
  getBin = lib.getOutput "bin";
  getLib = lib.getOutput "lib";
  getDev = lib.getOutput "dev";
  getMan = lib.getOutput "man";
  cartesianProduct =
    set:
    builtins.foldl' (
      sets: name: builtins.concatMap (s: map (value: s // { ${name} = value; }) set.${name}) sets
    ) [ { } ] (attrNames set);
  toDerivation =
    path:
    let
      storePath = builtins.storePath path;
      pkg = {
        type = "derivation";
        name = builtins.unsafeDiscardStringContext (builtins.substring 33 (-1) (baseNameOf storePath));
        outPath = storePath;
        outputs = [ "out" ];
        out = pkg;
        outputName = "out";
      };
    in
    pkg;
}
