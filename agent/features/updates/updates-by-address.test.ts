import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UpdatingBox, updateTo } from '../../../test/features/updates/support/updating-box.ts';

let box: UpdatingBox;
beforeEach(async () => {
  box = await UpdatingBox.start();
});
afterEach(() => box[Symbol.asyncDispose]());

test('an update is searched and fetched at the configured address', async () => {
  const update = updateTo('1.2.0');
  const wanted = await box.publish('1.2.0', update);
  expect((await box.app.inject('/v3/update')).json()).toMatchObject({ address: box.updateAddress });
  expect(wanted).toEqual([]);
  const newest = { statusCode: 200, version: '1.2.0', current: 'v1.1.0', isNewer: true };
  expect(await box.tell('/v3/update/look')).toEqual(newest);
  expect(box.asked).toEqual([]);
  expect(await box.tell('/v3/update/fetch', { version: '1.2.0' })).toMatchObject({ statusCode: 200, version: '1.2.0' });
  expect(readFileSync(box.requested).equals(update)).toBe(true);
  expect(box.asked).toMatchObject([{ task: 'update', host: '127.0.0.1', port: 80 }]);
  expect(wanted).toEqual(['/perch/perch-update.json', '/perch/perch-1.2.0.perchupdate']);
});

test.for(['1.1.0', '1.0.9'])('version %s at the address is not newer than the running one', async (version) => {
  await box.publish(version, updateTo(version));
  expect(await box.tell('/v3/update/look')).toMatchObject({ statusCode: 200, version, isNewer: false });
  expect(await box.tell('/v3/update/fetch', { version })).toMatchObject({ statusCode: 400 });
  expect(box.asked).toEqual([]);
});

test.for([
  ['notSigned', () => updateTo('1.2.0', generateKeyPairSync('ed25519').privateKey)],
  ['damaged', () => updateTo('1.2.0').fill(0, 100_000)],
  ['damaged', () => updateTo('1.2.0').subarray(0, 50_000)],
  ['damaged', () => Buffer.concat([updateTo('1.2.0'), Buffer.alloc(1 << 20)])],
  ['damaged', () => updateTo('1.1.9')],
  ['noUpdate', () => Buffer.from('<html>'.repeat(100))],
] as const)('%s: the file at the address is not passed on', async ([why, make]) => {
  await box.publish('1.2.0', make());
  expect(await box.tell('/v3/update/fetch', { version: '1.2.0' })).toMatchObject({ statusCode: 400, why });
  expect(box.asked).toEqual([]);
  expect(existsSync(box.requested)).toBe(false);
  expect(existsSync(`${box.requested}.${process.pid}.new`)).toBe(false);
});

test('the download of a file that is rejected ends at once', async () => {
  const head = updateTo('1.1.9').subarray(0, 50_000);
  let isOpen = true;
  await box.updatesFrom((_request, response) => {
    response.write(head);
    response.once('close', () => {
      isOpen = false;
    });
  });
  expect(await box.tell('/v3/update/fetch', { version: '1.2.0' })).toMatchObject({ statusCode: 400, why: 'damaged' });
  await expect.poll(() => isOpen).toBe(false);
});

test('nothing is fetched without an address, on a box that cannot install it, or for an invalid version', async () => {
  expect(await box.tell('/v3/update/look')).toMatchObject({ statusCode: 501, why: 'noAddress' });
  const fetchIt = (version: string) => box.tell('/v3/update/fetch', { version });
  expect(await fetchIt('1.2.0')).toMatchObject({ statusCode: 501, why: 'noAddress' });
  const wanted = await box.publish('1.2.0', updateTo('1.2.0'));
  expect(await fetchIt('/../1.2.0')).toMatchObject({ statusCode: 400 });
  box.isOffered = false;
  expect(await fetchIt('1.2.0')).toMatchObject({ statusCode: 501, why: 'noService' });
  expect(wanted).toEqual([]);
});

test.for(['', 'null', '[]', '{"version":7}'])('a body "%s" names no version to be fetched', async (payload) => {
  box.updateAddress = 'http://127.0.0.1:1/';
  const headers = { 'content-type': 'application/json' };
  const { statusCode } = await box.app.inject({ method: 'POST', url: '/v3/update/fetch', headers, payload });
  expect(statusCode).toBe(400);
});
