/** Changes with the schema. */
export const INDEX_VERSION = 8;

/*
 * names: texts shared by many rows (folders, paths, boots, tracks).
 * segments.state: 0 unread, 1 growing, 2 finished, 3 unreadable (`fault` has the reason), 4 only a copy elsewhere is left.
 * segments.joins: 1 if the recording continues the previous one of its path. Timespans start where it is 0: a list of a long
 * history costs as much as it has gaps, not files.
 * segments.lost: JSON, what a power cut has taken from the middle: pairs of microseconds after start_us.
 * segments.name_us is the start by the file name, corrected for time zones, start_us the shown one, also for untrusted clocks.
 * looks: folder mtimes when last read for a template. An unchanged folder need not be read again, also after a restart.
 * labels: of an event, one row for each type and one of the type '' with all of them as JSON. A table of its own, with a
 * trigger: a release before labels, which knows this version of the file, writes events without them.
 * zones: of an event, one row for each; like labels.
 * usage: files by path, and bytes on disks of this box, kept by triggers.
 */
export const INDEX_SCHEMA = `
  CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS segments (
    id INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL,
    name TEXT NOT NULL,
    path INTEGER NOT NULL,
    name_us INTEGER NOT NULL,
    start_us INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    joins INTEGER NOT NULL DEFAULT 0,
    own INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0,
    mtime_ms REAL NOT NULL DEFAULT 0,
    duration_us INTEGER NOT NULL DEFAULT 0,
    stream BLOB,
    segment_number INTEGER NOT NULL DEFAULT 0,
    dts_us REAL NOT NULL DEFAULT 0,
    signature INTEGER,
    boot INTEGER,
    mono_us INTEGER,
    wall_us INTEGER,
    trusted INTEGER NOT NULL DEFAULT 0,
    offset_minutes INTEGER,
    fault TEXT,
    lost TEXT,
    UNIQUE (folder, name)
  );
  CREATE INDEX IF NOT EXISTS by_start ON segments (path, start_us);
  CREATE INDEX IF NOT EXISTS by_readable ON segments (path, start_us) WHERE state IN (1, 2, 4);
  CREATE INDEX IF NOT EXISTS by_break ON segments (path, start_us) WHERE joins = 0 AND state IN (1, 2, 4);
  CREATE INDEX IF NOT EXISTS by_lost ON segments (path, start_us) WHERE lost IS NOT NULL;
  CREATE INDEX IF NOT EXISTS by_work ON segments (path, start_us) WHERE state IN (0, 1, 3);
  CREATE INDEX IF NOT EXISTS by_unread ON segments (state) WHERE state = 0;
  CREATE INDEX IF NOT EXISTS by_age ON segments (start_us) WHERE own = 1 AND state = 2;
  CREATE INDEX IF NOT EXISTS by_archived ON segments (path, name_us) WHERE state = 4;
  CREATE INDEX IF NOT EXISTS by_boot ON segments (boot, mono_us) WHERE boot IS NOT NULL AND trusted = 0;
  CREATE TABLE IF NOT EXISTS boots (boot INTEGER PRIMARY KEY, mono_us INTEGER, offset_us INTEGER) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS looks (
    template INTEGER, folder INTEGER, mtime_ms REAL, PRIMARY KEY (template, folder)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS usage (
    path INTEGER PRIMARY KEY, files INTEGER NOT NULL, bytes INTEGER NOT NULL, own_bytes INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TRIGGER IF NOT EXISTS usage_more AFTER INSERT ON segments BEGIN
    INSERT INTO usage VALUES (new.path, 1, new.size, new.size * new.own)
      ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + new.size, own_bytes = own_bytes + new.size * new.own;
  END;
  CREATE TRIGGER IF NOT EXISTS usage_change AFTER UPDATE OF size, own, state ON segments
    WHEN old.size != new.size OR old.own != new.own OR (old.state = 4) != (new.state = 4) BEGIN
    UPDATE usage SET bytes = bytes + new.size * (new.state != 4) - old.size * (old.state != 4),
      own_bytes = own_bytes + new.size * new.own * (new.state != 4) - old.size * old.own * (old.state != 4)
      WHERE path = new.path;
  END;
  CREATE TRIGGER IF NOT EXISTS usage_less AFTER DELETE ON segments BEGIN
    UPDATE usage SET files = files - 1, bytes = bytes - old.size * (old.state != 4),
      own_bytes = own_bytes - old.size * old.own * (old.state != 4)
      WHERE path = old.path;
  END;
  CREATE TABLE IF NOT EXISTS events (
    id TEXT, path INTEGER, type TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER, text TEXT NOT NULL, area TEXT,
    PRIMARY KEY (path, id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS events_by_start ON events (path, start_us);
  CREATE INDEX IF NOT EXISTS events_by_type ON events (path, type, start_us);
  CREATE INDEX IF NOT EXISTS events_long ON events (path, start_us) WHERE end_us IS NULL OR end_us - start_us > 3600000000;
  CREATE TABLE IF NOT EXISTS labels (
    path INTEGER, id TEXT, type TEXT, start_us INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (path, id, type)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS labels_by_type ON labels (path, type, start_us);
  CREATE TRIGGER IF NOT EXISTS labels_less AFTER DELETE ON events BEGIN
    DELETE FROM labels WHERE path = old.path AND id = old.id;
  END;
  CREATE TABLE IF NOT EXISTS zones (
    path INTEGER, id TEXT, name TEXT, start_us INTEGER NOT NULL, PRIMARY KEY (path, id, name)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS zones_by_name ON zones (path, name, start_us);
  CREATE TRIGGER IF NOT EXISTS zones_less AFTER DELETE ON events BEGIN
    DELETE FROM zones WHERE path = old.path AND id = old.id;
  END;
  CREATE TABLE IF NOT EXISTS protected (
    id TEXT PRIMARY KEY, path INTEGER NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, note TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS protected_by_start ON protected (path, start_us);
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;
