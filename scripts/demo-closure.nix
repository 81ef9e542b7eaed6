# A closure of eight paths that refer to each other: what a small program with its libraries looks
# like, made by /bin/sh alone.
let
  make = name: references: derivation {
    inherit name references;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    # Only what is named in an output becomes a reference of it.
    args = [
      "-c"
      ''
        PATH=/bin:/usr/bin
        mkdir -p $out/bin $out/share/doc
        printf '#!/bin/sh\necho "%s"\n' ${name} > $out/bin/${name}
        chmod +x $out/bin/${name}
        line=0
        while [ $line -lt 2000 ]; do
          echo "line $line of ${name}"
          line=$((line + 1))
        done > $out/share/doc/text
        for reference in $references; do
          echo $reference >> $out/share/doc/references
        done
        ln -s share/doc/text $out/readme
      ''
    ];
  };
  base = make "firn-demo-base" [ ];
  libraries = map (letter: make "firn-demo-library-${letter}" [ base ]) [ "a" "b" "c" "d" "e" ];
  tool = make "firn-demo-tool" (libraries ++ [ base ]);
in
make "firn-demo" ([ tool ] ++ libraries)
