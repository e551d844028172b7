import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { MemoryDatabase } from '../../../test/support/base/memory-carrier.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { LinkedBoxes } from '../../auth/pairing/linked-boxes.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { ConfigStore } from '../../config/store/store.ts';
import { BoxPaths } from './box-paths.ts';
import { Boxes } from './client/boxes.ts';

const SHED = '1a2b3c4d5e6f7a8b';
const BARN = 'f'.repeat(16);

/** Servers that share a database, each with a data folder. */
function fleet() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-shared-paths-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const database = new MemoryDatabase();
  const clock = new FakeClock();
  const start = async (
    name: string,
    { text = 'paths: {}\n', file = join(folder, `${name}.yml`), shares = true } = {},
  ) => {
    const dataDir = join(folder, name);
    mkdirSync(dataDir, { recursive: true });
    if (!existsSync(file)) {
      writeFileSync(file, text);
    }
    const context = { dataDir, clock, log: silentLogger };
    const carrier = shares ? database.server(dataDir) : undefined;
    const store = await ConfigStore.open({ ...context, file, cwd: folder, env: {}, keys: KEYS });
    const boxLinks = new LinkedBoxes();
    const boxes = new Boxes({ ...context, boxLinks });
    let refusal: string | undefined;
    let writes = 0;
    let isSaved = true;
    const paths = new BoxPaths(boxes, {
      ...context,
      settings: () => store.current,
      isSaved: () => isSaved,
      revise: async (plan) => {
        if (refusal !== undefined) {
          throw new PerchError('unavailable', refusal);
        }
        await store.revise(({ config }) => {
          const edits = plan(config);
          writes += edits.length > 0 ? 1 : 0;
          return edits;
        });
      },
    });
    store.onChange(() => paths.changed());
    store.watch();
    await boxes.open();
    await paths.begin();
    let isOpen = true;
    const stop = async () => {
      if (isOpen) {
        isOpen = false;
        store.close();
        await paths.close();
        await boxes.close();
      }
    };
    onTestFinished(stop);
    const sources = () =>
      Object.fromEntries([...store.current.paths].map(([path, { settings }]) => [path, settings?.source]));
    return {
      ...{ boxes, boxLinks, paths, store, sources, stop, dataDir, carrier },
      refuse: (why: string | undefined) => {
        refusal = why;
      },
      losesChanges: () => {
        isSaved = false;
      },
      writes: () => writes,
    };
  };
  type Server = Awaited<ReturnType<typeof start>>;
  /** The box redeems an invitation of the server. */
  const pair = async (server: Server, id: string, name: string, cameras: string[]) => {
    const offered = cameras.map((path) => ({ path, name: `The ${path}`, codecs: [] }));
    const facts = { id, name, version: '0.1.0', live: true, recordings: true, addresses: [], cameras: offered };
    const http = createServer((_, response) => void response.end(JSON.stringify(facts)));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    onTestFinished(() => void http.close());
    const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    const keys = { boxKey: 'B'.repeat(43), server: `${id.slice(0, 8)}${x.slice(0, 8)}`, secret: d, key: x };
    await server.boxes.addLinked({ id, name, ...keys });
    server.boxLinks.connected(id, {
      open: () => connect((http.address() as AddressInfo).port, '127.0.0.1'),
      close: () => http.closeAllConnections(),
    });
    return { show: (wanted: 'all' | string[] = 'all') => server.paths.addCameras(id, wanted), offered };
  };
  /** Lets time pass until it is so. */
  const passes = (read: () => unknown, expected: unknown) =>
    expect
      .poll(async () => {
        await clock.advance(1_000);
        return read();
      })
      .toEqual(expected);
  const settle = async () => {
    for (let i = 0; i < 20; i += 1) {
      await clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { folder, database, clock, start, pair, passes, settle };
}

const remove = (store: ConfigStore, name: string) => store.edit([{ keyPath: ['paths', name], value: undefined }]);

test('a box that is paired at one server has its paths at all, also at one that starts later, until it is removed at any', async () => {
  const { start, pair, passes, database } = fleet();
  const one = await start('one', { text: 'paths: { gate: { source: "rtsp://192.0.2.9/" } }\n' });
  const other = await start('other');
  const away = await start('away');
  await away.stop();
  const shed = await pair(one, SHED, 'Shed', ['gate', 'gate_sub']);
  await shed.show();
  const shown = { 'Shed/gate': `perch://${SHED}/gate`, 'Shed/gate_sub': `perch://${SHED}/gate_sub` };
  expect(one.sources()).toEqual({ gate: 'rtsp://192.0.2.9/', ...shown });
  await passes(other.sources, shown);
  expect(other.store.current.paths.get('Shed/gate')?.settings).toMatchObject({
    sourceOnDemand: true,
    camera: { name: 'The gate' },
  });
  const [back, third] = [await start('away'), await start('third')];
  expect([back.sources(), third.sources()]).toEqual([shown, shown]);

  shed.offered.push({ path: 'yard', name: 'Yard', codecs: [] });
  await shed.show(['yard']);
  const more = { ...shown, yard: `perch://${SHED}/yard` };
  for (const server of [other, back, third]) {
    await passes(server.sources, more);
  }
  await passes(() => JSON.parse(readFileSync(join(third.dataDir, 'box-paths.json'), 'utf8')).boxes[SHED], {
    ...{ gate: expect.any(Number), gate_sub: expect.any(Number), yard: expect.any(Number) },
  });
  await third.stop();
  await other.paths.remove(SHED);
  expect(other.sources()).toEqual({});
  await passes(one.sources, { gate: 'rtsp://192.0.2.9/' });
  await passes(back.sources, {});
  expect((await start('third')).sources()).toEqual({});
  expect(JSON.parse(database.rows.get('boxes.json')?.json ?? '').boxes).toEqual([]);
});

test('a path that its owner deletes at a server stays deleted there, until its camera is added again', async () => {
  const { start, pair, passes, settle } = fleet();
  const [one, other] = [await start('one'), await start('other')];
  const shed = await pair(one, SHED, 'Shed', ['gate', 'yard']);
  await shed.show();
  await passes(() => Object.keys(other.sources()), ['gate', 'yard']);
  await settle();
  await remove(other.store, 'gate');
  await settle();
  expect(Object.keys(other.sources())).toEqual(['yard']);
  await other.stop();
  const again = await start('other');
  shed.offered.push({ path: 'door', name: 'Door', codecs: [] });
  await shed.show();
  await passes(() => Object.keys(again.sources()), ['yard', 'door']);
  // At the one that has it there is nothing to add.
  await settle();
  expect(Object.keys(again.sources())).toEqual(['yard', 'door']);

  await remove(one.store, 'gate');
  await settle();
  await shed.show(['gate']);
  expect(Object.keys(one.sources())).toEqual(['yard', 'door', 'gate']);
  await passes(() => Object.keys(again.sources()), ['yard', 'door', 'gate']);
});

test('paths of boxes that no server knows stay, and a box of before keeps the names that it has', async () => {
  const { start, pair, passes, settle } = fleet();
  const unknown = `  far: { source: "perch://${BARN}/far" }\n`;
  const one = await start('one', { text: `paths:\n  front: { source: "perch://${SHED}/gate" }\n${unknown}` });
  const other = await start('other', { text: `paths:\n${unknown}` });
  await (await pair(one, SHED, 'Shed', ['gate'])).show();
  const far = { far: `perch://${BARN}/far` };
  await passes(other.sources, { ...far, front: `perch://${SHED}/gate` });
  await settle();
  await one.paths.remove(SHED);
  await passes(other.sources, far);
  expect(one.sources()).toEqual(far);
});

test('where another path has the name, the camera is a problem until that path is renamed', async () => {
  const { start, pair, passes, settle } = fleet();
  const one = await start('one');
  const other = await start('other', { text: 'paths: { gate: { source: "rtsp://192.0.2.9/" } }\n' });
  await (await pair(one, SHED, 'Shed', ['gate', 'yard'])).show();
  await passes(() => Object.keys(other.sources()), ['gate', 'yard']);
  await passes(
    () => other.paths.problems(),
    [{ name: 'Shed', why: 'pathName', text: expect.stringContaining("the name 'gate'"), since: null }],
  );
  expect(other.sources()['gate']).toBe('rtsp://192.0.2.9/');
  await settle();
  await remove(other.store, 'gate');
  await passes(() => other.sources()['gate'], `perch://${SHED}/gate`);
  await passes(() => other.paths.problems(), []);
});

test('a configuration that cannot be written is one problem; its paths come when it can', async () => {
  const { start, pair, passes, settle } = fleet();
  const [one, other] = [await start('one'), await start('other')];
  other.refuse('cannot write perch.yml');
  await (await pair(one, SHED, 'Shed', ['gate'])).show();
  const problem = { why: 'paths', text: expect.stringMatching(/: cannot write perch.yml$/), since: expect.any(String) };
  await passes(() => other.paths.problems(), [problem]);
  await settle();
  expect(other.paths.problems()).toEqual([problem]);
  other.refuse(undefined);
  await passes(() => Object.keys(other.sources()), ['gate']);
  await passes(() => other.paths.problems(), []);
  one.refuse('cannot write one.yml');
  await expect(one.paths.addCameras(SHED, ['gate'])).resolves.toBeUndefined();
  const barn = await pair(one, BARN, 'Barn', ['yard']);
  await expect(barn.show()).rejects.toThrow('cannot write one.yml');
});

test('changes of the configuration that last until the next start are made again then', async () => {
  const { start, pair, passes, settle, folder } = fleet();
  const [one, other] = [await start('one'), await start('other')];
  other.losesChanges();
  await (await pair(one, SHED, 'Shed', ['gate'])).show();
  await passes(() => Object.keys(other.sources()), ['gate']);
  await settle();
  await other.stop();
  writeFileSync(join(folder, 'other.yml'), 'paths: {}\n');
  const again = await start('other');
  expect(Object.keys(again.sources())).toEqual(['gate']);
});

test('two boxes that are paired at two servers at once have different names, the same at both', async () => {
  const { start, pair, passes } = fleet();
  const [one, other] = [await start('one'), await start('other')];
  const [shed, barn] = [await pair(one, SHED, 'Shed', ['gate']), await pair(other, BARN, 'Barn', ['gate'])];
  await Promise.all([shed.show(), barn.show()]);
  await passes(() => Object.keys(one.sources()).length, 2);
  await passes(other.sources, one.sources());
  expect(new Set(Object.values(one.sources()))).toEqual(new Set([`perch://${SHED}/gate`, `perch://${BARN}/gate`]));
});

test('cameras of one box that are added at two servers at once are at both', async () => {
  const { start, pair, passes } = fleet();
  const [one, other] = [await start('one'), await start('other')];
  const shed = await pair(one, SHED, 'Shed', ['gate', 'yard']);
  await shed.show([]);
  await expect.poll(() => other.boxes.item(SHED)?.cameras.length).toBe(2);
  await Promise.all([shed.show(['gate']), other.paths.addCameras(SHED, ['yard'])]);
  for (const server of [one, other]) {
    await passes(() => Object.keys(server.sources()).sort(), ['gate', 'yard']);
  }
});

test('servers with one configuration file write it once, and lose nothing when they write it at once', async () => {
  const { start, pair, passes, settle, folder } = fleet();
  const file = join(folder, 'perch.yml');
  writeFileSync(file, '# mine\npaths: {}\n');
  const [one, other] = [await start('one', { file }), await start('other', { file })];
  await (await pair(one, SHED, 'Shed', ['gate'])).show();
  await passes(() => Object.keys(other.sources()), ['gate']);
  await settle();
  expect([one.writes(), other.writes()]).toEqual([1, 0]);
  // The other server has overwritten what this one has just written.
  const before = readFileSync(file, 'utf8');
  const barn = await pair(one, BARN, 'Barn', ['door']);
  await barn.show();
  writeFileSync(file, before);
  await settle();
  for (const server of [one, other]) {
    await passes(() => Object.keys(server.sources()), ['gate', 'door']);
  }
  await other.paths.remove(SHED);
  await passes(() => Object.keys(one.sources()), ['door']);
  await settle();
  expect(readFileSync(file, 'utf8')).toMatch(/^# mine\npaths:\n {2}door:/);
});

test('without a database the files are as before', async () => {
  const { start, pair, settle } = fleet();
  const one = await start('one', { shares: false });
  await (await pair(one, SHED, 'Shed', ['gate'])).show();
  await settle();
  expect(one.sources()).toEqual({ gate: `perch://${SHED}/gate` });
  expect(JSON.parse(readFileSync(join(one.dataDir, 'boxes.json'), 'utf8')).boxes[0]).not.toHaveProperty('paths');
  expect(existsSync(join(one.dataDir, 'box-paths.json'))).toBe(false);
});
