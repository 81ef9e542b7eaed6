# SPDX-License-Identifier: Apache-2.0
# Options for every key of firn.toml, from settings.json, which `scripts/write-reference` writes from the
# definitions that read the file. An option is named as the key is.
{ lib }:
let
  inherit (lib)
    foldl'
    mkOption
    recursiveUpdate
    setAttrByPath
    splitString
    types
    ;

  reference = builtins.fromJSON (builtins.readFile ./settings.json);

  # Anything that TOML can say.
  value = types.oneOf [
    types.bool
    types.int
    types.str
    (types.listOf types.str)
    (types.attrsOf (types.either types.str (types.listOf types.str)))
  ];

  typeOf =
    setting:
    {
      text = types.str;
      texts = types.listOf types.str;
      flag = types.bool;
      whole-number = types.ints.between setting.lowest setting.highest;
      choice = types.enum setting.choices;
      any = value;
    }
    .${setting.kind};

  description = setting: "${setting.summary} Takes ${setting.takes}; without it: ${setting.default}.";

  option =
    setting:
    mkOption (
      if setting.default == "required" then
        {
          type = typeOf setting;
          description = setting.summary;
        }
      else
        {
          type = types.nullOr (typeOf setting);
          default = null;
          description = description setting;
        }
    );

  tree =
    settings:
    foldl' (
      whole: setting: recursiveUpdate whole (setAttrByPath (splitString "." setting.key) (option setting))
    ) { } settings;
in
{
  settings = types.submodule {
    freeformType = types.attrsOf (types.attrsOf value);
    options = tree reference.settings;
  };
  tier = tree reference.tier;
  cache = tree reference.cache;
  oidc = tree reference.oidc;
  hosts = tree reference.hosts;
}
