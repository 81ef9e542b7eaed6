# SPDX-License-Identifier: Apache-2.0
# Writes values as TOML, so that what a machine gets can be seen by evaluation alone.
#
# Attribute sets at the top are tables, lists of attribute sets are arrays of tables in their order, `hosts` has a
# table for each host, and whatever is deeper is written inline. `null` is left out.
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    filter
    isAttrs
    isBool
    isFloat
    isInt
    isList
    isString
    map
    match
    toJSON
    typeOf
    ;

  # The escapes of JSON are among those of TOML's basic strings.
  quoted = toJSON;

  name = key: if match "[A-Za-z0-9_-]+" key != null then key else quoted key;

  present = table: filter (key: table.${key} != null) (attrNames table);

  pair = table: key: "${name key} = ${value table.${key}}";

  value =
    it:
    if isString it then
      quoted it
    else if isBool it then
      (if it then "true" else "false")
    else if isInt it || isFloat it then
      toJSON it
    else if isList it then
      "[${concatStringsSep ", " (map value it)}]"
    else if isAttrs it then
      "{ ${concatStringsSep ", " (map (pair it) (present it))} }"
    else
      throw "firn.toml has no ${typeOf it}; write a file's path as a string";

  table = heading: it: concatStringsSep "\n" ([ heading ] ++ map (pair it) (present it)) + "\n";

  isTables = it: isList it && it != [ ] && builtins.all isAttrs it;
in
settings:
concatStringsSep "\n" (
  concatMap (
    key:
    let
      it = settings.${key};
    in
    if isTables it then
      map (table "[[${name key}]]") it
    else if key == "hosts" then
      map (host: table "[hosts.${name host}]" it.${host}) (attrNames it)
    else
      [ (table "[${name key}]" it) ]
  ) (filter (key: settings.${key} != { } && settings.${key} != [ ]) (present settings))
)
