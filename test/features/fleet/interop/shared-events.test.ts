import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { parseConfig } from '../../../../agent/config/load/load.ts';
import { Database } from '../../../../agent/features/fleet/database/database.ts';
import { readDatabaseURL } from '../../../../agent/features/fleet/database/database-url.ts';
import { eventRows } from '../../../../agent/features/fleet/database/event-rows.ts';
import { EventSharing } from '../../../../agent/features/fleet/database/event-sharing.ts';
import type { CameraEvent } from '../../../../agent/record/events/event.ts';
import { writeEventLine } from '../../../../agent/record/events/event-line.ts';
import { FlushPoint } from '../../../../agent/record/write/flush.ts';
import { CameraEvents } from '../../../../agent/recordings/events.ts';
import { until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type Postgresql, startPostgresql } from '../../../peers/programs/postgresql.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { KEYS } from '../../../support/harness/loaded-config.ts';
import { openPlayback } from '../../../support/harness/playback.ts';

const LIMIT = { timeout: 120_000 };
const DAY_US = 86_400_000_000;
const PERSON = { type: 'person', score: 0.9, box: { x: 0, y: 0, width: 1, height: 1 } } as const;

const past = (id: string, startUs = Date.now() * 1000 - 600_000_000): CameraEvent => ({
  ...{ id, path: 'gate', type: 'motion', source: 'camera', text: '', startUs, endUs: startUs + 1_000_000 },
});

describeWith(['postgresql'], 'events that servers share', () => {
  let postgresql: Postgresql;
  beforeAll(async () => {
    postgresql = await startPostgresql();
  });
  afterAll(() => postgresql[Symbol.asyncDispose]());

  /** @param dataDir of an earlier run */
  async function startServer(url: string, dataDir?: string) {
    const folder = dataDir ?? newFolder();
    const { config } = parseConfig('paths: {gate: {}}', 'perch.yml', {}, { recordPath: '/x', cwd: '/', keys: KEYS });
    const database = await Database.open({
      address: readDatabaseURL(url),
      clock: systemClock,
      log: silentLogger,
    });
    const playback = openPlayback(folder);
    const flush = new FlushPoint(systemClock, 5_000);
    const common = { clock: systemClock, log: silentLogger, dataDir: folder };
    const events = new CameraEvents({
      ...{ ...common, config: () => config ?? expect.fail(), flush },
      ...{ keptMs: () => 30 * 86_400_000, isClockTrusted: () => true, index: playback.events },
    });
    const shown: CameraEvent[] = [];
    const announced: CameraEvent[] = [];
    events.hub.listen((event) => announced.push(event));
    const show = (event: CameraEvent) => shown.push(event);
    const sharing = new EventSharing({ ...common, database, events, index: playback.events, show });
    events.share(sharing);
    sharing.begin();
    let isOpen = true;
    const stop = async () => {
      if (isOpen) {
        isOpen = false;
        await events.close();
        await flush.close();
        await playback.close();
        await database.close();
      }
    };
    onTestFinished(stop);
    const list = () => playback.events.newestOf('gate', { fromUs: 0, toUs: Date.now() * 1000 + DAY_US, limit: 20_000 });
    const has = (...ids: string[]) =>
      until(() => (ids.every((id) => list().some((one) => one.id === id)) ? true : undefined));
    return { database, events, index: playback.events, sharing, shown, announced, folder, stop, list, has };
  }

  function newFolder(): string {
    const folder = temporaryFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    return folder.path;
  }

  test(
    'an event of one server is at the other at once, shown and not announced, with its end and later labels',
    LIMIT,
    async () => {
      const { url } = await postgresql.database();
      const [one, other] = [await startServer(url), await startServer(url)];
      const motion = { path: 'gate', type: 'motion', source: 'camera', id: 'e1' } as const;
      await one.events.hub.add({ ...motion, state: 'start' });
      await other.has('e1');
      expect(other.list()).toMatchObject([{ id: 'e1', endUs: undefined }]);
      await one.events.hub.add({ ...motion, state: 'end' });
      await one.events.hub.label('gate', 'e1', [{ ...PERSON, at: Date.now() * 1000 }]);
      await until(() => (other.list()[0]?.labels?.length === 1 ? true : undefined));
      expect(other.list()).toEqual(one.list());
      expect(other.shown.at(-1)).toMatchObject({ id: 'e1', endUs: expect.any(Number), labels: [{ type: 'person' }] });
      expect([other.announced, other.events.isElsewhere({ path: 'gate', id: 'e1' })]).toEqual([[], true]);
    },
  );

  test(
    'an event that both servers have from its box is stored once, with all that each of them knows',
    LIMIT,
    async () => {
      const { name, url } = await postgresql.database();
      const [one, other] = [await startServer(url), await startServer(url)];
      const event = past('e1');
      await Promise.all([
        one.events.storePast({ ...event, zones: ['street'] }),
        other.events.storePast({ ...event, labels: [{ ...PERSON, at: event.startUs }] }),
        other.events.storePast(past('e2')),
      ]);
      await until(() => {
        const lists = [one.list(), other.list()];
        return lists.every(([first, second]) => first && second && [first, second].some(isWhole)) ? true : undefined;
      });
      expect(one.list()).toEqual(other.list());
      expect((await postgresql.sql('SELECT count(*) FROM perch_events', name)).trim()).toBe('2');
    },
  );

  test('a server that starts with an empty folder, or after an absence, has all events', LIMIT, async () => {
    const { url } = await postgresql.database();
    const one = await startServer(url);
    const other = await startServer(url);
    const many = Array.from({ length: 1_200 }, (_, i) => past(`e${i}`));
    await one.database.transaction((client) => eventRows.put(client, many));
    await other.has('e0', 'e1199');
    await other.stop();
    await one.events.storePast(past('later'));
    const again = await startServer(url, other.folder);
    const empty = await startServer(url);
    await Promise.all([again.has('later'), empty.has('later')]);
    expect([again.list().length, empty.list().length]).toEqual([1_201, 1_201]);
    expect(again.shown).toEqual([]);
  });

  test(
    'what happens while the database is away waits in a file, and is there for all when it is back',
    LIMIT,
    async () => {
      const { url } = await postgresql.database();
      const [one, other] = [await startServer(url), await startServer(url)];
      await one.events.storePast(past('before'));
      await other.has('before');
      onTestFinished(() => postgresql.start().catch(() => {}));
      await postgresql.kill();
      await one.events.storePast(past('during'));
      await until(() => (one.sharing.fault === undefined ? undefined : true));
      expect([
        one
          .list()
          .map(({ id }) => id)
          .sort(),
        one.sharing.waiting.toGive,
      ]).toEqual([['before', 'during'], 1]);
      // A restart of the server needs the database: it comes back first.
      await one.stop();
      await postgresql.start();
      const again = await startServer(url, one.folder);
      await other.has('during');
      await until(() => (again.sharing.waiting.toGive === 0 ? true : undefined));
    },
  );

  test('events from before the database, and those of a queue that was lost, come from the files', LIMIT, async () => {
    const { name, url } = await postgresql.database();
    const one = await startServer(url);
    await one.events.storePast(past('old'));
    await until(() => (one.index.sharedMark?.isUploaded && one.sharing.waiting.toGive === 0 ? true : undefined));
    await one.stop();
    // As a database that was made anew, whose numbers begin again.
    await postgresql.sql(
      'TRUNCATE perch_events; UPDATE perch_event_store SET id = gen_random_uuid(), version = 0',
      name,
    );
    await startServer(url, one.folder);
    const other = await startServer(url);
    await other.has('old');
  });

  test('old events go by the retention of their path, and those of a server that is lost end', LIMIT, async () => {
    const { name, url } = await postgresql.database();
    const { database, events, sharing } = await startServer(url);
    const nowUs = Date.now() * 1000;
    await events.storePast(past('old', nowUs - 40 * DAY_US));
    await events.storePast(past('new', nowUs - DAY_US));
    await until(() => (sharing.waiting.toGive === 0 ? true : undefined));
    const open = { ...past('open', nowUs - 3 * 3_600_000_000), endUs: undefined };
    await database.transaction((client) => eventRows.put(client, [open]));
    await database.transaction((client) => eventRows.endLost(client, nowUs));
    await sharing.expired(new Map([['gate', nowUs - 30 * DAY_US]]));
    const rows = await postgresql.sql('SELECT id, end_us - start_us FROM perch_events ORDER BY id', name);
    expect(rows.trim().split('\n')).toEqual(['new|1000000', 'open|5000000']);
  });

  test('a server that hears no notification has the events of others nevertheless', LIMIT, async () => {
    const { name, url } = await postgresql.database();
    const [one, other] = [await startServer(url), await startServer(url)];
    await one.events.storePast(past('first'));
    await other.has('first');
    const event = past('quiet');
    await postgresql.sql(
      `UPDATE perch_event_store SET version = version + 1;
       INSERT INTO perch_events SELECT 'gate', 'quiet', version, ${event.startUs}, ${event.endUs}, '${writeEventLine(event)}'
       FROM perch_event_store`,
      name,
    );
    await Promise.all([one.has('quiet'), other.has('quiet')]);
  });

  test('a text that the database cannot have holds up no other event', LIMIT, async () => {
    const { url } = await postgresql.database();
    const [one, other] = [await startServer(url), await startServer(url)];
    one.sharing.stored({ ...past('bad'), path: 'ga\0te' });
    await one.events.storePast({ ...past('odd'), text: "O'Brien\0\ud800" });
    await other.has('odd');
    await until(() => (one.sharing.waiting.toGive === 0 ? true : undefined));
    expect(other.list().map(({ id }) => id)).toEqual(['odd']);
  });
});

const isWhole = ({ zones, labels }: Partial<CameraEvent>): boolean => zones !== undefined && labels !== undefined;
