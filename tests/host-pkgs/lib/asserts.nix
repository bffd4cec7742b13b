# Assertions that say what is wrong: `lib.asserts`.
lib:

{
  assertMsg = condition: message: if condition then true else builtins.trace message false;
  assertOneOf =
    name: value: allowed:
    lib.assertMsg (builtins.elem value allowed)
      "${name} must be one of ${builtins.toJSON allowed}, but is: ${builtins.toJSON value}";
}
