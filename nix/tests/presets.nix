# SPDX-License-Identifier: Apache-2.0
# A machine for each preset, with what each has to be told.
let
  p620 = {
    name = "p620";
    urls = [
      "http://p620.lan:5000"
      "http://p620.example.ts.net:5000"
    ];
    public-keys = [ "p620-1:mZR6o5z5KcWeu4PVXgjHA7vb1sHQgRdWMKQt8x3a4rU=" ];
  };
  nixos = {
    name = "nixos";
    urls = [ "https://cache.nixos.org" ];
    public-keys = [ "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ];
  };
in
{
  # Nothing but what it serves.
  plain.services.firn.enable = true;

  builder.services.firn = {
    enable = true;
    preset = "builder";
    openFirewall = true;
    openFirewallForTailscale = true;
    settings.signing.keys = [ "/etc/nix/p620-1.secret" ];
    tiers = [ nixos ];
    gc.downTo = "50GB";
  };

  agent.services.firn = {
    enable = true;
    preset = "agent";
    tiers = [
      p620
      nixos
      {
        name = "mine";
        urls = [ "https://mine.cachix.org" ];
        public-keys = [ "mine.cachix.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ];
        token-file = "/etc/firn/mine.token";
      }
    ];
    push = {
      cache = "http://p620:5000/team";
      tokenFile = "/etc/firn/team.token";
    };
  };

  shared.services.firn = {
    enable = true;
    preset = "shared-cache";
    openFirewallForTailscale = true;
    settings.server.listen = [
      "[::]:5000"
      "unix:/run/firn/socket"
    ];
    settings.server.tls = {
      certificate = "/var/lib/acme/cache/fullchain.pem";
      key = "/var/lib/acme/cache/key.pem";
    };
    caches = [
      {
        name = "team";
        quota = "5GB";
        retention = "90d";
      }
    ];
  };
}
