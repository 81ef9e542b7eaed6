// SPDX-License-Identifier: Apache-2.0
import GRDB

/// Named caches: which there are, who may use them, and what is in them.
enum M003AddCaches {
    static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("003-add-caches") { database in
            try database.execute(
                sql: """
                    CREATE TABLE cache (
                        name TEXT PRIMARY KEY,
                        document BLOB NOT NULL,
                        pins BLOB
                    ) STRICT, WITHOUT ROWID;

                    CREATE TABLE token (
                        id TEXT PRIMARY KEY,
                        digest_prefix BLOB NOT NULL UNIQUE,
                        digest BLOB NOT NULL,
                        label TEXT NOT NULL,
                        caches TEXT NOT NULL,
                        permissions INTEGER NOT NULL,
                        created_at INTEGER NOT NULL,
                        expires_at INTEGER
                    ) STRICT;

                    CREATE TABLE member (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        cache TEXT NOT NULL,
                        path_hash TEXT NOT NULL,
                        object_name TEXT NOT NULL,
                        state INTEGER NOT NULL,
                        size_bytes INTEGER NOT NULL,
                        narinfo_size_bytes INTEGER NOT NULL,
                        created_at INTEGER NOT NULL,
                        used_at INTEGER NOT NULL,
                        UNIQUE (cache, path_hash)
                    ) STRICT;
                    -- Collection goes through it in order; what a cache takes is summed from it alone.
                    CREATE INDEX member_by_use
                        ON member (cache, state, used_at, id, size_bytes, narinfo_size_bytes);
                    CREATE INDEX member_by_object ON member (object_name);
                    CREATE INDEX member_unsettled ON member (state) WHERE state <> 0;

                    CREATE TABLE member_reference (
                        cache TEXT NOT NULL,
                        path_hash TEXT NOT NULL,
                        reference_hash TEXT NOT NULL,
                        PRIMARY KEY (cache, path_hash, reference_hash)
                    ) STRICT, WITHOUT ROWID;
                    -- Who refers to a path that is about to go.
                    CREATE INDEX member_reference_by_reference
                        ON member_reference (cache, reference_hash);

                    CREATE TABLE cache_extra (
                        cache TEXT NOT NULL,
                        name TEXT NOT NULL,
                        size_bytes INTEGER NOT NULL,
                        used_at INTEGER NOT NULL,
                        PRIMARY KEY (cache, name)
                    ) STRICT, WITHOUT ROWID;

                    -- How many members name the object: what is held is not evicted.
                    ALTER TABLE object ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
                    -- Whether it is there for members alone, and not in the merged view.
                    ALTER TABLE object ADD COLUMN is_closed INTEGER NOT NULL DEFAULT 0;
                    DROP INDEX object_by_use;
                    CREATE INDEX object_by_use
                        ON object (state, held, used_at, size_bytes, narinfo_size_bytes);
                    """
            )
        }
    }
}
