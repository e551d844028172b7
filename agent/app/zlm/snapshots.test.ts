import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { inMode } from '../modes/effect.ts';
import { ZlmPictures } from './snapshots.ts';

test('a private camera has no picture, not even a recent one', async () => {
  const clock = new FakeClock();
  const config = good('perch: own\npaths: {hall: {modes: {away: {privacy: yes}}}}');
  let mode: 'home' | 'away' = 'home';
  const jpeg = Uint8Array.of(1);
  const pictures = new ZlmPictures({
    ...{ config: () => inMode(config, mode), paths: { openStreams: () => [] }, clock },
    recordings: { playback: { snapshot: async (_path, timeUs) => ({ jpeg, timeUs }) } },
    signal: new AbortController().signal,
  });
  const request = { timeoutMs: 1_000, maxAgeMs: 30_000 };
  expect(await pictures.picture('hall', request)).toBe(jpeg);
  mode = 'away';
  await expect(pictures.picture('hall', request)).rejects.toThrow('private in the present mode');
});
