import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { pinnedBox } from '../../test/support/servers/pinned-box.ts';
import { systemClock } from '../base/clock.ts';
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
