// SPDX-License-Identifier: Apache-2.0

/// A closure to build: a tree of small packages, and what is hard to serve.
///
/// The derivations need `/bin/sh` and coreutils, nothing else.
package struct SampleClosure: Sendable {
    /// Packages of a few files each; number `n` refers to numbers about `n / 2` and `n / 3`.
    package var links = 320
    /// Files in the path `many`.
    package var smallFiles = 2_000
    /// Random bytes in the path `large`, which do not compress; as much text is added that does.
    package var largeBytes = 12_000_000

    package init() {}

    /// Few and small paths, for tests that want a store of their own.
    package static var small: SampleClosure {
        var closure = SampleClosure()
        closure.links = 8
        closure.smallFiles = 200
        closure.largeBytes = 400_000
        return closure
    }

    /// Evaluates to `top`, which refers to all the others.
    package var expression: String {
        """
        let
          build = name: script: derivation {
            inherit name;
            system = builtins.currentSystem;
            builder = "/bin/sh";
            args = [ "-euc" ("mkdir $out; cd $out\\n" + script) ];
            PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
          };
          links = builtins.genList link \(links);
          at = builtins.elemAt links;
          refersTo = n: if n == 0 then "" else "${at (n / 2)} ${at (n / 3)}";
          link = n: build "link-${toString n}" ''
            echo "building link ${toString n}"
            mkdir -p bin share/doc share/empty
            echo "${refersTo n}" > share/references
            echo "link ${toString n}" > share/doc/README
            printf '#!/bin/sh\\necho ${toString n}\\n' > bin/link
            chmod +x bin/link
            ln -s ../share/doc/README bin/README
          '';
          many = build "many" ''
            i=0
            while [ $i -lt \(smallFiles) ]; do
              [ $((i % 100)) -ne 0 ] || mkdir $((i / 100))
              echo "file $i" > $((i / 100))/$i
              i=$((i + 1))
            done
          '';
          large = build "large" ''
            head -c \(largeBytes) /dev/urandom > random
            yes 'text that compresses well' | head -c \(largeBytes) > text
            echo small > zzz
          '';
          odd = build "odd" ''
        \(Self.oddScript)
          '';
        in build "top" ''
          echo "${toString links}" > references
          ln -s ${many} many
          ln -s ${large} large
          ln -s ${odd} odd
        ''
        """
    }

    /// A tree with what file names, sizes and links can be.
    private static let oddScript = #"""
            : > empty
            mkdir empty-directory
            for size in 1 7 8 9 4095 4096 4097 307205; do
              head -c $size /dev/urandom > bytes-$size
            done
            printf '#!/bin/sh\n' > executable
            chmod +x executable
            ln -s bytes-1 relative
            ln -s $out/bytes-1 absolute
            ln -s self self
            ln -s nowhere dangling
            ln -s /etc/passwd outside
            ln -s /etc outside-directory
            ln -s .. parent
            ln -s ../.. grandparent
            mkdir -p deep/er/and/deep/er
            echo deep > deep/er/and/deep/er/file
            ln -s ../../bytes-7 deep/er/up
            mkdir N n 'n?'
            echo upper > N/Name
            echo emoji > "$(printf '\360\237\222\251')"
            echo bytes > "$(printf 'not-utf-8-\200')"
            echo quote > 'x" onmouseover="alert(1)'
            echo '[[css]]' > '[[css]]'
            echo space > ' space '
            echo percent > '100%25'
            echo backslash > 'back\slash'
        """#
}
