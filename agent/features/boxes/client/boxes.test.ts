import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { MemoryDatabase } from '../../../../test/support/base/memory-carrier.ts';
import { LinkedBoxes } from '../../../auth/pairing/linked-boxes.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { readFacts } from './box-file.ts';
import type { FindBoxes } from './box-search.ts';
import { Boxes } from './boxes.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-boxes-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
const { d: OTHER_SECRET = '', x: OTHER_KEY = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
const ID = '1a2b3c4d5e6f7a8b';
const STORED = {
  ...{ id: ID, name: 'Shed', version: '0.1.0', live: true, recordings: true, cameras: [], created: 0, seen: 0 },
  // Neither is an address: nothing is connected.
  addresses: ['no address', '127.0.0.1:99999'],
  ...{ pin: `key.${'A'.repeat(43)}`, server: 'AbCdEfGh-_123456', secret: d, key: x },
};
const file = () => join(folder, 'boxes.json');
const open = async (clock = new FakeClock(), findBoxes?: FindBoxes) => {
  const boxes = new Boxes({ dataDir: folder, clock, log: silentLogger, findBoxes });
  await boxes.open();
  return boxes;
};

test('a box without an address that can be tried is away, and requests fail at once with the reason', async () => {
  writeFileSync(file(), JSON.stringify({ boxes: [STORED] }));
  const boxes = await open();
  await boxes.refresh(ID);
  expect(boxes.item(ID)).toMatchObject({ state: 'away', error: 'no address of the box is known', seenMs: 0 });
  const refused = boxes.request(ID, 'GET', '/v3/paths/list');
  await expect(refused).rejects.toThrow("box 'Shed' is away since 2026-01-01T00:00:00.000Z: no address");
  await expect(boxes.request(ID, 'GET', '/')).rejects.toMatchObject({ code: 'unavailable', context: { why: 'away' } });
  await expect(boxes.request('other', 'GET', '/')).rejects.toThrow(/there is no box 'other'/);
  expect(() => boxes.setAddresses(ID, ['box.example'])).toThrow(/not host:port/);
  await boxes.close();
});

test('a box keeps the name and the addresses that its owner has entered', async () => {
  writeFileSync(file(), JSON.stringify({ boxes: [STORED] }));
  const boxes = await open();
  boxes.rename(ID, ' Farm ');
  boxes.setAddresses(ID, ['farm.invalid:8443']);
  expect(boxes.list()).toMatchObject([{ name: 'Farm', addresses: ['farm.invalid:8443'] }]);
  expect(boxes.presence('other')).toBeUndefined();
  await boxes.close();
  const again = await open();
  expect(again.presence(ID)).toEqual({
    id: ID,
    name: 'Farm',
    awaySince: null,
    turn: false,
    switch: false,
    settings: false,
  });
  again.rename(ID, '');
  expect(again.item(ID)?.name).toBe('Shed');
  await again.close();
});

test('boxes with the same name are numbered in the order of their pairing', async () => {
  const ids = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(16));
  const names = ['Shed', 'Shed 2', 'Shed', 'Shed'];
  writeFileSync(file(), JSON.stringify({ boxes: ids.map((id, i) => ({ ...STORED, id, name: names[i] })) }));
  const boxes = await open();
  expect(ids.map((id) => boxes.presence(id)?.name)).toEqual(['Shed', 'Shed 2', 'Shed 3', 'Shed 4']);
  boxes.rename(ids[0] as string, 'Barn');
  expect(boxes.list().map(({ name }) => name)).toEqual(['Barn', 'Shed 2', 'Shed', 'Shed 3']);
  await boxes.close();
});

test('a box cannot change its pin, its name here, or the key of the server', () => {
  const { pin: _, server: __, secret: ___, key: ____, created: _____, seen: ______, ...facts } = STORED;
  const answer = { ...facts, addresses: [], pin: 'x', secret: 'y', alias: 'z', entered: ['evil.example:1'] };
  expect(readFacts(answer)).toEqual({ ...facts, addresses: [] });
  expect(readFacts({ ...answer, id: '../x' })).toBeUndefined();
});

test('a box is looked for in the local networks once it has been away for a minute', async () => {
  writeFileSync(file(), JSON.stringify({ boxes: [STORED] }));
  const clock = new FakeClock();
  const looked: number[] = [];
  const boxes = await open(clock, async (ids) => {
    looked.push(clock.monoMs());
    expect(ids).toEqual([ID]);
    return new Map([[ID, ['no address either']]]);
  });
  await boxes.refresh(ID);
  const startMs = clock.monoMs();
  await clock.advance(59_000);
  await boxes.refresh(ID);
  expect(looked).toEqual([]);
  await clock.advance(1_000);
  await boxes.refresh(ID);
  expect(looked).toEqual([startMs + 60_000]);
  await clock.advance(30_000);
  await boxes.refresh(ID);
  expect(looked).toHaveLength(1);
  await boxes.close();
});

test('what is not an invitation pairs nothing', async () => {
  const boxes = await open();
  for (const text of ['', 'https://box.example/', 'perch://invitation?at=192.0.2.1:8443&pin=x&secret=y']) {
    await expect(boxes.add(text, 'Server')).rejects.toThrow(/this is not an invitation/);
  }
  expect(existsSync(file())).toBe(false);
  await boxes.close();
});

test.for([
  '{',
  '{"boxes":[{}]}',
  JSON.stringify({ boxes: [{ ...STORED, secret: 'x' }] }),
  JSON.stringify({ boxes: [{ ...STORED, id: '../../x' }] }),
])('the damaged file %s is put aside', async (text) => {
  writeFileSync(file(), text);
  const boxes = await open();
  expect(boxes.list()).toEqual([]);
  expect(readFileSync(`${file()}.damaged`, 'utf8')).toBe(text);
  await boxes.close();
});

/** A connection that a box has made. @param answer to each request within it */
async function linkOf(answer: RequestListener) {
  const http = createServer(answer);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  let ended: (() => void) | undefined;
  onTestFinished(() => void http.close());
  return {
    connect: (links: LinkedBoxes): void => {
      ended = links.connected(ID, {
        open: () => connect(port, '127.0.0.1'),
        close: () => {
          http.closeAllConnections();
          ended?.();
        },
      });
    },
  };
}

test('of two boxes that redeem one invitation at two servers with one database, one is paired', async () => {
  const database = new MemoryDatabase();
  const [one, other] = await Promise.all(
    ['one', 'other'].map(async (name) => {
      const dataDir = join(folder, name);
      database.server(dataDir);
      const boxes = new Boxes({ dataDir, clock: new FakeClock(), log: silentLogger, boxLinks: new LinkedBoxes() });
      await boxes.open();
      onTestFinished(() => boxes.close());
      return boxes;
    }),
  );
  const pairing = { name: 'Shed', boxKey: 'B'.repeat(43), server: 'AbCdEfGh-_123456', secret: d, key: x };
  const added = await Promise.allSettled([
    one?.addLinked({ ...pairing, id: ID }),
    other?.addLinked({ ...pairing, id: 'f'.repeat(16) }),
  ]);
  expect(added.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  await expect.poll(() => [one, other].map((boxes) => boxes?.list().length)).toEqual([1, 1]);
  await expect(one?.addLinked({ ...pairing, id: '0'.repeat(16) })).rejects.toThrow('was used');
});

test('two servers with one database share 2,000 boxes with ten cameras each, and the name that one of them gives to a box', async () => {
  const camera = (i: number) => ({ path: `camera_${i}`, name: `Entrance ${i}`, codecs: ['H264', 'MPEG-4 Audio'] });
  const cameras = Array.from({ length: 10 }, (_, i) => camera(i));
  const idOf = (i: number) => i.toString(16).padStart(16, '0');
  const many = Array.from({ length: 2_000 }, (_, i) => ({
    ...STORED,
    ...{ id: idOf(i), name: `Shop ${i}`, pin: 'link', addresses: [], cameras },
    paths: cameras.map(({ path }) => ({ path, name: `shop_${i}/${path}`, added: 0 })),
  }));
  const database = new MemoryDatabase();
  const folders = ['one', 'other'].map((name) => join(folder, name));
  const [first = ''] = folders;
  const carrier = database.server(first);
  await carrier.save('boxes.json', JSON.stringify({ boxes: many }), undefined);
  const [one, other] = await Promise.all(
    folders.map(async (dataDir) => {
      if (dataDir !== first) {
        database.server(dataDir);
      }
      const boxes = new Boxes({ dataDir, clock: new FakeClock(), log: silentLogger, boxLinks: new LinkedBoxes() });
      await boxes.open();
      onTestFinished(() => boxes.close());
      return boxes;
    }),
  );
  expect([one, other].map((boxes) => boxes?.list().length)).toEqual([2_000, 2_000]);
  one?.rename(idOf(1_999), 'Farm');
  await expect.poll(() => other?.item(idOf(1_999))?.name).toBe('Farm');
});

test.for([
  ['one server', 1],
  ['two servers with one database', 2],
] as const)('of two boxes that %s would pair as the last one, one is paired, and none is lost', async ([, count]) => {
  const keys = () => {
    const { d: secret = '', x: key = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    return { secret, key };
  };
  const idOf = (i: number) => i.toString(16).padStart(16, '0');
  const many = Array.from({ length: 1_999 }, (_, i) => ({ ...STORED, id: idOf(i), pin: 'link', addresses: [] }));
  const database = new MemoryDatabase();
  const open = async (name: string) => {
    const dataDir = join(folder, name);
    mkdirSync(dataDir);
    if (count > 1) {
      await database.server(dataDir).save('boxes.json', JSON.stringify({ boxes: many }), undefined);
    } else {
      writeFileSync(join(dataDir, 'boxes.json'), JSON.stringify({ boxes: many }));
    }
    const boxes = new Boxes({ dataDir, clock: new FakeClock(), log: silentLogger, boxLinks: new LinkedBoxes() });
    await boxes.open();
    onTestFinished(() => boxes.close());
    return boxes;
  };
  const servers: Boxes[] = [];
  for (let i = 0; i < count; i += 1) {
    servers.push(await open(`server${i}`));
  }
  const paired = await Promise.allSettled(
    [5_000, 5_001].map((i, at) =>
      servers[at % count]?.addLinked({
        ...{ id: idOf(i), name: 'Farm', boxKey: 'B'.repeat(43), server: `0bCdEfGh-_12${i}`, ...keys() },
      }),
    ),
  );
  expect(paired.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  await expect.poll(() => servers.map((boxes) => boxes.list().length)).toEqual(servers.map(() => 2_000));
  const stored =
    count > 1 ? database.rows.get('boxes.json')?.json : readFileSync(join(folder, 'server0', 'boxes.json'), 'utf8');
  expect(JSON.parse(stored ?? '').boxes).toHaveLength(2_000);
});

test('while the database is away no box can be paired, and what a box reads does not say where it is', async () => {
  const database = new MemoryDatabase();
  const carrier = database.server(folder);
  const boxes = await open();
  onTestFinished(() => boxes.close());
  boxes.mayAdd();
  const pairing = { id: ID, name: 'Shed', boxKey: 'B'.repeat(43), server: 'AbCdEfGh-_123456', secret: d, key: x };
  const refused = {
    code: 'unavailable',
    message: 'no box can be paired now: the database does not answer',
    cause: expect.anything(),
  };
  const place = "database 'perch' at db.example.org:5432";
  vi.spyOn(database, 'put').mockImplementationOnce(() => {
    throw new PerchError('unavailable', `${place}: it does not answer`);
  });
  await expect(boxes.addLinked(pairing)).rejects.toMatchObject(refused);
  carrier.goAway(`${place}: it does not answer`);
  expect(() => boxes.mayAdd()).toThrow(refused.message);
  await expect(boxes.addLinked(pairing)).rejects.toMatchObject(refused);
  carrier.comeBack();
  await boxes.addLinked(pairing);
  expect(boxes.isLinked(ID)).toBe(true);
});

test('a used invitation pairs no box again within its ten minutes, also at another server and after a restart', async () => {
  const database = new MemoryDatabase();
  const clock = new FakeClock();
  const openServer = async (name: string) => {
    const dataDir = join(folder, name);
    database.server(dataDir);
    const boxes = new Boxes({ dataDir, clock, log: silentLogger, boxLinks: new LinkedBoxes() });
    await boxes.open();
    onTestFinished(() => boxes.close());
    return boxes;
  };
  const [one, other] = [await openServer('one'), await openServer('other')];
  const pairing = { name: 'Shed', boxKey: 'B'.repeat(43), server: 'AbCdEfGh-_123456', secret: d, key: x };
  await one.addLinked({ ...pairing, id: ID });
  await one.remove(ID);
  await expect.poll(() => other.list().length).toBe(0);
  for (const boxes of [one, other, await openServer('third')]) {
    await expect(boxes.addLinked({ ...pairing, id: ID })).rejects.toThrow('was used');
    await expect(boxes.addLinked({ ...pairing, id: 'f'.repeat(16) })).rejects.toThrow('was used');
  }
  await clock.advance(12 * 60_000);
  // It is over, which another check finds. Nothing of it is kept.
  await other.addLinked({ ...pairing, key: OTHER_KEY, secret: OTHER_SECRET, id: ID });
  await other.remove(ID);
  expect(JSON.parse(database.rows.get('boxes.json')?.json ?? '').invitations).toMatchObject([{ key: OTHER_KEY }]);
});

test('a box that is removed while the database is away stays removed after a kill of the server', async () => {
  const database = new MemoryDatabase();
  const dataDir = join(folder, 'one');
  const openShared = async () => {
    const carrier = database.server(dataDir);
    const boxes = new Boxes({ dataDir, clock: new FakeClock(), log: silentLogger, boxLinks: new LinkedBoxes() });
    await boxes.open();
    onTestFinished(() => boxes.close());
    return { boxes, carrier };
  };
  const { boxes, carrier } = await openShared();
  const pairing = { name: 'Shed', boxKey: 'B'.repeat(43), server: 'AbCdEfGh-_123456', secret: d, key: x };
  await boxes.addLinked({ ...pairing, id: ID });
  carrier.goAway();
  await expect(boxes.remove(ID)).rejects.toThrow('it is revoked on this server');
  expect(boxes.list()).toEqual([]);
  const again = await openShared();
  expect(again.boxes.list()).toEqual([]);
  // The box learns it with its next link.
  expect(again.boxes.linked(ID, pairing.server)).toMatchObject({ isRemoved: true });
  expect(JSON.parse(database.rows.get('boxes.json')?.json ?? '').boxes).toEqual([]);
});

test('a box that is invited again while its former connection is open offers its cameras at once', async () => {
  const clock = new FakeClock();
  const boxLinks = new LinkedBoxes();
  const boxes = new Boxes({ dataDir: folder, clock, log: silentLogger, boxLinks });
  await boxes.open();
  const offered = { path: 'gate', name: null, codecs: [] };
  const facts = { id: ID, name: 'Shed', version: '0.1.0', live: true, recordings: true, addresses: [] };
  let isRevoked = false;
  const former = await linkOf(({ method }, response) => {
    // It does not know the new pairing.
    response.statusCode = isRevoked ? 401 : 200;
    isRevoked ||= method === 'DELETE';
    response.end(JSON.stringify({ ...facts, cameras: [offered] }));
  });
  const held: ServerResponse[] = [];
  const newer = await linkOf((_, response) => {
    if (held.length === 0) {
      held.push(response);
    } else {
      response.end(JSON.stringify({ ...facts, cameras: [offered] }));
    }
  });
  const pairing = { id: ID, name: 'Shed', boxKey: 'B'.repeat(43), server: 'AbCdEfGh-_123456', secret: d, key: x };
  await boxes.addLinked(pairing);
  former.connect(boxLinks);
  await boxes.refresh(ID);
  expect(boxes.item(ID)).toMatchObject({ state: 'connected', cameras: [{ path: 'gate' }] });
  await boxes.addLinked({ ...pairing, server: '0bCdEfGh-_123456', secret: OTHER_SECRET, key: OTHER_KEY });
  expect([isRevoked, boxLinks.isConnected(ID)]).toEqual([true, false]);
  newer.connect(boxLinks);
  await expect.poll(() => held.length).toBe(1);
  const refreshed = boxes.refresh(ID);
  // What was asked before fails: it is asked again.
  held[0]?.destroy();
  await refreshed;
  expect(boxes.item(ID)).toMatchObject({ state: 'connected', cameras: [{ path: 'gate' }] });
  await boxes.close();
});

test.for([
  ['is away', undefined],
  ['answers too late', 'silent'],
  ['is told', 'answers'],
] as const)(
  'a box that makes the connection and %s when it is removed: the removal is kept if it has to learn it',
  async ([, how]) => {
    const boxLinks = new LinkedBoxes();
    const open = async () => {
      const boxes = new Boxes({ dataDir: folder, clock: new FakeClock(), log: silentLogger, boxLinks });
      await boxes.open();
      return boxes;
    };
    const boxes = await open();
    const server = 'AbCdEfGh-_123456';
    await boxes.addLinked({ id: ID, name: 'Shed', boxKey: 'B'.repeat(43), server, secret: d, key: x });
    const facts = { id: ID, name: 'Shed', version: '0.1.0', live: true, recordings: true, addresses: [], cameras: [] };
    const link = await linkOf(({ method }, response) => {
      if (how === 'answers' || method !== 'DELETE') {
        response.end(JSON.stringify(facts));
      }
    });
    if (how) {
      link.connect(boxLinks);
      await boxes.refresh(ID);
    }
    expect(await boxes.remove(ID)).toBe(true);
    expect([boxes.linked(ID), boxLinks.isConnected(ID)]).toEqual([undefined, false]);
    const wanted = how === 'answers' ? undefined : { server, key: x, boxKey: 'B'.repeat(43), isRemoved: true };
    const expected = wanted ? expect.objectContaining(wanted) : undefined;
    expect(boxes.linked(ID, server)).toEqual(expected);
    await boxes.close();
    const again = await open();
    expect([again.list(), again.linked(ID), again.linked(ID, server)]).toEqual([[], undefined, expected]);
    // Paired again with another invitation, it has another id for this server.
    await again.addLinked({
      id: ID,
      name: 'Shed',
      boxKey: 'B'.repeat(43),
      server: '0bCdEfGh-_123456',
      secret: OTHER_SECRET,
      key: OTHER_KEY,
    });
    expect([again.linked(ID)?.server, again.linked(ID, server)]).toEqual([
      '0bCdEfGh-_123456',
      expected ?? expect.not.objectContaining({ isRemoved: true }),
    ]);
    await again.close();
  },
);
