import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { pinnedBox } from '../../../../test/features/boxes/support/pinned-box.ts';
import { ACCEPTED, boxNameOf } from '../../../auth/pairing/message-signature.ts';
import { SignedRequests } from '../../../auth/pairing/signed-requests.ts';
import { systemClock } from '../../../base/clock.ts';
import { BoxClient } from './box-client.ts';

test.for([
  ['a path with a line break', '/v3/a\nb', {}],
  ['a header with a line break', '/v3/a', { Accept: 'a\nb' }],
] as const)('%s is refused before it is sent, and leaves nothing at the signal', async ([, path, headers]) => {
  await using box = await pinnedBox((_, response) => response.end('{}'));
  const client = new BoxClient({ pin: box.pin, clock: systemClock });
  await client.connect([box.address]);
  const { signal } = new AbortController();
  await expect(client.request('GET', path, { headers, signal })).rejects.toThrow(/invalid char|unescaped char/i);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  client.close();
});

test('a response that was read leaves nothing at the signal', async () => {
  await using box = await pinnedBox((_, response) => response.end('{}'));
  const client = new BoxClient({ pin: box.pin, clock: systemClock });
  await client.connect([box.address]);
  const { signal } = new AbortController();
  const { status, body } = await client.request('GET', '/v3/self', { signal });
  await body.toArray();
  await expect.poll(() => getEventListeners(signal, 'abort').length).toBe(0);
  expect(status).toBe(200);
  client.close();
});

const BOX = '1a2b3c4d5e6f7a8b';
const { privateKey } = generateKeyPairSync('ed25519');

/** The https port of a box with this or an earlier version, and the forms of the signatures that it has accepted. */
async function signedBox(isEarlier: () => boolean) {
  const accepted: string[] = [];
  let names = false;
  const servers = {
    keyOf: () => createPublicKey(privateKey),
    namesBox: () => names,
    noteNamesBox: () => {
      names = true;
    },
  };
  const requests = new SignedRequests(servers, (name) => name === boxNameOf(BOX, box.pin), systemClock);
  const box = await pinnedBox(({ method = '', url: target = '', headers }, response) => {
    const form = String(headers['signature-input']).includes('perch-box') ? 'named' : 'unnamed';
    try {
      if (isEarlier() && form === 'named') {
        throw new Error('another form');
      }
      requests.verify({ method, target, headers, hasBody: false });
      accepted.push(form);
      response.end('{}');
    } catch {
      const known = { 'perch-run': requests.run, 'perch-time': String(requests.timeS) };
      response.writeHead(401, { ...known, ...(isEarlier() ? {} : ACCEPTED) }).end('{}');
    }
  });
  const open = async (namesBox?: boolean, id = BOX) => {
    const noted = { count: 0 };
    const onNamesBox = () => {
      noted.count += 1;
    };
    const identity = { id: 'AbCdEfGh-_123456', key: privateKey, box: id, namesBox, onNamesBox };
    const client = new BoxClient({ pin: box.pin, identity, clock: systemClock });
    onTestFinished(() => client.close());
    await client.connect([box.address]);
    const statusOf = async (): Promise<number> => {
      const { status, body } = await client.request('GET', '/v3/a');
      body.resume();
      return status;
    };
    return { noted, statusOf };
  };
  onTestFinished(() => box[Symbol.asyncDispose]());
  return { accepted, open };
}

test('a box of an earlier version gets signatures without its name, until it is updated', async () => {
  let isEarlier = true;
  const { accepted, open } = await signedBox(() => isEarlier);
  const { noted, statusOf } = await open();
  expect([await statusOf(), await statusOf(), noted.count]).toEqual([200, 200, 0]);
  isEarlier = false;
  // Its update starts it again.
  const later = await open();
  expect([await later.statusOf(), await statusOf(), await statusOf()]).toEqual([200, 200, 200]);
  expect([later.noted.count, noted.count]).toEqual([1, 1]);
  expect(accepted).toEqual(['unnamed', 'unnamed', 'named', 'named', 'named']);
});

test('a box that has asked for its name gets no signature without it', async () => {
  const { accepted, open } = await signedBox(() => true);
  const { statusOf } = await open(true);
  await expect(statusOf()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/older version .* pair it again/),
  });
  expect(accepted).toEqual([]);
});

test('a request that names another box is refused', async () => {
  const { accepted, open } = await signedBox(() => false);
  const { statusOf } = await open(false, 'ffffffffffffffff');
  expect(await statusOf()).toBe(401);
  expect(accepted).toEqual([]);
});
