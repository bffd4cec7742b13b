# Functions about functions, numbers and messages: `lib.trivial`.
lib:

{
  id = x: x;
  const = x: _: x;
  pipe = builtins.foldl' (value: function: function value);
  flip =
    f: a: b:
    f b a;
  min = a: b: if a < b then a else b;
  max = a: b: if a > b then a else b;
  mod = a: b: a - b * (a / b);

  inherit (builtins)
    pathExists
    readFile
    seq
    deepSeq
    isBool
    isInt
    isFloat
    ;

  boolToString = b: if b then "true" else "false";
  importJSON = path: builtins.fromJSON (builtins.readFile path);
  importTOML = path: builtins.fromTOML (builtins.readFile path);

  inPureEvalMode = !(builtins ? currentSystem);

  # The version this set imitates: the first one with all the names it offers.
  version = "25.11pre-host-pkgs";
  release = "25.11";

  warn =
    message: value:
    if builtins ? warn then
      builtins.warn message value
    else
      builtins.trace "evaluation warning: ${message}" value;
  warnIf =
    condition: message:
    if condition then lib.warn message else lib.id;
  warnIfNot = condition: lib.warnIf (!condition);
  throwIf =
    condition: message:
    if condition then throw message else lib.id;
  throwIfNot = condition: lib.throwIf (!condition);

  # A function may be an attribute set with `__functor`; then its arguments are in `__functionArgs`.
  isFunction = f: builtins.isFunction f || (f ? __functor && lib.isFunction (f.__functor f));
  functionArgs =
    f:
    if f ? __functor then
      f.__functionArgs or (lib.functionArgs (f.__functor f))
    else
      builtins.functionArgs f;
  setFunctionArgs = f: args: {
    __functor = _: f;
    __functionArgs = args;
  };
  # `g` with the argument names of `f`.
  mirrorFunctionArgs = f: lib.flip lib.setFunctionArgs (lib.functionArgs f);
  toFunction = v: if lib.isFunction v then v else _: v;
}
