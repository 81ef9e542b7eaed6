# SPDX-License-Identifier: Apache-2.0
# `services.firn`: docs/guide/nixos.md says what it is for.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib)
    concatMap
    elem
    filter
    filterAttrs
    hasPrefix
    head
    imap0
    last
    literalExpression
    mapAttrs
    mkDefault
    mkEnableOption
    mkForce
    mkIf
    mkMerge
    mkOption
    optional
    optionalAttrs
    optionals
    removePrefix
    removeSuffix
    splitString
    toInt
    types
    unique
    versionAtLeast
    ;

  cfg = config.services.firn;
  exe = "${cfg.package}/bin/firn";
  hardening = import ./hardening.nix;
  options' = import ./options.nix { inherit lib; };

  # Where `firn` finds it without being told, the daemon as well as a user's commands.
  configurationPath = "/etc/firn/firn.toml";

  listen = cfg.settings.server.listen;
  tcp = filter (address: !hasPrefix "unix:" address) listen;
  ports = unique (map (address: toInt (last (splitString ":" address))) tcp);
  isLoopback = address: hasPrefix "127." address || hasPrefix "[::1]" address || hasPrefix "localhost:" address;

  depot = cfg.settings.depot.location;
  isBucket = depot != null && hasPrefix "s3://" depot;
  catalog = cfg.settings.depot.catalog;
  # Whether the depot is elsewhere, or what it has is written down elsewhere.
  isFar = isBucket || (catalog != null && hasPrefix "postgres" catalog);
  # Whether the daemon itself opens connections; who connects to it comes by systemd's sockets.
  callsOut = cfg.tiers != [ ] || cfg.oidc != [ ] || isFar;

  # Files that only root can read: systemd reads them, and the daemon finds copies in a folder of its own.
  credentialsFolder = "/run/credentials/firn.service";
  credential = id: path: if path == null then null else "${credentialsFolder}/${id}";
  signingKeyID = index: "signing-key-${toString index}";
  secrets =
    imap0 (index: path: {
      id = signingKeyID index;
      inherit path;
    }) (optionals (cfg.settings.signing.keys != null) cfg.settings.signing.keys)
    ++ filter (secret: secret.path != null) (
      [
        {
          id = "tls-certificate";
          path = cfg.settings.server.tls.certificate;
        }
        {
          id = "tls-key";
          path = cfg.settings.server.tls.key;
        }
        {
          id = "depot-credentials";
          path = cfg.settings.depot.credentials-file;
        }
      ]
      ++ concatMap (tier: [
        {
          id = "tier-${tier.name}-netrc";
          path = tier.netrc;
        }
        {
          id = "tier-${tier.name}-token";
          path = tier.token-file;
        }
      ]) cfg.tiers
    );
  pushSecrets = filter (secret: secret.path != null) [
    {
      id = "token";
      path = cfg.push.tokenFile;
    }
    {
      id = "signing-key";
      path = cfg.push.signingKeyFile;
    }
  ];
  loadCredential = map (secret: "${secret.id}:${secret.path}");

  withoutNulls =
    table: mapAttrs (_: it: if builtins.isAttrs it then withoutNulls it else it) (filterAttrs (_: it: it != null) table);
  withoutEmpty = filterAttrs (_: it: it != { });
  settings = cfg.settings // {
    server = cfg.settings.server // {
      tls = {
        certificate = credential "tls-certificate" cfg.settings.server.tls.certificate;
        key = credential "tls-key" cfg.settings.server.tls.key;
      };
    };
    signing = cfg.settings.signing // {
      keys =
        if cfg.settings.signing.keys == null then
          null
        else
          imap0 (index: _: credential (signingKeyID index) "") cfg.settings.signing.keys;
    };
    depot = cfg.settings.depot // {
      credentials-file = credential "depot-credentials" cfg.settings.depot.credentials-file;
    };
    tier = map (
      tier:
      tier
      // {
        netrc = credential "tier-${tier.name}-netrc" tier.netrc;
        token-file = credential "tier-${tier.name}-token" tier.token-file;
      }
    ) cfg.tiers;
    cache = cfg.caches;
    inherit (cfg) oidc hosts;
  };
  tidy = table: withoutEmpty (mapAttrs (_: it: if builtins.isAttrs it then withoutEmpty it else it) (withoutNulls table));
  text = import ./toml.nix (
    tidy (removeAttrs settings [ "hosts" ])
    // {
      # A host of which nothing is said but that it is there stays.
      hosts = mapAttrs (_: tidy) cfg.hosts;
      tier = map tidy settings.tier;
      cache = map tidy settings.cache;
      oidc = map tidy settings.oidc;
    }
  );

  # Where this machine's own Nix reaches the first address.
  agentURL =
    let
      address = head tcp;
      port = last (splitString ":" address);
      host = removeSuffix ":${port}" address;
      isAny = elem host [
        "[::]"
        "0.0.0.0"
        "localhost"
      ];
    in
    "http://${if isAny then "127.0.0.1" else host}:${port}";
  nixVersion = config.nix.package.version or "2.0";

  # Below the state folder there is a queue for each cache: docs/formats/push-queue.md.
  queueName =
    let
      parts = builtins.match "(https?)://(\\[[^]]*]|[^/:]+)(:[0-9]+)?/(.*)" cfg.push.cache;
      scheme = builtins.elemAt parts 0;
      port = builtins.elemAt parts 2;
      standard = if scheme == "https" then ":443" else ":80";
    in
    if parts == null then
      cfg.push.cache
    else
      "${scheme}:${builtins.elemAt parts 1}${if port == null then standard else port}:"
      + builtins.replaceStrings [ "/" ] [ ":" ] (builtins.elemAt parts 3);
  hook = pkgs.writeScript "firn-push-hook" ''
    #!/bin/sh
    # Nix's post-build-hook: queues what was built.
    # One empty file for each path; firn watch-store sends them.
    set -f
    queue='/var/lib/firn/push/${queueName}/new'
    # Nix 2.8 tells the derivation only, which stands for its outputs.
    for path in ''${OUT_PATHS:-$DRV_PATH}; do
        entry="$queue/''${path##*/}"
        # Nothing that is there is written to: the folder may be another user's, and this is root.
        [ -e "$entry" ] || (set -C; : > "$entry") || echo "firn: $path is not queued" >&2
    done
    exit 0
  '';

  state = {
    User = "firn";
    DynamicUser = true;
    StateDirectory = "firn";
    StateDirectoryMode = "0750";
  };
in
{
  options.services.firn = {
    enable = mkEnableOption "Firn, a binary cache for Nix";

    package = mkOption {
      type = types.package;
      default = pkgs.firn;
      defaultText = literalExpression "pkgs.firn";
      description = "The Firn that is used.";
    };

    preset = mkOption {
      type = types.nullOr (
        types.enum [
          "builder"
          "agent"
          "shared-cache"
        ]
      );
      default = null;
      description = ''
        What this machine is, from which defaults follow. `builder` serves what it builds, and keeps what others fetch
        through it. `agent` is for a laptop: it listens on loopback, keeps nothing, and is the only cache that this
        machine's Nix asks. `shared-cache` is pushed to: it serves its caches and collects them.
      '';
    };

    settings = mkOption {
      type = options'.settings;
      default = { };
      example = literalExpression ''{ server.priority = 20; signing.keys = [ "/etc/nix/secret-key" ]; }'';
      description = ''
        What stands in `firn.toml`, by its own names. Files of secrets (`signing.keys`, `server.tls`,
        `depot.credentials-file`) are read by systemd and handed to the daemon, so that they may be root's alone.
        A key that this module does not know is passed on.
      '';
    };

    tiers = mkOption {
      type = types.listOf (types.submodule { options = options'.tier; });
      default = [ ];
      description = "Other caches behind this one, in the order in which they are asked: `[[tier]]`.";
    };

    caches = mkOption {
      type = types.listOf (types.submodule { options = options'.cache; });
      default = [ ];
      description = "Caches that can be pushed to: `[[cache]]`.";
    };

    oidc = mkOption {
      type = types.listOf (types.submodule { options = options'.oidc; });
      default = [ ];
      description = "Issuers of identities whose jobs are let in: `[[oidc]]`.";
    };

    hosts = mkOption {
      type = types.attrsOf (types.submodule { options = options'.hosts; });
      default = { };
      description = "Machines that can be deployed to from this one: `[hosts.NAME]`.";
    };

    socketActivation = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether systemd opens `settings.server.listen`, so that connections wait while Firn restarts. Without tiers,
        issuers and buckets the daemon then has no network of its own.
      '';
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the ports of `settings.server.listen` are open on every interface.";
    };

    openFirewallForTailscale = mkOption {
      type = types.bool;
      default = false;
      description = "Whether these ports are open on the interface of Tailscale.";
    };

    configureNix = mkOption {
      type = types.bool;
      default = cfg.preset == "agent";
      defaultText = literalExpression ''config.services.firn.preset == "agent"'';
      description = ''
        Whether this machine's Nix asks this Firn and no other cache, trusts the keys of its tiers, and has the
        settings that go with it.
      '';
    };

    gc = {
      enable = mkOption {
        type = types.bool;
        default = depot != "none";
        defaultText = literalExpression ''config.services.firn.settings.depot.location != "none"'';
        description = "Whether `firn gc` runs regularly.";
      };
      dates = mkOption {
        type = types.str;
        default = "weekly";
        description = "When, as systemd.time(7) has it.";
      };
      downTo = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "50GB";
        description = "How much of the depot may stay; `settings.depot.max-size` where it is not said.";
      };
    };

    push = {
      cache = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "http://p620:5000/team";
        description = ''
          The cache that everything which this machine builds is sent to: `NAME`, `http://HOST:PORT/NAME` or
          `cachix:NAME`. It becomes Nix's post-build-hook, and a service that sends.
        '';
      };
      tokenFile = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "A file with the token for it, which may be root's alone.";
      };
      signingKeyFile = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "For `cachix:NAME`: a file with the key that is signed with.";
      };
    };
  };

  config = mkIf cfg.enable (mkMerge [
    {
      services.firn.settings = {
        server.listen = mkDefault (if cfg.preset == "agent" then [ "127.0.0.1:5000" ] else [ "[::]:5000" ]);
        server.state = mkDefault "/var/lib/firn";
        depot.location = mkIf (cfg.preset == "agent") (mkDefault "none");
        depot.max-size = mkIf (elem cfg.preset [
          "builder"
          "shared-cache"
        ]) (mkDefault "100GB");
      };

      assertions = [
        {
          assertion = listen != null && listen != [ ];
          message = "services.firn.settings.server.listen names no address to listen on.";
        }
        {
          assertion = cfg.settings.server.state == "/var/lib/firn";
          message = "services.firn.settings.server.state is /var/lib/firn: systemd makes that folder for the daemon.";
        }
        {
          assertion = cfg.preset == "agent" -> builtins.all (address: hasPrefix "unix:" address || isLoopback address) listen;
          message = "services.firn.preset is \"agent\", which listens on loopback only; a machine that serves others is a \"builder\".";
        }
        {
          assertion = cfg.preset == "shared-cache" -> cfg.caches != [ ];
          message = "services.firn.preset is \"shared-cache\", and services.firn.caches names none.";
        }
        {
          assertion = cfg.configureNix -> ports != [ ] && cfg.tiers != [ ];
          message = "services.firn.configureNix makes Firn the only cache: it needs services.firn.tiers to fetch from, and a TCP port.";
        }
        {
          assertion = cfg.configureNix -> cfg.settings.server.tls.certificate == null;
          message = "services.firn.configureNix asks Firn over http, and services.firn.settings.server.tls has it speak https only.";
        }
        {
          assertion = cfg.push.cache == null || builtins.match "[][A-Za-z0-9._:/-]+" cfg.push.cache != null;
          message = "services.firn.push.cache is NAME, http://HOST:PORT/NAME or cachix:NAME: letters, digits and . _ : / - alone.";
        }
        {
          assertion = cfg.openFirewall || cfg.openFirewallForTailscale -> !builtins.all isLoopback tcp;
          message = "services.firn is to be let through the firewall, and listens on loopback only.";
        }
        {
          assertion = !cfg.gc.enable || depot != "none";
          message = "services.firn.gc collects a depot, and services.firn.settings.depot.location is \"none\".";
        }
        {
          assertion = cfg.push.cache != null || pushSecrets == [ ];
          message = "services.firn.push has a token or key, and names no cache.";
        }
      ]
      ++ map (secret: {
        assertion = hasPrefix "/" secret.path && !hasPrefix builtins.storeDir secret.path;
        message = "services.firn: ${secret.path} is to be the path of a file that is not in the Nix store, which everybody can read.";
      }) (secrets ++ pushSecrets);

      environment.systemPackages = [ cfg.package ];
      environment.etc."firn/firn.toml".text = text;

      systemd.services.firn = {
        description = "Firn, a binary cache for Nix";
        wantedBy = [ "multi-user.target" ];
        requires = optional cfg.socketActivation "firn.socket";
        after = [
          "network.target"
          "nix-daemon.socket"
        ]
        ++ optional cfg.socketActivation "firn.socket";
        restartTriggers = [ text ];
        environment = {
          FIRN_CONFIG = configurationPath;
          NIX_SSL_CERT_FILE = "/etc/ssl/certs/ca-certificates.crt";
        };
        serviceConfig =
          hardening.service
          // state
          // (if cfg.socketActivation && !callsOut then hardening.withoutNetwork else hardening.withNetwork)
          // {
            Type = "notify";
            ExecStart = "${exe} serve";
            ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
            Restart = "always";
            RestartSec = "2s";
            WatchdogSec = 30;
            # Longer than server.drain-limit.
            TimeoutStopSec = if cfg.settings.server.drain-limit == null then "45s" else "3660s";
            LimitNOFILE = 65536;
          }
          // optionalAttrs (secrets != [ ]) { LoadCredential = loadCredential secrets; };
      };

      systemd.sockets.firn = mkIf cfg.socketActivation {
        description = "Sockets of Firn, a binary cache for Nix";
        wantedBy = [ "sockets.target" ];
        listenStreams = map (removePrefix "unix:") listen;
        socketConfig = {
          NoDelay = true;
          Backlog = 1024;
          SocketMode = if cfg.settings.server.socket-mode == null then "0660" else cfg.settings.server.socket-mode;
        };
      };

      networking.firewall = {
        allowedTCPPorts = mkIf cfg.openFirewall ports;
        interfaces = mkIf cfg.openFirewallForTailscale {
          ${config.services.tailscale.interfaceName}.allowedTCPPorts = ports;
        };
      };
    }

    (mkIf cfg.gc.enable {
      systemd.services.firn-gc = {
        description = "Collection of Firn's depot";
        after = [ "firn.service" ];
        startAt = cfg.gc.dates;
        environment.FIRN_CONFIG = configurationPath;
        serviceConfig =
          hardening.service
          // state
          // (if isFar then hardening.withNetwork else hardening.withoutNetwork)
          // {
            Type = "oneshot";
            ExecStart = "${exe} gc" + (if cfg.gc.downTo == null then "" else " --down-to ${cfg.gc.downTo}");
          };
      };
      systemd.timers.firn-gc.timerConfig = {
        Persistent = true;
        RandomizedDelaySec = "45min";
      };
    })

    (mkIf cfg.configureNix {
      nix.settings = {
        # 2.35 and newer take the number of attempts for one cache alone.
        substituters = mkForce [ (agentURL + (if versionAtLeast nixVersion "2.35" then "?retry-attempts=2" else "")) ];
        trusted-public-keys = concatMap (tier: if tier.public-keys == null then [ ] else tier.public-keys) cfg.tiers;
        # Firn knows when a miss is over; Nix would believe it for an hour.
        narinfo-cache-negative-ttl = 0;
        # Five minutes by default, five times over, should Firn hang.
        stalled-download-timeout = 60;
        # A closure is a burst of small questions, none of which leaves the machine.
        http-connections = 64;
      };
      # With no network the new commands would not ask even a cache on this machine, unless a user's settings say so.
      environment.variables.NIX_CONFIG = mkDefault "substitute = true";
    })

    (mkIf (cfg.push.cache != null) {
      nix.settings.post-build-hook = "${hook}";

      systemd.services.firn-push = {
        description = "Firn sends what was built to ${cfg.push.cache}";
        wantedBy = [ "multi-user.target" ];
        wants = [ "network-online.target" ];
        after = [
          "network-online.target"
          "firn.service"
        ];
        environment = {
          FIRN_CONFIG = configurationPath;
          NIX_SSL_CERT_FILE = "/etc/ssl/certs/ca-certificates.crt";
        };
        serviceConfig =
          hardening.service
          // state
          // hardening.withNetwork
          // {
            ExecStart =
              "${exe} watch-store ${cfg.push.cache} --queue-only"
              + (if cfg.push.tokenFile == null then "" else " --token-file %d/token")
              + (if cfg.push.signingKeyFile == null then "" else " --signing-key-file %d/signing-key");
            Restart = "on-failure";
            RestartSec = "30s";
          }
          // optionalAttrs (pushSecrets != [ ]) { LoadCredential = loadCredential pushSecrets; };
      };
    })
  ]);
}
