# The four caches, in the order in which they are asked. What is in none of them is built, as the last resort.
rec {
  # The Firn on p620, by LAN and by Tailscale. Its key: what `firn key generate p620-1` printed.
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

  nix-community = {
    name = "nix-community";
    urls = [ "https://nix-community.cachix.org" ];
    public-keys = [ "nix-community.cachix.org-1:mB9FSh9qf2dCimDSUo8Zy7bkq5CX+/rkCWyvRCYg3Fs=" ];
  };

  # Your own cache at Cachix, if you have one: its name and key, and a token in a file that only root can read.
  mine = {
    name = "mine";
    urls = [ "https://mine.cachix.org" ];
    public-keys = [ "mine.cachix.org-1:mZR6o5z5KcWeu4PVXgjHA7vb1sHQgRdWMKQt8x3a4rU=" ];
    token-file = "/etc/firn/mine.token";
  };

  # Where p620 itself fetches from, and where the others do.
  public = [
    nixos
    nix-community
    mine
  ];
  all = [ p620 ] ++ public;
}
