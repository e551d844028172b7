import { expect, test } from 'vitest';
import { ScriptedSource } from '../../test/support/cameras/scripted-source.ts';
import { configOf, namesOf, publisherOf, tableOf } from '../../test/support/harness/servers/path-table-of.ts';
import { RTSP_SESSION, readerOf } from '../../test/support/media/reader.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';

const failureOf = (request: Promise<unknown>) => request.catch((error: unknown) => error);
const thrownBy = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

test('recording is switched on and off without a restart of source and readers', async () => {
  const { clock, table, sourceOf, recorders, apply } = await tableOf('  cam: {source: "rtsp://h/x"}');
  await clock.advance(0);
  const stream = sourceOf('rtsp://h/x').deliver([tinyH264]);
  await apply('  cam: {source: "rtsp://h/x", record: yes}');
  expect(recorders.get('cam')?.started).toEqual([stream]);
  await apply('  cam: {source: "rtsp://h/x"}');
  expect(stream.isClosed).toBe(false);
  expect(sourceOf('rtsp://h/x').runs).toBe(1);
  expect(table.find('cam')?.recording).toBeNull();
});

test.for([
  ['the source', '  cam: {source: "rtsp://h/y"}'],
  ['the transport', '  cam: {source: "rtsp://h/x", rtspTransport: udp}'],
  ['who logs in to the camera', '  cam: {source: "rtsp://h/x", camera: {user: me, password: pw}}'],
] as const)('a change of %s restarts the path', async ([, next]) => {
  const { clock, sourceOf, apply } = await tableOf('  cam: {source: "rtsp://h/x"}');
  await clock.advance(0);
  const stream = sourceOf('rtsp://h/x').deliver([tinyH264]);
  await apply(next);
  expect(stream.isClosed).toBe(true);
});

test('a path is not restarted when only name or recording change', async () => {
  const { clock, table, apply } = await tableOf('  "~^cam":\n');
  const stream = table.publish('cam1', publisherOf('one')).publish([tinyH264]);
  await apply('  cam1: {record: yes}');
  expect(stream.isClosed).toBe(false);
  expect(namesOf(table)).toEqual(['cam1 (cam1)']);
  await apply('  all_others:');
  expect(stream.isClosed).toBe(false);
  expect(namesOf(table)).toEqual(['cam1 (all_others)']);
  await apply('  other:');
  await clock.advance(0);
  expect(stream.isClosed).toBe(true);
  expect(namesOf(table)).toEqual(['other (other)']);
});

test('an unused path whose own entry is removed is removed, although a pattern matches it', async () => {
  const { clock, table, apply } = await tableOf('  cam:\n  all_others:');
  await apply('  all_others:');
  await clock.advance(0);
  expect(namesOf(table)).toEqual([]);
});

test.for([
  ['maxReaders', 'maxReaders: 7'],
  ['camera.name', 'camera: {name: Front door}'],
  ['camera.onvif', 'camera: {onvif: "http://h/onvif"}'],
  ['fallback', 'fallback: /other'],
  ['overridePublisher', 'overridePublisher: no'],
  ['record', 'record: yes'],
  ['recordDeleteAfter', 'recordDeleteAfter: 7d'],
] as const)('a change of %s restarts neither source, stream nor readers', async ([, setting]) => {
  const { clock, table, sourceOf, apply } = await tableOf('  cam: {source: "rtsp://h/1"}');
  await clock.advance(0);
  const stream = sourceOf('rtsp://h/1').deliver([tinyH264]);
  await apply(`  cam: {source: "rtsp://h/1", ${setting}}`);
  expect(await table.open('cam')).toBe(stream);
});

test('a lower maxReaders applies to the next reader, and a title at once', async () => {
  const { clock, table, sourceOf, apply } = await tableOf('  cam: {source: "rtsp://h/1"}');
  await clock.advance(0);
  const stream = sourceOf('rtsp://h/1').deliver([tinyH264]);
  stream.addReader(readerOf(RTSP_SESSION), true);
  await apply('  cam: {source: "rtsp://h/1", maxReaders: 1, camera: {name: Gate}}');
  expect(await failureOf(table.open('cam'))).toMatchObject({ code: 'exhausted' });
  expect(table.find('cam')).toMatchObject({ title: 'Gate', ready: true, readers: [expect.anything()] });
});

test('order, pause and its end are shown at once', async () => {
  const { clock, table, sourceOf, apply } = await tableOf('  cam: {source: "rtsp://h/1"}');
  await clock.advance(0);
  sourceOf('rtsp://h/1').deliver([tinyH264]);
  expect(table.find('cam')).toMatchObject({ order: null, paused: false, pausedUntil: null });
  await apply('  cam: {source: "rtsp://h/1", camera: {order: 3}}');
  expect(table.find('cam')).toMatchObject({ ready: true, order: 3, paused: false });
  await apply('  cam: {source: "rtsp://h/1", camera: {order: 3, paused: yes, pausedUntil: "2026-01-31T18:00:00Z"}}');
  expect(table.find('cam')).toMatchObject({
    ...{ ready: false, order: 3, paused: true, pausedUntil: '2026-01-31T18:00:00Z' },
  });
});

test('overridePublisher applies as currently configured', async () => {
  const { table, apply } = await tableOf('  cam:');
  table.publish('cam', publisherOf('one'));
  await apply('  cam: {overridePublisher: no}');
  expect(thrownBy(() => table.publish('cam', publisherOf('two')))).toMatchObject({
    message: "someone is already publishing to path 'cam'",
  });
  await apply('  cam: {overridePublisher: yes}');
  expect(table.publish('cam', publisherOf('two'))).toMatchObject({ usesSenderClock: false });
});

test('a change of audio restarts the path without or with audio', async () => {
  const { table, apply } = await tableOf('  cam:');
  const replaced: string[] = [];
  const publisher = (id: string) => ({ ...publisherOf(id), onReplaced: () => replaced.push(id) });
  expect(table.publish('cam', publisher('one'))).toMatchObject({ isSilent: false });
  await apply('  cam: {audio: no}');
  expect(table.publish('cam', publisher('two'))).toMatchObject({ isSilent: true });
  await apply('  cam: {audio: yes}');
  expect(table.publish('cam', publisher('three'))).toMatchObject({ isSilent: false });
  expect(replaced).toEqual(['one', 'two']);
});

test('restarted paths stay listed, and their sources start after all old ones have closed their connections', async () => {
  const order: string[] = [];
  const closing = Promise.withResolvers<void>();
  const source = (_name: string, { source: url, audio }: { source: string; audio: boolean }) => ({
    ...new ScriptedSource(),
    run: async (_publication: unknown, signal: AbortSignal) => {
      order.push(`${url} with ${audio ? 'audio' : 'video only'}`);
      await aborted(signal);
      await closing.promise;
      order.push(`${url} closed`);
    },
  });
  const before = '  a: {source: "rtsp://h/1"}\n  b: {source: "rtsp://h/2"}';
  const { clock, table, apply } = await tableOf(before, '', { source });
  await clock.advance(0);
  const applied = apply('  a: {source: "rtsp://h/1", audio: no}\n  c: {source: "rtsp://h/2"}');
  expect(namesOf(table)).toEqual(['a (a)', 'c (c)']);
  await clock.advance(0);
  expect(order.splice(0)).toEqual(['rtsp://h/1 with audio', 'rtsp://h/2 with audio']);
  closing.resolve();
  await applied;
  await clock.advance(0);
  expect(order.toSorted()).toEqual([
    ...['rtsp://h/1 closed', 'rtsp://h/1 with video only', 'rtsp://h/2 closed', 'rtsp://h/2 with audio'],
  ]);
  expect(order.slice(0, 2)).toEqual(['rtsp://h/1 closed', 'rtsp://h/2 closed']);
});

test('the times of a source on demand change while it runs', async () => {
  const onDemand = 'source: "rtsp://h/1", sourceOnDemand: yes';
  const { clock, table, sourceOf, apply } = await tableOf(`  cam: {${onDemand}}`);
  const opened = table.open('cam');
  await clock.advance(0);
  const stream = sourceOf('rtsp://h/1').deliver([tinyH264]);
  expect(await opened).toBe(stream);
  await apply(`  cam: {${onDemand}, sourceOnDemandCloseAfter: 60s}`);
  await table.open('cam');
  await clock.advance(30_000);
  expect(table.find('cam')).toMatchObject({ ready: true });
  await clock.advance(31_000);
  expect(table.find('cam')).toMatchObject({ ready: false });
});

test("a change of readTimeout does not restart a publisher's path", async () => {
  const { table } = await tableOf('  cam:\n  pulled: {source: "rtsp://h/1"}');
  let replaced = 0;
  table.publish('cam', { ...publisherOf('one'), onReplaced: () => (replaced += 1) });
  await table.apply(configOf('  cam:\n  pulled: {source: "rtsp://h/1"}', 'readTimeout: 20s'));
  expect(replaced).toBe(0);
});
