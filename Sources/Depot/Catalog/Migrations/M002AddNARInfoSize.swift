// SPDX-License-Identifier: Apache-2.0
import GRDB

/// Narinfos are kept beside the objects, and count.
enum M002AddNARInfoSize {
    static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("002-add-narinfo-size") { database in
            try database.execute(
                sql: """
                    ALTER TABLE object ADD COLUMN narinfo_size_bytes INTEGER NOT NULL DEFAULT 0;
                    DROP INDEX object_by_use;
                    CREATE INDEX object_by_use
                        ON object (state, used_at, size_bytes, narinfo_size_bytes);
                    """
            )
        }
    }
}
