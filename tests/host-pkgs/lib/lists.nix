# Functions about lists: `lib.lists`.
lib:

let
  inherit (builtins)
    elemAt
    filter
    genList
    length
    ;
in
{
  inherit (builtins)
    all
    any
    concatLists
    concatMap
    elem
    elemAt
    filter
    foldl'
    genList
    groupBy
    head
    isList
    length
    map
    partition
    sort
    tail
    ;

  singleton = x: [ x ];
  optional = condition: x: if condition then [ x ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  toList = x: if builtins.isList x then x else [ x ];
  flatten = x: if builtins.isList x then builtins.concatMap lib.flatten x else [ x ];
  remove = x: filter (y: y != x);
  range = first: last: if first > last then [ ] else genList (n: first + n) (last - first + 1);
  foldl = builtins.foldl';
  foldr =
    op: end: list:
    let
      count = length list;
      from = n: if n == count then end else op (elemAt list n) (from (n + 1));
    in
    from 0;

  last =
    list:
    assert lib.assertMsg (list != [ ]) "lists.last: list must not be empty!";
    elemAt list (length list - 1);
  init =
    list:
    assert lib.assertMsg (list != [ ]) "lists.init: list must not be empty!";
    lib.take (length list - 1) list;
  take = count: lib.sublist 0 count;
  drop = count: list: lib.sublist count (length list) list;
  sublist =
    start: count: list:
    let
      available = length list - start;
    in
    genList (n: elemAt list (start + n)) (lib.max 0 (lib.min count available));

  reverseList =
    list:
    let
      count = length list;
    in
    genList (n: elemAt list (count - n - 1)) count;
  unique = builtins.foldl' (seen: x: if builtins.elem x seen then seen else seen ++ [ x ]) [ ];
  subtractLists = removed: filter (x: !(builtins.elem x removed));
  intersectLists = kept: filter (x: builtins.elem x kept);
  findFirst =
    predicate: default: list:
    let
      found = filter predicate list;
    in
    if found == [ ] then default else builtins.head found;
  count = predicate: list: length (filter predicate list);
  imap0 = f: list: genList (n: f n (elemAt list n)) (length list);
  imap1 = f: list: genList (n: f (n + 1) (elemAt list n)) (length list);
  zipListsWith =
    f: a: b:
    genList (n: f (elemAt a n) (elemAt b n)) (lib.min (length a) (length b));
  sortOn = key: builtins.sort (a: b: key a < key b);
  naturalSort = builtins.sort (a: b: builtins.compareVersions a b < 0);
  forEach = list: f: map f list;
}
