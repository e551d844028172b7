import { expect, test, vi } from 'vitest';
import { configOf, outage, startEventServer, YARD } from '../../../../test/features/boxes/support/event-server.ts';

const HOUR_S = 3_600;

test('one stream brings the events of all cameras of a box to their paths here, and to listeners', async () => {
  const { apply, send, streaming, announced, stored, at, box } = await startEventServer();
  await apply(YARD);
  await streaming(1);
  send(8, { id: 'a', path: 'yard', type: 'person', start: at(0) });
  send(9, { id: 'b', path: 'door', type: 'doorbell', start: at(0), end: at(1), text: 'ding' });
  send(10, { id: 'c', path: 'not-chosen', type: 'person', start: at(0) });
  send(11, { id: 'a', path: 'yard', type: 'person', start: at(0), end: at(4) });
  await vi.waitFor(() => expect(announced).toHaveLength(3));
  expect(announced.map(({ id, path, type, endUs, source }) => [id, path, type, endUs !== undefined, source])).toEqual([
    ['a', 'house/yard', 'person', false, 'camera'],
    ['b', 'house/door', 'doorbell', true, 'camera'],
    ['a', 'house/yard', 'person', true, 'camera'],
  ]);
  expect([stored('house/yard'), stored('house/door'), stored('not-chosen')]).toEqual([['a'], ['b'], []]);
  expect(box.asked.filter((url) => url.startsWith('/v3/events?'))).toEqual(['/v3/events?types=event']);
});

test('labels of an event come here, also when it has ended, and those of past events', async () => {
  const { apply, send, streaming, announced, at, lists, labelled } = await startEventServer();
  const label = (type: string, seconds = 1) => ({
    ...{ type, score: 0.7, box: { x: 0.1, y: 0.2, width: 0.3, height: 0.4 }, at: at(seconds) },
  });
  const times = { start: at(-7_200), end: at(-7_195) };
  const past = { id: 'p', path: 'yard', type: 'motion', ...times, text: '', labels: [label('animal', -7_199)] };
  lists.push({ items: [past], next: null });
  await apply(YARD);
  await streaming(1);
  const event = { id: 'a', path: 'yard', type: 'motion', start: at(0) };
  send(8, { ...event, labels: null });
  send(9, { ...event, labels: [] });
  send(10, { ...event, labels: [label('person')] });
  send(11, { ...event, end: at(4), labels: [label('person')] });
  // A label of the next year does not lose the event.
  send(12, { ...event, end: at(4), labels: [label('person'), label('vehicle', 3e7)] });
  await vi.waitFor(() => expect(announced).toHaveLength(5));
  expect(announced.map(({ endUs, labels }) => [endUs !== undefined, labels?.map(({ type }) => type)])).toEqual([
    [false, undefined],
    [false, []],
    [false, ['person']],
    [true, ['person']],
    [true, ['person', 'vehicle']],
  ]);
  expect(labelled('house/yard')).toEqual([
    ['a', ['person', 'vehicle']],
    ['p', ['animal']],
  ]);
});

test('zones of an event come here, also when it has ended, and those of past events', async () => {
  const { apply, send, streaming, announced, at, lists, playback } = await startEventServer();
  const times = { start: at(-7_200), end: at(-7_195) };
  lists.push({ items: [{ id: 'p', path: 'yard', type: 'motion', ...times, text: '', zones: ['Lawn'] }], next: null });
  await apply(YARD);
  await streaming(1);
  const event = { id: 'a', path: 'yard', type: 'motion', start: at(0) };
  send(8, { ...event, zones: null });
  send(9, { ...event, zones: ['Drive'] });
  send(10, { ...event, end: at(4), zones: ['Drive', 'Street', 'a,b'] });
  send(11, { ...event, end: at(4), zones: ['Drive', 'Porch', 'Street'] });
  const zonesOf = () =>
    playback.events
      .newestOf('house/yard', { fromUs: 0, toUs: Number.MAX_SAFE_INTEGER, limit: 9 })
      .map(({ id, zones }) => [id, zones?.join()]);
  await vi.waitFor(() =>
    expect(zonesOf()).toEqual([
      ['a', 'Drive,Porch,Street'],
      ['p', 'Lawn'],
    ]),
  );
  expect(announced.map(({ zones }) => zones?.join())).toEqual([undefined, 'Drive', 'Drive,Street']);
});

test('the first contact fetches past events page by page and sends no notifications', async () => {
  const { apply, streaming, announced, stored, at, lists, box } = await startEventServer();
  const past = (id: string, hours: number, path = 'yard') => {
    const times = { start: at(-hours * 3_600), end: at(-hours * 3_600 + 5) };
    return { id, path, type: 'motion', ...times, text: '', picture: null, seen: null };
  };
  lists.push({ items: [past('p1', 1), past('p2', 2), past('other', 2, 'not-chosen')], next: 'more' });
  lists.push({ items: [past('p3', 50), { ...past('p4', 60), type: 'perch.offline' }], next: null });
  await apply(YARD);
  await streaming(1);
  await vi.waitFor(() => expect(stored('house/yard')).toEqual(['p1', 'p2', 'p3']));
  expect(announced).toEqual([]);
  expect(box.asked.filter((url) => url.includes('before=more'))).toHaveLength(1);
});

test("outages of a box's cameras are in the list of events, once, and their ends follow", async () => {
  const { apply, streaming, streams, outages, at, listed, clock, outagesFromMs, offlineHere } =
    await startEventServer();
  offlineHere('house/door', 'own', (clock.wallMs() - 500_000) * 1000, (clock.wallMs() - 300_000) * 1000);
  outages.push(outage('o1', 'yard', at(-600), null), outage('o2', 'yard', at(-9_000), at(-8_000)));
  outages.push(outage('o3', 'door', at(-490), at(-310)), outage('o4', 'not-chosen', at(-600), null));
  outages.push({ ...outage('o5', 'yard', at(-600), null), type: 'motion' });
  await apply(YARD);
  await streaming(1);
  await vi.waitFor(async () =>
    expect(await listed('house/yard')).toEqual([
      ['o1', 'perch.offline', 'ongoing'],
      ['o2', 'perch.offline', 'over'],
    ]),
  );
  // The path was recorded here at that time, and has its own.
  expect(await listed('house/door')).toEqual([['own', 'perch.offline', 'over']]);
  outages.splice(0, outages.length, outage('o1', 'yard', at(-600), at(60)));
  await vi.waitFor(
    async () => {
      streams.at(-1)?.write(':\n\n');
      await clock.advance(10_000);
      expect((await listed('house/yard'))[0]).toEqual(['o1', 'perch.offline', 'over']);
    },
    { timeout: 10_000 },
  );
  // From the start of the one that was ongoing.
  expect(outagesFromMs()[1]).toBeLessThan(clock.wallMs() - 700_000);
});

test('outages that began and ended during hours without a connection are fetched', async () => {
  const { apply, streaming, reconnected, streams, outages, at, listed, clock } = await startEventServer();
  outages.push(outage('before', 'yard', at(-600), at(-500)));
  await apply(YARD);
  await streaming(1);
  await vi.waitFor(async () => expect(await listed('house/yard')).toEqual([['before', 'perch.offline', 'over']]));
  clock.skip(5 * HOUR_S * 1000);
  streams[0]?.destroy();
  outages.push(outage('missed', 'yard', at(-4 * HOUR_S), at(-3 * HOUR_S)));
  await reconnected(2);
  await vi.waitFor(async () =>
    expect(await listed('house/yard')).toEqual([
      ['missed', 'perch.offline', 'over'],
      ['before', 'perch.offline', 'over'],
    ]),
  );
});

test('after requests for outages that failed, the next one asks for the same time', async () => {
  const { apply, streaming, reconnected, streams, outages, refusals, at, listed, clock, outagesFromMs } =
    await startEventServer();
  outages.push(outage('long', 'yard', at(-4 * HOUR_S), null));
  await apply(YARD);
  await streaming(1);
  await vi.waitFor(async () => expect(await listed('house/yard')).toEqual([['long', 'perch.offline', 'ongoing']]));
  const sinceLongMs = clock.wallMs() - 5 * HOUR_S * 1000;
  clock.skip(5 * HOUR_S * 1000);
  streams[0]?.destroy();
  refusals.push(503, 503);
  outages.splice(0, 1, outage('long', 'yard', at(-9 * HOUR_S), at(-4 * HOUR_S)));
  await reconnected(4);
  await vi.waitFor(async () => expect(await listed('house/yard')).toEqual([['long', 'perch.offline', 'over']]));
  // From an hour before the ongoing outage.
  expect(outagesFromMs().slice(1)).toEqual([sinceLongMs, sinceLongMs, sinceLongMs]);
});

test('a first request for outages that fails is followed by one for the last month, too', async () => {
  const { apply, streaming, reconnected, outages, refusals, at, listed } = await startEventServer();
  outages.push(outage('old', 'yard', at(-90 * HOUR_S), at(-80 * HOUR_S)));
  refusals.push(503);
  await apply(YARD);
  await streaming(1);
  await reconnected(2);
  await vi.waitFor(async () => expect(await listed('house/yard')).toEqual([['old', 'perch.offline', 'over']]));
});

test('a connection that ends is resumed after the last event, also by the next run of the program', async () => {
  const { apply, restart, send, streaming, reconnected, streams, lastIds, lists, announced, at, box } =
    await startEventServer();
  await apply(YARD);
  await streaming(1);
  send(8, { id: 'a', path: 'yard', type: 'person', start: at(0), end: at(1) });
  await vi.waitFor(() => expect(announced).toHaveLength(1));
  streams[0]?.destroy();
  await reconnected(2);
  expect(lastIds).toEqual([undefined, 'run-8']);
  send(9, { id: 'b', path: 'yard', type: 'person', start: at(0), end: at(1) });
  await vi.waitFor(() => expect(announced).toHaveLength(2));
  await restart();
  await apply(YARD);
  await streaming(3);
  expect(lastIds[2]).toBe('run-9');
  // Only the first contact asked for earlier events.
  expect(box.asked.filter((url) => url.startsWith('/v3/events/list') && !url.includes('types='))).toHaveLength(1);
  expect(lists).toEqual([]);
});

test('events that the box no longer has in its stream come from its list, each once', async () => {
  const { apply, send, streaming, reconnected, streams, lists, announced, stored, at } = await startEventServer();
  await apply(YARD);
  await streaming(1);
  const known = { id: 'a', path: 'yard', type: 'person', start: at(0), end: at(1), text: '' };
  send(8, known);
  await vi.waitFor(() => expect(announced).toHaveLength(1));
  streams[0]?.destroy();
  lists.push({ items: [{ ...known, id: 'missed', start: at(-60), end: at(-50) }, known], next: null });
  await reconnected(2);
  streams[1]?.write('event: gap\ndata: {"missed":null}\n\n');
  await vi.waitFor(() => expect(stored('house/yard')).toEqual(['a', 'missed']));
  expect(announced).toHaveLength(1);
});

test('a camera that is added gets its earlier events, and a removed box is left', async () => {
  const { apply, send, streaming, reconnected, streams, lists, stored, at, box } = await startEventServer();
  await apply(configOf({ 'house/yard': 'perch://00000000000000b1/yard' }));
  await streaming(1);
  // It is known where the stream was.
  send(8, { id: 'a', path: 'yard', type: 'motion', start: at(0), end: at(1) });
  await vi.waitFor(() => expect(stored('house/yard')).toEqual(['a']));
  lists.push({
    items: [{ id: 'd', path: 'door', type: 'motion', start: at(-500), end: at(-490), text: '' }],
    next: null,
  });
  await apply(YARD);
  await reconnected(2);
  await vi.waitFor(() => expect(stored('house/door')).toEqual(['d']));
  expect(box.asked.findLast((url) => !url.includes('types='))).toContain('path=door');
  const left = new Promise<void>((resolve) => streams[1]?.once('close', resolve));
  await apply(configOf({ cam: 'rtsp://camera/1' }));
  await left;
});

test.for([
  ['an endless line', (): string => 'x'.repeat(40_000)],
  ['no JSON', (): string => 'event: event\ndata: {{{\n\n'],
  ['an event of the future', (): string => event({ start: '2099-01-01T00:00:00Z' })],
  ['an event without times', (): string => event({ start: null })],
  ['an event of another form', (): string => 'event: event\ndata: [1,2]\n\n'],
  ['an id that is none', (): string => `id: ${'\u0007'.repeat(100)}\ndata: x\n\n`],
] as const)('a box that sends %s does no harm', async ([, text]) => {
  const { apply, send, streaming, streams, announced, at, clock, pause } = await startEventServer();
  await apply(YARD);
  await streaming(1);
  streams[0]?.write(text());
  await vi.waitFor(async () => {
    await pause();
    send(20, { id: `ok${clock.monoMs()}`, path: 'yard', type: 'person', start: at(0), end: at(1) });
    expect(announced.some(({ id }) => id.startsWith('ok'))).toBe(true);
  });
});

const event = (wrong: object): string =>
  `event: event\ndata: ${JSON.stringify({ id: 'x', path: 'yard', type: 'person', start: '2026-01-01T00:00:00Z', end: null, ...wrong })}\n\n`;
