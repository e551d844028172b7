import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { writeFragment } from '../../../test/support/media/write-fragment.ts';
import { startsWithKeyFrame } from './mse-fragment.ts';

/** A fragment of a picture and a sound. */
function fragment(isKey: boolean, withSound = true): ArrayBuffer {
  const sample = (pts: number, key: boolean) => ({ pts, dts: pts, wall: 0, key, data: new Uint8Array(20) });
  const picture = { track: 0, baseTime: 0, samples: [sample(0, isKey), sample(3600, false)], endDts: 7200 };
  const sound = { track: 1, baseTime: 0, samples: [sample(0, true)], endDts: 1024 };
  const bytes = Buffer.concat(writeFragment(1, withSound ? [sound, picture] : [picture]));
  return Uint8Array.from(bytes).buffer;
}

test('a fragment starts with a key frame if its first video sample is one, wherever the audio is', () => {
  expect(startsWithKeyFrame(fragment(true), 1)).toBe(true);
  expect(startsWithKeyFrame(fragment(false), 1)).toBe(false);
  expect(startsWithKeyFrame(fragment(true, false), 1)).toBe(true);
  expect(startsWithKeyFrame(fragment(false, false), 1)).toBe(false);
});

test('a missing track has no key frame, and each audio frame is one', () => {
  expect(startsWithKeyFrame(fragment(true), 3)).toBe(false);
  expect(startsWithKeyFrame(fragment(false), 2)).toBe(true);
});

test('any bytes give an answer', () => {
  const next = random(7);
  const seeds = [fragment(true), fragment(false, false)].map((bytes) => new Uint8Array(bytes));
  for (let i = 0; i < 5_000; i += 1) {
    const damaged = Uint8Array.from(mutate(seeds[i % 2] as Uint8Array, next)).buffer;
    expect(typeof startsWithKeyFrame(damaged, 1)).toBe('boolean');
  }
});
