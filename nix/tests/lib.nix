# SPDX-License-Identifier: Apache-2.0
# A stand-in for those parts of nixpkgs' `lib` that Firn's module uses, so that it can be evaluated where there is
# no nixpkgs. The words mean what they mean there; nothing is here that is not used.
let
  inherit (builtins)
    all
    any
    attrNames
    concatLists
    concatMap
    concatStringsSep
    elem
    elemAt
    filter
    foldl'
    genList
    head
    isAttrs
    isBool
    isFunction
    isInt
    isList
    isString
    length
    listToAttrs
    map
    mapAttrs
    stringLength
    substring
    tail
    ;

  filterAttrs =
    test: set: removeAttrs set (filter (name: !test name set.${name}) (attrNames set));
  unique = foldl' (found: it: if elem it found then found else found ++ [ it ]) [ ];
  showPath = concatStringsSep ".";

  # Definitions: what modules say of one option.
  property = kind: it: isAttrs it && it._type or null == kind;
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };

  # Takes mkIf and mkMerge away from around what an option is told; mkOverride becomes a priority.
  discharge =
    value:
    if property "merge" value then
      concatMap discharge value.contents
    else if property "if" value then
      (if value.condition then discharge value.content else [ ])
    else if property "override" value then
      # As it is: what is told with a lower priority may not even evaluate.
      [
        {
          value = value.content;
          inherit (value) priority;
        }
      ]
    else
      [
        {
          inherit value;
          priority = 100;
        }
      ];

  # The same, where what is told stands above several options: the properties go down to each of them.
  pushDown =
    config:
    if property "merge" config then
      concatMap pushDown config.contents
    else if property "if" config then
      map (mapAttrs (_: mkIf config.condition)) (pushDown config.content)
    else if property "override" config then
      map (mapAttrs (_: mkOverride config.priority)) (pushDown config.content)
    else
      [ config ];

  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };

  strongest =
    definitions:
    let
      found = concatMap discharge definitions;
      best = foldl' (lowest: it: if it.priority < lowest then it.priority else lowest) 9999 found;
    in
    map (it: it.value) (filter (it: it.priority == best) found);

  isOption = it: isAttrs it && it._type or null == "option";

  mergeOption =
    path: option: definitions:
    let
      values = strongest (
        definitions
        ++ (if option ? default then [ (mkOverride 1500 option.default) ] else [ ])
      );
      wrong = filter (it: !option.type.check it) values;
    in
    if values == [ ] then
      throw "The option `${showPath path}' is used but not defined."
    else if wrong != [ ] then
      throw "A definition for option `${showPath path}' is not of type `${option.type.description}'."
    else
      option.type.merge path values;

  # A tree of options and the definitions for it, to a tree of values.
  mergeTree =
    path: freeform: options: definitions:
    let
      known = attrNames options;
      given = unique (concatMap attrNames definitions);
      unknown = filter (name: !(options ? ${name})) given;
      of = name: map (it: it.${name}) (filter (it: it ? ${name}) definitions);
      below = name: path ++ [ name ];
    in
    listToAttrs (
      map (name: {
        inherit name;
        value =
          if isOption options.${name} then
            mergeOption (below name) options.${name} (of name)
          else
            mergeTree (below name) (freeform.below or null) options.${name} (concatMap pushDown (of name));
      }) known
    )
    // (
      if unknown == [ ] then
        { }
      else if freeform == null then
        throw "The option `${showPath (below (head unknown))}' does not exist."
      else
        freeform.merge path (map (filterAttrs (name: _: elem name unknown)) definitions)
    );

  optionsOf = modules: foldl' (whole: module: recursiveUpdate whole (module.options or { })) { } modules;

  recursiveUpdate =
    one: other:
    mapAttrs (
      name: it:
      if other ? ${name} then
        if isAttrs it && isAttrs other.${name} && !isOption it then
          recursiveUpdate it other.${name}
        else
          other.${name}
      else
        it
    ) one
    // removeAttrs other (attrNames one);

  normal =
    module:
    if module ? options || module ? config then
      { config = module.config or { }; } // module
    else
      {
        imports = module.imports or [ ];
        config = removeAttrs module [ "imports" ];
      };

  evalModules =
    { modules, specialArgs }:
    let
      load =
        module:
        let
          it = if builtins.isPath module then import module else module;
          result = normal (if isFunction it then it arguments else it);
        in
        concatMap load (result.imports or [ ]) ++ [ result ];
      arguments = specialArgs // {
        inherit lib config;
      };
      all' = concatMap load modules;
      config = mergeTree [ ] null (optionsOf all') (concatMap (module: pushDown module.config) all');
    in
    config;

  # Types: a check, how several definitions become one value, and a name for the message.
  type = description: check: merge: {
    inherit description check merge;
  };
  one =
    path: values:
    if all (it: it == head values) values then
      head values
    else
      throw "The option `${showPath path}' has conflicting definitions.";
  types = {
    bool = type "boolean" isBool one;
    int = type "signed integer" isInt one;
    str = type "string" isString one;
    lines = type "strings concatenated with \"\\n\"" isString (_: concatStringsSep "\n");
    package = type "package" (it: it ? outPath) (_: head);
    raw = type "raw value" (_: true) one;
    ints.between =
      lowest: highest:
      type "integer between ${toString lowest} and ${toString highest} (both inclusive)" (
        it: isInt it && it >= lowest && it <= highest
      ) one;
    enum = values: type "one of ${builtins.toJSON values}" (it: elem it values) one;
    nullOr =
      inner:
      type "null or (${inner.description})" (it: it == null || inner.check it) (
        path: values: if all (it: it == null) values then null else inner.merge path (filter (it: it != null) values)
      );
    either =
      first: second:
      type "${first.description} or ${second.description}" (it: first.check it || second.check it) (
        path: values: if all first.check values then first.merge path values else second.merge path values
      );
    oneOf = list: if length list == 1 then head list else types.either (head list) (types.oneOf (tail list));
    listOf =
      inner:
      type "list of (${inner.description})" isList (
        path: values:
        let
          items = concatMap discharge (concatLists values);
        in
        genList (
          index:
          mergeOption (path ++ [ "[${toString index}]" ]) { type = inner; } [ (elemAt items index).value ]
        ) (length items)
      );
    attrsOf =
      inner:
      type "attribute set of (${inner.description})" isAttrs (
        path: values:
        let
          pushed = concatMap pushDown values;
          present = name: concatMap (it: if it ? ${name} then discharge it.${name} else [ ]) pushed;
          names = filter (name: present name != [ ]) (unique (concatMap attrNames pushed));
        in
        listToAttrs (
          map (name: {
            inherit name;
            value = mergeOption (path ++ [ name ]) { type = inner; } (
              map (it: it.${name}) (filter (it: it ? ${name}) pushed)
            );
          }) names
        )
      )
      // {
        below = inner;
      };
    submodule =
      module:
      type "submodule" isAttrs (
        path: values:
        mergeTree path (module.freeformType or null) module.options (concatMap pushDown values)
      )
      // {
        inherit (module) options;
      };
  };

  lib = {
    inherit
      concatMap
      elem
      evalModules
      filter
      filterAttrs
      foldl'
      head
      mapAttrs
      mkIf
      mkOverride
      recursiveUpdate
      types
      unique
      ;
    imap0 = f: list: genList (index: f index (elemAt list index)) (length list);
    last = list: elemAt list (length list - 1);
    optional = condition: it: if condition then [ it ] else [ ];
    optionals = condition: list: if condition then list else [ ];
    optionalAttrs = condition: set: if condition then set else { };
    hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
    removeSuffix =
      suffix: text:
      let
        rest = builtins.stringLength text - builtins.stringLength suffix;
      in
      if rest >= 0 && builtins.substring rest (-1) text == suffix then builtins.substring 0 rest text else text;
    removePrefix =
      prefix: text:
      if lib.hasPrefix prefix text then substring (stringLength prefix) (stringLength text) text else text;
    splitString =
      separator: text: filter isString (builtins.split (builtins.replaceStrings [ "." ] [ "\\." ] separator) text);
    toInt = text: builtins.fromJSON text;
    setAttrByPath =
      path: value: if path == [ ] then value else { ${head path} = lib.setAttrByPath (tail path) value; };
    versionAtLeast = version: least: builtins.compareVersions version least >= 0;
    literalExpression = text: {
      _type = "literalExpression";
      inherit text;
    };
    mkOption = it: { _type = "option"; } // { type = types.raw; } // it;
    mkEnableOption =
      what:
      lib.mkOption {
        type = types.bool;
        default = false;
        description = "Whether to enable ${what}.";
      };
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
    mkDefault = mkOverride 1000;
    mkForce = mkOverride 50;
    genAttrs =
      names: f:
      listToAttrs (
        map (name: {
          inherit name;
          value = f name;
        }) names
      );
  };
in
lib
