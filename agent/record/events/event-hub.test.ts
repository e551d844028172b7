import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import type { CameraEvent } from './event.ts';
import { EventHub, type NewEvent } from './event-hub.ts';
import { EventJournal } from './event-journal.ts';

async function startHub(folder?: string) {
  const temporary = folder === undefined ? temporaryFolder() : undefined;
  const clock = new FakeClock();
  const journal = new EventJournal({ folder: folder ?? temporary?.path ?? '', logger: silentLogger });
  const hub = new EventHub(journal, clock, silentLogger);
  const notified: CameraEvent[] = [];
  hub.listen((event) => notified.push(event));
  onTestFinished(async () => {
    await hub.close();
    temporary?.[Symbol.dispose]();
  });
  const add = (event: Partial<NewEvent> = {}) => hub.add({ path: 'cam', type: 'motion', source: 'api', ...event });
  const written = async () => {
    const events: CameraEvent[] = [];
    await journal.replay({ addEvent: (event) => events.push(event) });
    return events;
  };
  return { clock, hub, notified, add, written, nowUs: () => clock.wallMs() * 1000 };
}

test('an event without start and end is now and lasts five seconds', async () => {
  const { add, notified, written, nowUs } = await startHub();
  const event = await add({ text: 'hello' });
  expect(event).toMatchObject({ startUs: nowUs(), endUs: nowUs() + 5e6, text: 'hello', source: 'api' });
  expect(event.id).toMatch(/^[0-9a-f-]{36}$/);
  expect(notified).toEqual([event]);
  expect(await written()).toEqual([event]);
});

test('a lasting event is published at its start and its end, with one id', async () => {
  const { clock, hub, add, notified, written, nowUs } = await startHub();
  const begun = await add({ state: 'start' });
  expect(hub.running('cam')).toEqual([begun]);
  expect(begun.endUs).toBeUndefined();
  await clock.advance(30_000);
  const ended = await add({ state: 'end', id: begun.id });
  expect(ended).toEqual({ ...begun, endUs: nowUs() });
  expect(hub.running('cam')).toEqual([]);
  expect(notified).toEqual([begun, ended]);
  expect(await written()).toEqual([ended]);
});

test('an end without an id ends the newest of its type', async () => {
  const { add, hub } = await startHub();
  await add({ state: 'start', id: 'one' });
  await add({ state: 'start', id: 'two' });
  await add({ state: 'start', id: 'other', type: 'person' });
  expect((await add({ state: 'end' })).id).toBe('two');
  expect(hub.running('cam').map(({ id }) => id)).toEqual(['one', 'other']);
});

test('a camera does not end what was seen in its stream, which has the same type', async () => {
  const { add, hub } = await startHub();
  await add({ state: 'start', source: 'camera' });
  await add({ state: 'start', source: 'stream', id: 'seen' });
  await add({ state: 'end', source: 'camera' });
  expect(hub.running('cam').map(({ id }) => id)).toEqual(['seen']);
  await expect(add({ state: 'end', source: 'camera' })).rejects.toMatchObject({ code: 'notFound' });
  expect((await add({ state: 'end', id: 'seen', source: 'stream' })).endUs).toBeDefined();
});

test('an ongoing event that is reported again keeps its start', async () => {
  const { clock, add, nowUs } = await startHub();
  const begun = await add({ state: 'start', id: 'one', text: 'first' });
  await clock.advance(5_000);
  expect(await add({ state: 'start', id: 'one' })).toEqual(begun);
  expect(await add({ id: 'one', endUs: nowUs(), text: 'second' })).toEqual({
    ...begun,
    text: 'second',
    endUs: nowUs(),
  });
  await add({ state: 'start', id: 'two' });
  await expect(add({ state: 'start', id: 'two', type: 'person' })).rejects.toMatchObject({ code: 'badInput' });
});

test('two cameras that call their events the same do not mix them up', async () => {
  const { add, hub, written } = await startHub();
  const begun = await add({ state: 'start', id: '1' });
  await add({ state: 'start', id: '1', path: 'garden', type: 'person' });
  await add({ state: 'end', id: '1', path: 'garden' });
  expect(hub.running('garden')).toEqual([]);
  expect(hub.running('cam')).toEqual([begun]);
  expect((await written()).map(({ path, type }) => [path, type])).toEqual([
    ['cam', 'motion'],
    ['garden', 'person'],
  ]);
});

test('the end of an ongoing event is measured from its start, with any reported start', async () => {
  const { clock, hub, add, nowUs, written } = await startHub();
  const begun = await add({ state: 'start', id: 'one' });
  await clock.advance(60_000);
  const early = { id: 'one', startUs: begun.startUs - 60e6, endUs: begun.startUs - 30e6 };
  await expect(add(early)).rejects.toThrow('it ends before it starts');
  expect(hub.running('cam')).toEqual([begun]);
  const ended = await add({ id: 'one', endUs: nowUs() - 20e6 });
  expect(ended).toEqual({ ...begun, endUs: nowUs() - 20e6 });
  expect(await written()).toEqual([ended]);
});

test('of 10,000 events at once those that the disk cannot take in time are rejected and not published', async () => {
  const { add, notified, written } = await startHub();
  const results = await Promise.allSettled(Array.from({ length: 10_000 }, () => add()));
  const refused = results.filter(({ status }) => status === 'rejected');
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.at(-1)).toMatchObject({ reason: { code: 'exhausted', context: { retryAfterS: 1 } } });
  expect(notified).toHaveLength(10_000 - refused.length);
  expect(await written()).toHaveLength(notified.length);
});

test('an event that is ongoing when the program ends gets its end, however many lines are queued', async () => {
  const { hub, add, written } = await startHub();
  await add({ state: 'start', id: 'long' });
  const flood = Promise.allSettled(Array.from({ length: 2_000 }, () => add()));
  await hub.close();
  await flood;
  expect((await written()).find(({ id }) => id === 'long')?.endUs).toBeDefined();
});

test('an event without a reported end is closed after an hour', async () => {
  const { clock, hub, add, notified } = await startHub();
  const { startUs } = await add({ state: 'start' });
  await clock.advance(3_590_000);
  expect(hub.running('cam')).toHaveLength(1);
  await clock.advance(20_000);
  expect(hub.running('cam')).toHaveLength(0);
  expect(notified.at(-1)?.endUs).toBe(startUs + 3_600e6);
});

test('events that were ongoing when the program ended are closed', async () => {
  using folder = temporaryFolder();
  const first = await startHub(folder.path);
  await first.add({ state: 'start', id: 'closed' });
  await first.clock.advance(1_000);
  const endUs = first.nowUs();
  await first.hub.close();
  const killed = await startHub(folder.path);
  await killed.add({ state: 'start', id: 'killed' });
  const { hub, written, notified } = await startHub(folder.path);
  await hub.begin();
  expect(notified.map(({ id }) => id)).toEqual(['killed']);
  const events = await written();
  expect(events.map((event) => [event.id, event.endUs])).toEqual([
    ['closed', endUs],
    ['killed', killed.nowUs() + 5e6],
  ]);
});

test('one listener that fails does not keep the others from an event', async () => {
  const { hub, add } = await startHub();
  const seen: string[] = [];
  hub.listen(() => {
    throw new Error('broken');
  });
  const stop = hub.listen(({ id }) => seen.push(id));
  await add({ id: 'one' });
  stop();
  await add({ id: 'two' });
  expect(seen).toEqual(['one']);
});

test.for([
  [{ path: '../../etc' }, "invalid path name: can't contain dot path segments"],
  [{ path: '/etc' }, 'invalid path name'],
  [{ path: 'a\0b' }, 'invalid path name'],
  [{ path: '~machine' }, 'invalid path name'],
  [{ path: 'x'.repeat(241) }, 'longer than 240 characters'],
  [{ type: '' }, 'invalid type'],
  [{ type: 'a b' }, 'invalid type'],
  [{ type: 'x'.repeat(33) }, 'invalid type'],
  [{ id: '../x' }, 'invalid id'],
  [{ text: 'x'.repeat(501) }, 'text of 501 characters, the limit is 500'],
  [{ startUs: -1 }, 'before 1970'],
  [{ startUs: Date.UTC(2026, 0, 1, 0, 2) * 1000 }, "ahead of this machine's clock"],
  [{ state: 'start', endUs: Date.UTC(2026, 0, 1) * 1000 }, "has no end yet: report the end with state 'end'"],
  [{ endUs: Date.UTC(2025, 11, 31) * 1000 }, 'it ends before it starts'],
  [{ startUs: 0, endUs: Date.UTC(2026, 0, 1) * 1000 }, 'lasts longer than 24 h'],
] as const)('%o is refused', async ([event, message]) => {
  const { add, notified } = await startHub();
  await expect(add(event)).rejects.toMatchObject({ code: 'badInput', message: expect.stringContaining(message) });
  expect(notified).toEqual([]);
});

test('the end of an unknown event is not found', async () => {
  const { add } = await startHub();
  await expect(add({ state: 'end' })).rejects.toMatchObject({ code: 'notFound' });
  await expect(add({ state: 'end', id: 'x' })).rejects.toMatchObject({ code: 'notFound' });
});

test('at most 64 events are ongoing in a path', async () => {
  const { add } = await startHub();
  for (let i = 0; i < 64; i += 1) {
    await add({ state: 'start' });
  }
  await expect(add({ state: 'start' })).rejects.toMatchObject({ code: 'exhausted' });
  await add({ state: 'start', path: 'garden' });
});

test('more than a thousand events are ongoing at once', async () => {
  const { hub, add } = await startHub();
  const paths = Array.from({ length: 51 }, (_, i) => `cam${i}`);
  for (let i = 0; i < 20; i += 1) {
    await Promise.all(paths.map((path) => add({ state: 'start', path })));
  }
  expect(hub.running('cam1')).toHaveLength(20);
  await add({ state: 'end', path: 'cam1' });
  expect(hub.running('cam1')).toHaveLength(19);
});
