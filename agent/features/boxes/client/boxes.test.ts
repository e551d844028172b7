import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
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
  expect(again.presence(ID)).toEqual({ id: ID, name: 'Farm', awaySince: null });
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
