# Directories of sources with parts left out: `lib.sources`.
lib:

{
  cleanSourceFilter =
    name: type:
    let
      base = baseNameOf (toString name);
    in
    !(
      (base == ".git" || (type == "directory" && builtins.elem base [ ".svn" "CVS" ".hg" ".jj" ]))
      || lib.hasSuffix "~" base
      || builtins.match "^\\.sw[a-z]$" base != null
      || builtins.match "^\\..*\\.sw[a-z]$" base != null
      || lib.hasSuffix ".o" base
      || lib.hasSuffix ".so" base
      || (type == "symlink" && lib.hasPrefix "result" base)
      || type == "unknown"
    );

  cleanSource = src: lib.cleanSourceWith { inherit src; filter = lib.cleanSourceFilter; };

  cleanSourceWith =
    {
      src,
      filter ? _: _: true,
      name ? null,
    }:
    let
      inherits = src._isLibCleanSourceWith or false;
      origSrc = if inherits then src.origSrc else src;
      both = path: type: filter path type && (!inherits || src.filter path type);
      finalName = if name != null then name else if inherits then src.name else "source";
    in
    {
      inherit origSrc;
      filter = both;
      name = finalName;
      outPath = builtins.path {
        path = origSrc;
        filter = both;
        name = finalName;
      };
      _isLibCleanSourceWith = true;
    };

  sourceByRegex =
    src: regexes:
    lib.cleanSourceWith {
      inherit src;
      filter = path: _: lib.any (regex: builtins.match regex (lib.removePrefix "${toString src}/" (toString path)) != null) regexes;
    };
}
