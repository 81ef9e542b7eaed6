// SPDX-License-Identifier: Apache-2.0
import GRDB

/// What each cache takes, kept up to date by the database itself: it is asked for at every upload,
/// and adding up a million rows each time would make a large cache slow to push to.
enum M004AddCacheUsage {
    static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("004-add-cache-usage") { database in
            try database.execute(
                sql: """
                    CREATE TABLE cache_usage (
                        cache TEXT PRIMARY KEY,
                        paths INTEGER NOT NULL,
                        size_bytes INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    INSERT INTO cache_usage
                        SELECT cache, sum(paths), sum(size_bytes) FROM (
                            SELECT cache, 1 AS paths,
                                size_bytes + narinfo_size_bytes AS size_bytes FROM member
                            UNION ALL SELECT cache, 0, size_bytes FROM cache_extra
                        ) GROUP BY cache;

                    CREATE TRIGGER member_comes AFTER INSERT ON member BEGIN
                        INSERT INTO cache_usage
                        VALUES (NEW.cache, 1, NEW.size_bytes + NEW.narinfo_size_bytes)
                        ON CONFLICT (cache) DO UPDATE SET
                            paths = paths + 1, size_bytes = size_bytes + excluded.size_bytes;
                    END;
                    CREATE TRIGGER member_changes
                    AFTER UPDATE OF size_bytes, narinfo_size_bytes ON member BEGIN
                        UPDATE cache_usage SET size_bytes = size_bytes
                            + NEW.size_bytes + NEW.narinfo_size_bytes
                            - OLD.size_bytes - OLD.narinfo_size_bytes
                        WHERE cache = NEW.cache;
                    END;
                    CREATE TRIGGER member_goes AFTER DELETE ON member BEGIN
                        UPDATE cache_usage SET paths = paths - 1,
                            size_bytes = size_bytes - OLD.size_bytes - OLD.narinfo_size_bytes
                        WHERE cache = OLD.cache;
                    END;

                    CREATE TRIGGER cache_extra_comes AFTER INSERT ON cache_extra BEGIN
                        INSERT INTO cache_usage VALUES (NEW.cache, 0, NEW.size_bytes)
                        ON CONFLICT (cache) DO UPDATE SET
                            size_bytes = size_bytes + excluded.size_bytes;
                    END;
                    CREATE TRIGGER cache_extra_changes AFTER UPDATE OF size_bytes ON cache_extra
                    BEGIN
                        UPDATE cache_usage SET
                            size_bytes = size_bytes + NEW.size_bytes - OLD.size_bytes
                        WHERE cache = NEW.cache;
                    END;
                    CREATE TRIGGER cache_extra_goes AFTER DELETE ON cache_extra BEGIN
                        UPDATE cache_usage SET size_bytes = size_bytes - OLD.size_bytes
                        WHERE cache = OLD.cache;
                    END;
                    """
            )
        }
    }
}
