import { expect, test, vi } from 'vitest';
import { configOf, outage, startEventServer, YARD } from '../../../../test/features/boxes/support/event-server.ts';
import type { BusCarrier } from '../../../auth/pairing/box-bus.ts';
import { PerchError } from '../../../base/errors.ts';
import { gapsName } from '../../../record/gaps/gap-reason.ts';

/** A bus on which all boxes are. Readers take what the test gives them. */
function scriptedBus() {
  const live: { from: string | undefined; take: (event: unknown, mark: string) => Promise<void> }[] = [];
  const past: {
    from: string | undefined;
    take: (event: unknown, mark: string) => Promise<void>;
    done: () => void;
  }[] = [];
  let ended = 0;
  const end = async () => {
    ended += 1;
  };
  const carrier: BusCarrier = {
    carries: () => true,
    summon: async () => {},
    ask: async () => expect.fail('requests are not of these tests'),
    follow: (_, from, take) => {
      live.push({ from, take });
      return end;
    },
    past: (_, from, take, done) => {
      past.push({ from, take, done });
      return end;
    },
  };
  return { carrier, live, past, ended: () => ended };
}

test('what a bus brings again neither reopens an event nor notifies again', async () => {
  const { apply, bus, announced, at, listed } = await startEventServer();
  const { carrier, live } = scriptedBus();
  bus.attach(carrier);
  await apply(YARD);
  const begin = { id: 'a', path: 'yard', type: 'person', text: '', start: at(-4), end: null };
  const end = { ...begin, end: at(-1) };
  for (const [i, event] of [begin, end, begin, end, begin].entries()) {
    await live[0]?.take(event, `s.${i}`);
  }
  expect(announced.map(({ endUs }) => endUs !== undefined)).toEqual([false, true]);
  expect(await listed('house/yard')).toEqual([['a', 'person', 'over']]);
});

test('what cannot be stored at present is left on the bus, and what never can be is not', async () => {
  const { apply, restart, bus, events, stored, at } = await startEventServer();
  const { carrier, live } = scriptedBus();
  bus.attach(carrier);
  await apply(YARD);
  const event = (id: string) => ({ id, path: 'yard', type: 'person', text: '', start: at(-4), end: at(-1) });
  await live[0]?.take(event('a'), 's.1');
  const add = vi.spyOn(events.hub, 'add');
  add.mockRejectedValueOnce(new PerchError('exhausted', 'events wait for the disk', { retryAfterS: 1 }));
  await expect(live[0]?.take(event('b'), 's.2')).rejects.toThrow('wait for the disk');
  await restart();
  await apply(YARD);
  expect(live[1]?.from).toBe('s.1');
  await live[1]?.take(event('b'), 's.2');
  for (const failure of [
    new PerchError('badInput', 'an invalid type'),
    new PerchError('exhausted', 'this month is full'),
    new PerchError('exhausted', '64 events are ongoing', { retryAfterS: 10 }),
  ]) {
    add.mockRejectedValueOnce(failure);
    await live[1]?.take(event('never'), 's.3');
  }
  await live[1]?.take(event('c'), 's.4');
  expect(stored('house/yard').sort()).toEqual(['a', 'b', 'c']);
});

test('events of more boxes than may wait for the disk are all taken', async () => {
  const { apply, bus, stored, at } = await startEventServer();
  const { carrier, live } = scriptedBus();
  bus.attach(carrier);
  const boxes = Array.from({ length: 1_010 }, (_, i) => i.toString(16).padStart(16, '0'));
  await apply(configOf(Object.fromEntries(boxes.map((box, i) => [`house${i}/yard`, `perch://${box}/yard`]))));
  const event = { id: 'a', path: 'yard', type: 'person', text: '', start: at(-4), end: at(-1) };
  await Promise.all(live.map(({ take }) => take(event, 's.1')));
  expect(boxes.flatMap((_, i) => stored(`house${i}/yard`))).toHaveLength(boxes.length);
});

test('a camera that is added gets its earlier events from the bus while the others go on', async () => {
  const { apply, bus, announced, at, stored } = await startEventServer();
  const { carrier, live, past, ended } = scriptedBus();
  bus.attach(carrier);
  await apply(configOf({ 'house/yard': 'perch://00000000000000b1/yard' }));
  const event = (id: string, path: string, s: number, end: number | null) => ({
    ...{ id, path, type: 'person', text: '', start: at(s), end: end === null ? null : at(end) },
  });
  await live[0]?.take(event('y1', 'yard', -50, -40), 's.1');
  await live[0]?.take(event('d1', 'door', -50, -40), 's.2');
  await apply(YARD);
  expect([live.length, past.length, ended()]).toEqual([1, 1, 0]);
  await live[0]?.take(event('y2', 'yard', -20, null), 's.3');
  await past[0]?.take(event('d1', 'door', -50, -40), 's.2');
  // It happens now: the other reader brings it.
  await past[0]?.take(event('y2', 'yard', -20, null), 's.3');
  await live[0]?.take(event('y2', 'yard', -20, -10), 's.4');
  expect([stored('house/yard').sort(), stored('house/door')]).toEqual([['y1', 'y2'], ['d1']]);
  expect(announced.map(({ id }) => id)).toEqual(['y1', 'y2', 'y2']);
});

test('a server that stops while it reads past events of an added camera continues from there', async () => {
  const { apply, restart, bus, at, stored } = await startEventServer();
  const { carrier, live, past } = scriptedBus();
  bus.attach(carrier);
  await apply(configOf({ 'house/yard': 'perch://00000000000000b1/yard' }));
  const event = (id: string) => ({ id, path: 'door', type: 'person', text: '', start: at(-50), end: at(-40) });
  await live[0]?.take(event('d1'), 's.1');
  await apply(YARD);
  expect(past.map(({ from }) => from)).toEqual([undefined]);
  await past[0]?.take(event('d1'), 's.1');
  await restart();
  await apply(YARD);
  expect(past.map(({ from }) => from)).toEqual([undefined, 's.1']);
  await past[1]?.take(event('d2'), 's.2');
  // For another camera reading starts again; what the earlier reader still delivers does not count.
  const more = configOf({
    'house/yard': 'perch://00000000000000b1/yard',
    'house/door': 'perch://00000000000000b1/door',
    'house/barn': 'perch://00000000000000b1/barn',
  });
  await apply(more);
  await past[1]?.take(event('d3'), 's.3');
  past[1]?.done();
  await restart();
  await apply(more);
  expect(past.map(({ from }) => from)).toEqual([undefined, 's.1', undefined, undefined]);
  past[3]?.done();
  await restart();
  await apply(more);
  expect([past.length, stored('house/door').sort()]).toEqual([4, ['d1', 'd2', 'd3']]);
});

test('outages that a box sends by the thousand are taken a hundred in a second, with its events', async () => {
  const { apply, bus, clock, at, playback } = await startEventServer();
  const { carrier, live } = scriptedBus();
  bus.attach(carrier);
  await apply(YARD);
  const startUs = Date.parse(at(-5_000)) * 1000;
  const taken = () => playback.events.eventsOf(gapsName('house/yard'), startUs, startUs + 5e9, 1_000).length;
  const flood = (async () => {
    for (let i = 0; i < 250; i += 1) {
      await live[0]?.take(outage(`o${i}`, 'yard', at(2 * i - 5_000), at(2 * i - 4_999)), `s.${i}`);
    }
  })();
  for (const count of [100, 200]) {
    await vi.waitFor(() => expect([taken(), clock.sleeping > 0]).toEqual([count, true]));
    await clock.advance(1_000);
  }
  await flood;
  expect(taken()).toBe(250);
});
