// SPDX-License-Identifier: Apache-2.0
import GRDB

/// The first layout: one row an object.
enum M001CreateObject {
    static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("001-create-object") { database in
            try database.execute(
                sql: """
                    CREATE TABLE object (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        name TEXT NOT NULL UNIQUE,
                        size_bytes INTEGER NOT NULL,
                        file_hash BLOB,
                        state INTEGER NOT NULL,
                        used_at INTEGER NOT NULL
                    ) STRICT;
                    -- Eviction goes through it in order; totals are summed from it alone.
                    CREATE INDEX object_by_use ON object (state, used_at, size_bytes);
                    -- Nearly empty: what a start has to look at.
                    CREATE INDEX object_unsettled ON object (state) WHERE state <> 0;
                    """
            )
        }
    }
}
