import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { EventPictures } from './pictures.ts';

const MAX_BYTES = 100;
const notice = (id: string, path = 'door') => ({ id, path, kind: 'person', startMs: 0, title: '', text: '' });

function open() {
  const clock = new FakeClock();
  const asked: string[] = [];
  const state = { full: new Uint8Array(1_000), small: new Uint8Array(90) as Uint8Array | PerchError };
  const pictures = new EventPictures({
    clock,
    maxThumbnailBytes: MAX_BYTES,
    source: {
      picture: async (path) => {
        asked.push(`full ${path}`);
        return state.full;
      },
      small: async (path) => {
        asked.push(`small ${path}`);
        if (state.small instanceof PerchError) {
          throw state.small;
        }
        return state.small;
      },
    },
  });
  return { clock, asked, state, pictures };
}

test('the picture of an event is taken once, and kept for the phone that asks later', async () => {
  const { pictures, asked, state } = open();
  const one = pictures.of(notice('e1'));
  expect([await one.full(), await pictures.of(notice('e1')).full()]).toEqual([state.full, state.full]);
  expect(await pictures.kept('door', 'e1')).toBe(state.full);
  expect(pictures.kept('yard', 'e1')).toBeUndefined();
  expect(asked).toEqual(['full door']);
});

test('pictures of the last twenty events are kept', async () => {
  const { pictures } = open();
  for (let i = 0; i < 21; i += 1) {
    await pictures.of(notice(`e${i}`)).full();
  }
  expect(pictures.kept('door', 'e0')).toBeUndefined();
  expect(pictures.kept('door', 'e1')).toBeDefined();
});

test('a small picture is its own thumbnail; else the smallest profile is asked', async () => {
  const { pictures, asked, state } = open();
  expect(await pictures.of(notice('e1')).thumbnail()).toBe(state.small);
  state.full = new Uint8Array(80);
  expect(await pictures.of(notice('e2')).thumbnail()).toBe(state.full);
  expect(asked).toEqual(['full door', 'small door', 'full door']);
});

test('a camera without a small enough picture is asked again after an hour', async () => {
  const { pictures, asked, state, clock } = open();
  state.small = new PerchError('unsupported', 'too large');
  expect(await pictures.of(notice('e1')).thumbnail()).toBeUndefined();
  expect(await pictures.of(notice('e2')).thumbnail()).toBeUndefined();
  await clock.advance(3_600_000);
  expect(await pictures.of(notice('e3')).thumbnail()).toBeUndefined();
  expect(asked.filter((one) => one === 'small door')).toHaveLength(2);
});

test('the box itself has no picture', async () => {
  const { pictures, asked } = open();
  expect(await pictures.of(notice('e1', '')).full()).toBeUndefined();
  expect(asked).toEqual([]);
});

test('a picture above 1 MiB is left out, as messages that wait hold theirs', async () => {
  const { pictures, state } = open();
  state.full = new Uint8Array(1 << 20);
  expect(await pictures.of(notice('e1')).full()).toBe(state.full);
  state.full = new Uint8Array((1 << 20) + 1);
  expect(await pictures.of(notice('e2')).full()).toBeUndefined();
});
