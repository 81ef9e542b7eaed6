# SPDX-License-Identifier: Apache-2.0
# Writes units and nix.conf as NixOS writes them.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    isBool
    isList
    listToAttrs
    map
    toJSON
    ;

  text =
    it:
    if isBool it then
      (if it then "true" else "false")
    else
      toString it;
  lines =
    values:
    concatMap (
      name:
      map (it: "${name}=${text it}") (if isList values.${name} then values.${name} else [ values.${name} ])
    ) (attrNames values);
  section = name: body: if body == [ ] then [ ] else [ "[${name}]" ] ++ body ++ [ "" ];
  list = name: values: if values == [ ] then [ ] else [ "${name}=${concatStringsSep " " values}" ];

  file =
    unit: sections:
    concatStringsSep "\n" (
      section "Unit" (
        (if unit.description == "" then [ ] else [ "Description=${unit.description}" ])
        ++ list "After" unit.after
        ++ list "Requires" unit.requires
        ++ list "Wants" unit.wants
        ++ lines unit.unitConfig
      )
      ++ sections
      ++ section "Install" (list "WantedBy" unit.wantedBy)
    );

  service =
    unit:
    file unit (
      section "Service" (
        map (name: "Environment=${toJSON "${name}=${unit.environment.${name}}"}") (attrNames unit.environment)
        ++ lines unit.serviceConfig
      )
    );
  socket =
    unit: file unit (section "Socket" (map (it: "ListenStream=${it}") unit.listenStreams ++ lines unit.socketConfig));
  timer = unit: file unit (section "Timer" (lines unit.timerConfig));

  named =
    suffix: render: units:
    map (name: {
      name = "${name}.${suffix}";
      value = render units.${name};
    }) (attrNames units);
in
{
  # What `startAt` makes of a service: a timer of its name.
  units =
    config:
    let
      timed = lib.filterAttrs (_: unit: unit.startAt != "") config.systemd.services;
      timers =
        builtins.mapAttrs (
          name: unit:
          let
            own = config.systemd.timers.${name} or { };
          in
          {
            description = "";
            after = [ ];
            requires = [ ];
            wants = [ ];
            unitConfig = { };
          }
          // own
          // {
            wantedBy = [ "timers.target" ];
            timerConfig = { OnCalendar = unit.startAt; } // (own.timerConfig or { });
          }
        ) timed;
    in
    listToAttrs (
      named "service" service config.systemd.services
      ++ named "socket" socket config.systemd.sockets
      ++ named "timer" timer timers
    );

  nixConf =
    settings:
    concatStringsSep "" (
      map (
        name:
        let
          it = settings.${name};
        in
        "${name} = ${if isList it then concatStringsSep " " it else text it}\n"
      ) (attrNames settings)
    );
}
