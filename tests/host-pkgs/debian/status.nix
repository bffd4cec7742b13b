# What dpkg knows: reads /var/lib/dpkg/status and gives one attribute per installed package,
# with its version and the packages it needs. Nothing is parsed before it is asked for.
{ lib, dpkgDir }:

let
  inherit (builtins)
    filter
    head
    isString
    listToAttrs
    match
    split
    ;

  # Packages that serve installing, not running: their maintainer scripts, not their programs,
  # are what others depend on. Following them would put half of Debian into every closure.
  ignored = [
    "adduser"
    "base-files"
    "base-passwd"
    "debconf"
    "debianutils"
    "dpkg"
    "gnupg"
    "init-system-helpers"
    "install-info"
    "iproute2"
    "libc-bin"
    "lsb-base"
    "media-types"
    "netbase"
    "perl"
    "perl-base"
    "readline-common"
    "sensible-utils"
    "sysvinit-utils"
    "tzdata"
    "ucf"
  ];

  stanzas = filter (s: isString s && s != "") (split "\n\n+" (builtins.readFile "${dpkgDir}/status"));

  # The one-line field `name` of a stanza, or "" if it is absent.
  field =
    stanza: name:
    let
      found = match "(.*\n)?${name}: ([^\n]*)(\n.*)?" stanza;
    in
    if found == null then "" else builtins.elemAt found 1;

  # Descriptions and conffile lists are long and of no use here; a long text also exhausts the
  # stack of the regular expressions of Nix.
  shorten = stanza: head (split "\n(Description|Conffiles):" stanza);

  nameOf = stanza: builtins.elemAt (match "Package: ([^\n]*)" (head (split "\n" stanza))) 0;

  parse =
    long:
    let
      stanza = shorten long;
      version = field stanza "Version";
    in
    {
      installed = match ".*(installed|unpacked|triggers.*)" (field stanza "Status") != null
        && match ".*not-installed" (field stanza "Status") == null;
      architecture = field stanza "Architecture";
      # Without epoch and Debian revision: what the authors of the program call it.
      version = lib.replaceStrings [ "~" ] [ "-" ] (
        builtins.elemAt (match "([0-9]+:)?(.*)" (dropRevision version)) 1
      );
      clauses = filter (c: isString c && c != "") (
        split ", *" "${field stanza "Pre-Depends"}, ${field stanza "Depends"}"
      );
      provides = map relationName (filter (w: isString w && w != "") (split ", *" (field stanza "Provides")));
    };

  dropRevision =
    version:
    let
      found = match "(.*)-[^-]*" version;
    in
    if found == null then version else head found;

  # `libc6:any (>= 2.36)` is `libc6`.
  relationName = relation: head (match " *([^ :(]+).*" relation);

  all = listToAttrs (
    map (stanza: {
      name = nameOf stanza;
      value = parse stanza;
    }) stanzas
  );
  packages = lib.filterAttrs (_: package: package.installed) all;

  virtual = builtins.foldl' (
    known: name: lib.genAttrs packages.${name}.provides (_: name) // known
  ) { } (builtins.attrNames packages);

  # The first alternative of `a | b` that is installed.
  choose =
    clause:
    let
      names = map relationName (filter isString (split " *\\| *" clause));
      real = filter (name: packages ? ${name}) names;
      provided = filter (name: virtual ? ${name}) names;
    in
    if real != [ ] then
      [ (head real) ]
    else if provided != [ ] then
      [ virtual.${head provided} ]
    else
      [ ];

  # What the package asks for, cycles included.
  wanted = builtins.mapAttrs (
    self: package:
    filter (name: name != self && !builtins.elem name ignored && match "gcc-.*-base" name == null) (
      lib.unique (lib.concatMap choose package.clauses)
    )
  ) packages;

  closures = builtins.mapAttrs (
    name: _:
    listToAttrs (
      map (item: {
        name = item.key;
        value = true;
      }) (
        builtins.genericClosure {
          startSet = [ { key = name; } ];
          operator = item: map (key: { inherit key; }) wanted.${item.key};
        }
      )
    )
  ) packages;

  # Packages may need each other (libc6 and libgcc-s1), derivations may not. Within such a circle
  # only the steps that go down in this order are kept; libraries, and libc6 first, are at the bottom.
  rank = name: if name == "libc6" then "0" else if lib.hasPrefix "lib" name then "1${name}" else "2${name}";
in
{
  inherit packages;

  # Package name -> names of the packages it needs, without circles.
  needs = builtins.mapAttrs (
    self: filter (name: !(closures.${name} ? ${self}) || rank name < rank self)
  ) wanted;
}
