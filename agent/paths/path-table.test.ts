import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { ScriptedSource } from '../../test/support/cameras/scripted-source.ts';
import { KEYS } from '../../test/support/harness/loaded-config.ts';
import { namesOf, publisherOf, tableOf } from '../../test/support/harness/servers/path-table-of.ts';
import { RTSP_SESSION, readerOf } from '../../test/support/media/reader.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';
import { PerchError } from '../base/errors.ts';
import { createLogger } from '../base/log.ts';
import { parseConfig } from '../config/load/load.ts';
import { PathTable } from './path-table.ts';

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

test('a path without an entry is not configured, and an invalid name is rejected', async () => {
  const { table } = await tableOf('  cam:');
  const absent = { code: 'badInput', message: "path 'other' is not configured" };
  await expect(table.open('other')).rejects.toMatchObject(absent);
  expect(thrownBy(() => table.redirectOf('other'))).toMatchObject(absent);
  expect(thrownBy(() => table.mayPublish('other'))).toMatchObject(absent);
  expect(thrownBy(() => table.publish('other', publisherOf('one')))).toMatchObject(absent);
});

test.for([
  ['../../etc', "invalid path name: can't contain dot path segments"],
  ['a/', "invalid path name: can't end with a slash"],
  ['a b', 'invalid path name: can contain only alphanumeric'],
  ['a:b', 'invalid path name: can contain only alphanumeric'],
  ['~machine', 'invalid path name: can contain only alphanumeric'],
  ['x'.repeat(241), 'invalid path name: is longer than 240 characters'],
] as const)('all_others does not match %s', async ([name, message]) => {
  const { table } = await tableOf('  all_others:');
  for (const refused of [() => table.mayPublish(name), () => table.publish(name, publisherOf('one'))]) {
    expect(thrownBy(refused)).toMatchObject({ code: 'badInput', message: expect.stringContaining(message) });
  }
  await expect(table.open(name)).rejects.toMatchObject({ code: 'badInput' });
});

test("a path of all_others exists from its publisher's start to its end, and is recorded", async () => {
  const { clock, table, recorders } = await tableOf('  all_others: {record: yes}');
  expect(await failureOf(table.open('live/one'))).toMatchObject({
    code: 'notFound',
    message: "no stream is available on path 'live/one'",
  });
  expect(namesOf(table)).toEqual([]);
  table.mayPublish('live/one');
  const publication = table.publish('live/one', publisherOf('one'));
  const stream = publication.publish([tinyH264]);
  expect(await table.open('live/one')).toBe(stream);
  expect(namesOf(table)).toEqual(['live/one (all_others)']);
  expect(recorders.get('live/one')?.started).toEqual([stream]);
  publication.close();
  await clock.advance(0);
  expect(namesOf(table)).toEqual([]);
  expect(recorders.get('live/one')?.stops).toBe(1);
});

test('a path with an entry outlives its publisher', async () => {
  const { table } = await tableOf('  cam:\n  all_others:');
  table.publish('cam', publisherOf('one')).close();
  expect(namesOf(table)).toEqual(['cam (cam)']);
});

test('of recordings a path that is not recorded says nothing but its name', async () => {
  const { table } = await tableOf('  cam: {record: yes}\n  shown: {record: no}\n  wrong: {source: "x://y"}');
  const [cam, ...others] = table.recordings();
  expect(cam).toMatchObject(table.find('cam') ?? {});
  expect(others.map(({ name, recording }) => [name, recording])).toEqual([
    ['shown', null],
    ['wrong', null],
  ]);
});

test('groups of a regular expression are put into the source of each path', async () => {
  const { clock, table, sourceOf } = await tableOf(
    '  "~^(north|south)/(\\\\d+)$": {source: "rtsp://$G1.cams:554/ch$G2?g3=$G3", sourceOnDemand: yes}',
  );
  const requests = [table.open('north/1'), table.open('south/22')];
  await clock.advance(0);
  const north = sourceOf('rtsp://north.cams:554/ch1?g3=$G3').deliver([tinyH264]);
  const south = sourceOf('rtsp://south.cams:554/ch22?g3=$G3').deliver([tinyH264]);
  expect(await Promise.all(requests)).toEqual([north, south]);
  expect(table.list().map(({ name }) => name)).toEqual(['north/1', 'south/22']);
  south.addReader(readerOf(RTSP_SESSION), false);
  await clock.advance(10_000);
  expect(table.list().map(({ name }) => name)).toEqual(['south/22']);
});

test('name and groups of a path are put into its destinations, and a changed list restarts nothing', async () => {
  const made: string[] = [];
  const forwarder = (name: string, { dest }: { readonly dest: string }) => {
    made.push(`${name} ${dest}`);
    return { outboundBytes: 0, run: (_: unknown, __: unknown, signal: AbortSignal) => aborted(signal) };
  };
  const list = (dest: string) => `  ~^cam(\\d+)/(.*)$: {forward: [{dest: "${dest}"}]}\n  door:\n`;
  const { clock, table, apply } = await tableOf(list('rtsp://box/$MTX_PATH?n=$G1&of=$G2'), '', { forwarder });
  const stream = table.publish('cam7/sub', publisherOf('p')).publish([tinyH264]);
  await clock.advance(0);
  expect(made).toEqual(['cam7/sub rtsp://box/cam7/sub?n=7&of=sub']);
  expect(table.forwardsOf('cam7/sub')).toMatchObject([{ pos: 0, state: 'idle', protocol: 'rtsp' }]);
  expect([table.forwardsOf('door'), table.forwardsOf('shed')]).toEqual([[], undefined]);
  await apply(list('rtsp://other/$G1'));
  await clock.advance(0);
  expect(made).toEqual([expect.anything(), 'cam7/sub rtsp://other/7']);
  expect(stream.isClosed).toBe(false);
  await table.close();
});

test("a reader's query is put into the source that it starts", async () => {
  const { clock, table, sourceOf } = await tableOf('  "~^cam": {source: "rtsp://h/x?$MTX_QUERY", sourceOnDemand: yes}');
  const request = table.open('cam1', "a=1&b=$&$'");
  await clock.advance(0);
  const stream = sourceOf("rtsp://h/x?a=1&b=$&$'").deliver([tinyH264]);
  expect(await request).toBe(stream);
});

test('the number of paths of patterns is limited', async () => {
  const { clock, table } = await tableOf('  all_others: {source: "rtsp://h/$MTX_QUERY", sourceOnDemand: yes}');
  const requests = Array.from({ length: 1_010 }, (_, i) => failureOf(table.open(`p${i}`)));
  await clock.advance(9_000);
  expect(table.list().length).toBeLessThanOrEqual(1_001);
  expect(await requests.at(-1)).toMatchObject({ code: 'exhausted' });
  await clock.advance(1_000);
  expect(table.list()).toEqual([]);
  expect(await requests[0]).toMatchObject({ code: 'timeout', message: "source of path 'p0' has timed out" });
});

test('publishing to a pulled or redirected path is rejected', async () => {
  const { table } = await tableOf(
    '  cam: {source: "rtsp://h/x"}\n  gate: {source: redirect, sourceRedirect: /cam}\n  "~^p": {source: "rtsp://h/$G1", sourceOnDemand: yes}',
  );
  for (const name of ['cam', 'gate', 'p1']) {
    // RTSP says so at RECORD.
    table.mayPublish(name);
    for (const refused of [() => table.publish(name, publisherOf('one')), () => table.mayPublish(name, 'now')]) {
      expect(thrownBy(refused)).toMatchObject({
        code: 'badInput',
        message: `can't publish to path '${name}' since 'source' is not 'publisher'`,
      });
    }
  }
});

test('overridePublisher decides about a second publisher', async () => {
  const { table } = await tableOf('  open:\n  closed: {overridePublisher: no}');
  table.publish('open', publisherOf('one'));
  expect(() => table.publish('open', publisherOf('two'))).not.toThrow();
  table.mayPublish('closed', 'now');
  const publication = table.publish('closed', publisherOf('one'));
  expect(() => table.publish('closed', publisherOf('two'))).toThrow('someone is already publishing');
  expect(() => table.mayPublish('closed', 'now')).toThrow('someone is already publishing');
  table.mayPublish('closed');
  table.mayPublish('open', 'now');
  publication.close();
  table.mayPublish('closed', 'now');
});

test('readers of a redirect get its target, and the path has no stream', async () => {
  const { table } = await tableOf('  cam:\n  gate: {source: redirect, sourceRedirect: "rtsp://other/x"}');
  expect(table.redirectOf('gate')).toBe('rtsp://other/x');
  expect(table.redirectOf('cam')).toBeUndefined();
  await expect(table.open('gate')).rejects.toMatchObject({
    code: 'notFound',
    message: "path 'gate' redirects RTSP readers (source: redirect), which HLS and WebRTC do not support",
  });
  expect(table.find('gate')).toMatchObject({ ready: false, source: { type: 'redirect', id: '' } });
});

test('a fallback applies while there is no stream', async () => {
  const { table } = await tableOf('  cam: {fallback: /other}\n  all_others: {fallback: /rest}');
  expect(table.redirectOf('cam')).toBe('/other');
  expect(table.redirectOf('x')).toBe('/rest');
  const publication = table.publish('cam', publisherOf('one'));
  publication.publish([tinyH264]);
  expect(table.redirectOf('cam')).toBeUndefined();
  publication.close();
  expect(table.redirectOf('cam')).toBe('/other');
});

test('a disabled path rejects readers and publishers with the reason', async () => {
  const { table } = await tableOf('  cam: {record: perhaps}\n  all_others:');
  await expect(table.open('cam')).rejects.toMatchObject({
    code: 'notFound',
    message: "no stream is available on path 'cam': record: 'perhaps' is not one of no, always, motion",
  });
  expect(() => table.mayPublish('cam')).toThrow(
    "path 'cam' is disabled: record: 'perhaps' is not one of no, always, motion",
  );
  expect(() => table.publish('cam', publisherOf('one'))).toThrow('disabled');
});

test('recording on demand records the stream of readers and starts no source', async () => {
  const { clock, table, sourceOf, recorders } = await tableOf(
    '  cam: {source: "rtsp://h/x", sourceOnDemand: yes, record: yes}',
  );
  await clock.advance(60_000);
  expect(sourceOf('rtsp://h/x').runs).toBe(0);
  const request = table.open('cam');
  await clock.advance(0);
  const stream = sourceOf('rtsp://h/x').deliver([tinyH264]);
  await request;
  expect(recorders.get('cam')?.started).toEqual([stream]);
});

test('open streams are listed by path', async () => {
  const { table } = await tableOf('  cam:\n  other:');
  const publication = table.publish('cam', publisherOf('one'));
  expect(table.openStreams()).toEqual([]);
  const stream = publication.publish([tinyH264]);
  expect(table.openStreams()).toEqual([['cam', stream]]);
  publication.close();
  expect(table.openStreams()).toEqual([]);
});

test('foresee reports the effect of settings before they apply', async () => {
  const { table, foresee } = await tableOf('  cam:\n  loft: {record: yes}');
  expect(foresee('  cam: {audio: no}\n  loft: {record: no}\n  new:')).toEqual({
    restarts: ['cam'],
    recordings: ['loft'],
  });
  expect(foresee('  cam: {maxReaders: 3}\n  loft: {record: yes, recordDeleteAfter: 3d}')).toEqual({
    ...{ restarts: [], recordings: [] },
  });
  expect(namesOf(table)).toEqual(['cam (cam)', 'loft (loft)']);
});

test('a paused camera is neither pulled nor recorded, rejects readers with the reason, and resumes after the pause', async () => {
  const { table, sourceOf, apply } = await tableOf('  cam: {source: "rtsp://h/1", camera: {user: me, password: pw}}');
  sourceOf('rtsp://h/1').deliver([tinyH264]);
  await apply('  cam: {source: "rtsp://h/1", camera: {user: me, password: pw, paused: yes}}');
  expect(sourceOf('rtsp://h/1').isRunning).toBe(false);
  expect(table.find('cam')).toMatchObject({ ready: false, sourceState: null, lastError: null });
  await expect(table.open('cam')).rejects.toMatchObject({
    code: 'notFound',
    message: "no stream is available on path 'cam': its camera is paused",
  });
  expect(thrownBy(() => table.publish('cam', publisherOf('one')))).toMatchObject({ code: 'badInput' });
  await apply('  cam: {source: "rtsp://h/1", camera: {user: me, password: pw, name: Yard}}');
  expect(sourceOf('rtsp://h/1')).toMatchObject({ isRunning: true, runs: 2 });
});

test('a paused camera cannot publish, and one that does is ended', async () => {
  const { table, apply } = await tableOf('  cam: {camera: {name: Yard}}');
  const publisher = publisherOf('one');
  table.publish('cam', publisher).publish([tinyH264]);
  expect(table.find('cam')).toMatchObject({ ready: true });
  await apply('  cam: {camera: {name: Yard, paused: yes}}');
  expect(table.find('cam')).toMatchObject({ ready: false, paused: true });
  expect(thrownBy(() => table.publish('cam', publisherOf('two')))).toMatchObject({ code: 'badInput' });
  await apply('  cam: {camera: {name: Yard}}');
  table.publish('cam', publisherOf('two')).publish([tinyH264]);
  expect(table.find('cam')).toMatchObject({ ready: true, paused: false });
});

test('a paused camera on demand is not started by a reader', async () => {
  const { table } = await tableOf('  cam: {source: "rtsp://h/1", sourceOnDemand: yes, camera: {paused: yes}}');
  await expect(table.open('cam')).rejects.toMatchObject({ code: 'notFound' });
});

test('each accepted publisher is announced before it may send, a rejected one is not', async () => {
  const accepted: string[] = [];
  const { table } = await tableOf('  cam: {overridePublisher: no}\n  other: {source: rtsp://a/b}', '', {
    publisherAccepted: () => accepted.push('one'),
  });
  expect(thrownBy(() => table.publish('other', publisherOf('one')))).toMatchObject({ code: 'badInput' });
  expect(accepted).toEqual([]);
  table.publish('cam', publisherOf('one'));
  expect(accepted).toEqual(['one']);
  expect(thrownBy(() => table.publish('cam', publisherOf('two')))).toMatchObject({ code: 'badInput' });
  expect(accepted).toEqual(['one']);
});

/** A camera with its sub stream, and the paths of logged warnings. */
async function startCamera() {
  const warned: string[] = [];
  const log = createLogger('warn', (line) => warned.push(JSON.parse(line).path));
  const clock = new FakeClock();
  const sources = { cam: new ScriptedSource(), cam_sub: new ScriptedSource() };
  const makers = {
    source: (name: string) => sources[name as keyof typeof sources],
    recorder: () => undefined,
    streamOpened: () => {},
  };
  const table = new PathTable(makers, clock, log);
  const text = 'paths: {cam: {source: "rtsp://h/1"}, cam_sub: {source: "rtsp://h/2"}}';
  const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS });
  await table.apply(config as NonNullable<typeof config>);
  const fail = async (name: keyof typeof sources, words: string): Promise<void> => {
    sources[name].fail(new PerchError('unavailable', `${words} path '${name}'`));
    await clock.advance(10_000);
  };
  const deliver = (name: keyof typeof sources) => sources[name].deliver([tinyH264]);
  return { warned, fail, deliver };
}

test('a camera that fails is logged as one warning, whichever of its streams ends first', async () => {
  const { warned, fail, deliver } = await startCamera();
  await fail('cam_sub', 'no answer from');
  await fail('cam', 'no answer from');
  expect(warned).toEqual(['cam_sub']);
  deliver('cam');
  deliver('cam_sub');
  await fail('cam', 'connection closed by');
  await fail('cam_sub', 'connection closed by');
  expect(warned).toEqual(['cam_sub', 'cam']);
});

test("different failures of a camera's two streams are both logged", async () => {
  const { warned, fail } = await startCamera();
  await fail('cam', 'no answer from');
  await fail('cam_sub', 'no such stream:');
  expect(warned).toEqual(['cam', 'cam_sub']);
});

test('a past failure of one stream does not hide a later one of the other', async () => {
  const { warned, fail, deliver } = await startCamera();
  await fail('cam_sub', 'connection closed by');
  deliver('cam_sub');
  await fail('cam', 'connection closed by');
  expect(warned).toEqual(['cam_sub', 'cam']);
});
