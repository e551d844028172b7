import { expect, test } from 'vitest';
import type { CameraEvent } from '../../../record/events/event.ts';
import type { BoxEvent } from '../requests/box-answers.ts';
import { fetchEvents } from './fetch-companions.ts';

const pace = { signal: new AbortController().signal, wait: async () => {} };
const items = [{ group: 'cam', path: 'door' }];
const event = (id: string, more: Partial<BoxEvent> = {}): BoxEvent => ({
  ...{ id, path: 'cam', type: 'person', startUs: 5_000_000, endUs: 6_000_000, text: 'at the gate' },
  ...more,
});

function here(oldestUs = 0) {
  const stored: CameraEvent[] = [];
  return {
    stored,
    take: (events: readonly BoxEvent[], range = {}) =>
      fetchEvents(items, range, pace, {
        listed: async function* () {
          yield* events;
        },
        oldestUs: () => oldestUs,
        isHere: ({ id, path }) => stored.some((one) => one.id === id && one.path === path),
        store: async (one) => void stored.push(one),
      }),
  };
}

test('an event becomes one of the path here, once', async () => {
  const { stored, take } = here();
  await take([event('a')]);
  await take([event('b', { startUs: 8_000_000, endUs: 9_000_000 }), event('a')]);
  expect(stored).toEqual([
    { ...event('a'), path: 'door', source: 'camera' },
    { ...event('b', { startUs: 8_000_000, endUs: 9_000_000 }), path: 'door', source: 'camera' },
  ]);
});

test('running events, events of other cameras or of Perch, and expired events are left out', async () => {
  const { stored, take } = here(7_000_000);
  const [startUs, endUs] = [8_000_000, 9_000_000];
  await take([
    event('ongoing', { startUs, endUs: undefined }),
    event('other', { startUs, endUs, path: 'yard' }),
    event('disk', { startUs, endUs, type: 'perch.disk' }),
    event('old'),
    event('kept', { startUs, endUs }),
  ]);
  expect(stored.map(({ id }) => id)).toEqual(['kept']);
  await take([event('early', { startUs, endUs })], { sinceUs: 9_500_000 });
  expect(stored.map(({ id }) => id)).toEqual(['kept']);
});
