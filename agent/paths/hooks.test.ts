import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { ScriptedSource } from '../../test/support/cameras/scripted-source.ts';
import { KEYS } from '../../test/support/harness/loaded-config.ts';
import { HLS_SESSION, RTSP_SESSION, readerOf, WEBRTC_SESSION } from '../../test/support/media/reader.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';
import { silentLogger } from '../base/log.ts';
import { type Config, parseConfig } from '../config/load/load.ts';
import type { HookSource, PathHooks } from './path-hooks.ts';
import { PathTable } from './path-table.ts';

function configOf(paths: string): Config {
  const { config } = parseConfig(
    `paths:\n  ${paths}`,
    'perch.yml',
    {},
    { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS },
  );
  if (!config) {
    throw new Error('no configuration');
  }
  return config;
}

/** Hooks that write down when they begin and when they end. */
class NotedHooks implements PathHooks {
  readonly notes: string[] = [];
  /** Resolves when the ended hooks have finished. */
  gone: Promise<void> = Promise.resolve();
  readonly created = () => this.#note('created');
  readonly demanded = (query: string) => this.#note(`demanded ${query}`);
  readonly available = ({ type, id, query }: HookSource) => this.#note(`available ${type} ${id} ${query}`);
  readonly online = ({ type }: HookSource) => this.#note(`online ${type}`);
  readonly read = ({ type, id }: { type: string; id: string }, query: string) =>
    this.#note(`read ${type} ${id} ${query}`);
  segmentCreated(): void {}
  segmentCompleted(): void {}
  followed: unknown;
  follow({ runOnUnread }: { runOnUnread: string }, groups: readonly string[] | undefined): void {
    this.followed = [runOnUnread, groups];
  }

  #note(what: string): () => Promise<void> {
    this.notes.push(what);
    return () => {
      this.notes.push(`end of ${what.split(' ')[0]}`);
      return this.gone;
    };
  }
}

async function tableOf(paths: string) {
  const clock = new FakeClock();
  const hooks = new Map<string, NotedHooks>();
  const groups = new Map<string, readonly string[] | undefined>();
  const formers: (Promise<void> | undefined)[] = [];
  const source = new ScriptedSource();
  const makers = {
    source: () => source,
    recorder: () => undefined,
    streamOpened: () => {},
    forwarder: (name: string) => ({
      outboundBytes: 0,
      run: (_: unknown, __: unknown, signal: AbortSignal) =>
        new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            hooks.get(name)?.notes.push('end of forward');
            resolve();
          });
        }),
    }),
    hooks: (name: string, _settings: unknown, values: readonly string[] | undefined, former?: Promise<void>) => {
      formers.push(former);
      const noted = new NotedHooks();
      hooks.set(name, noted);
      groups.set(name, values);
      return noted;
    },
  };
  const table = new PathTable(makers, clock, silentLogger);
  await table.apply(configOf(paths));
  const notesOf = (name: string): string[] => hooks.get(name)?.notes.splice(0) ?? [];
  return { clock, table, source, hooks, groups, formers, notesOf };
}

const publisherOf = (id: string, onReplaced = () => {}) => ({ kind: RTSP_SESSION, id, query: `q=${id}`, onReplaced });

test('hooks start and end with a publisher, those of its readers first', async () => {
  const { table, notesOf } = await tableOf('cam:');
  expect(notesOf('cam')).toEqual(['created']);
  const publication = table.publish('cam', publisherOf('p'));
  const stream = publication.publish([tinyH264]);
  expect(notesOf('cam')).toEqual(['available rtspSession p q=p', 'online rtspSession']);
  const [first, second] = [
    { kind: WEBRTC_SESSION, id: '1' },
    { kind: HLS_SESSION, id: '2' },
  ];
  stream.recipients.begin(first, 'a=1');
  stream.recipients.begin(first, 'a=1');
  stream.recipients.begin(second, '');
  stream.recipients.end(first);
  stream.recipients.end(first);
  expect(notesOf('cam')).toEqual(['read webRTCSession 1 a=1', 'read hlsSession 2 ', 'end of read']);
  publication.close();
  expect(notesOf('cam')).toEqual(['end of online', 'end of read', 'end of available']);
  stream.recipients.begin(first, '');
  expect(notesOf('cam')).toEqual([]);
  await table.close();
  expect(notesOf('cam')).toEqual(['end of created']);
});

test("a stream ends in MediaMTX's order: offline, readers, unavailable, forwards", async () => {
  const { table, notesOf, hooks } = await tableOf('cam: {forward: [{dest: rtsp://box/door}]}');
  const publication = table.publish('cam', publisherOf('p'));
  const stream = publication.publish([tinyH264]);
  stream.recipients.begin({ kind: WEBRTC_SESSION, id: '1' }, '');
  await Promise.resolve();
  notesOf('cam');
  publication.close();
  expect(hooks.get('cam')?.notes).toEqual(['end of online', 'end of read', 'end of available', 'end of forward']);
});

test('the source of a pulled path has no id', async () => {
  const { clock, source, notesOf } = await tableOf('cam: {source: "rtsp://h/1"}');
  await clock.advance(0);
  source.deliver([tinyH264]);
  expect(notesOf('cam')).toEqual(['created', `available ${source.type}  `, `online ${source.type}`]);
});

test('a path has stopped when all commands of its hooks have exited', async () => {
  const { table, hooks } = await tableOf('cam:');
  const gone = Promise.withResolvers<void>();
  const noted = hooks.get('cam') as NotedHooks;
  noted.gone = gone.promise;
  let isApplied = false;
  const applied = table.apply(configOf('other:')).then(() => {
    isApplied = true;
  });
  await new Promise(setImmediate);
  expect(noted.notes).toEqual(['created', 'end of created']);
  expect(isApplied).toBe(false);
  gone.resolve();
  await applied;
});

const ON_DEMAND = '{runOnDemand: x, runOnDemandStartTimeout: 4s, runOnDemandCloseAfter: 2s}';

test('a reader waits for the publisher that a hook starts, and the hook ends without readers', async () => {
  const { clock, table, notesOf } = await tableOf(`cam: ${ON_DEMAND}`);
  const opened = table.open('cam', 'a=1');
  const second = table.open('cam', 'a=2');
  expect(notesOf('cam')).toEqual(['created', 'demanded a=1']);
  let replaced = 0;
  const stream = table
    .publish(
      'cam',
      publisherOf('p', () => (replaced += 1)),
    )
    .publish([tinyH264]);
  expect([await opened, await second]).toEqual([stream, stream]);
  notesOf('cam');
  const reader = readerOf(RTSP_SESSION);
  stream.addReader(reader, false);
  await clock.advance(60_000);
  expect(notesOf('cam')).toEqual([]);
  stream.removeReader(reader);
  await clock.advance(2_000);
  expect(notesOf('cam')).toEqual(['end of demanded', 'end of online', 'end of available']);
  expect(replaced).toBe(1);
  void table.open('cam', 'a=3').catch(() => {});
  expect(notesOf('cam')).toEqual(['demanded a=3']);
});

test('the wait for a publisher times out and ends the hook', async () => {
  const { clock, table, notesOf } = await tableOf(`cam: ${ON_DEMAND}`);
  const refused = table.open('cam').catch((error: unknown) => error);
  await clock.advance(4_000);
  expect(await refused).toMatchObject({ code: 'timeout', message: "source of path 'cam' has timed out" });
  expect(notesOf('cam')).toEqual(['created', 'demanded ', 'end of demanded']);
});

test('the end of the publisher ends the demand; its replacement does not', async () => {
  const { clock, table, notesOf } = await tableOf(`cam: ${ON_DEMAND}`);
  const opened = table.open('cam');
  table.publish('cam', publisherOf('one')).publish([tinyH264]);
  await opened;
  notesOf('cam');
  const second = table.publish('cam', publisherOf('two'));
  expect(notesOf('cam')).toEqual(['end of online', 'end of available']);
  const again = table.open('cam');
  const stream = second.publish([tinyH264]);
  expect(await again).toBe(stream);
  stream.addReader(readerOf(RTSP_SESSION), false);
  await clock.advance(60_000);
  expect(notesOf('cam')).toEqual(['available rtspSession two q=two', 'online rtspSession']);
  second.close();
  expect(notesOf('cam')).toEqual(['end of online', 'end of available', 'end of demanded']);
});

test('a replacing publisher without media times out as well', async () => {
  const { clock, table, notesOf } = await tableOf(`cam: ${ON_DEMAND}`);
  const opened = table.open('cam');
  table.publish('cam', publisherOf('one')).publish([tinyH264]);
  await opened;
  table.publish('cam', publisherOf('two'));
  await clock.advance(4_000);
  expect(notesOf('cam')).toContain('end of demanded');
});

test('a publisher without a demand starts no demand hook', async () => {
  const { clock, table, notesOf } = await tableOf(`cam: ${ON_DEMAND}`);
  const stream = table.publish('cam', publisherOf('p')).publish([tinyH264]);
  expect(await table.open('cam')).toBe(stream);
  await clock.advance(60_000);
  expect(notesOf('cam')).toEqual(['created', 'available rtspSession p q=p', 'online rtspSession']);
});

test('a path of a pattern exists until its hook has ended', async () => {
  const { clock, table, hooks, groups } = await tableOf(`"~^on/([a-z]+)(x[0-9])?$": ${ON_DEMAND}`);
  const refused = table.open('on/one').catch(() => {});
  expect(groups.get('on/one')).toEqual(['one', '']);
  const noted = hooks.get('on/one') as NotedHooks;
  const gone = Promise.withResolvers<void>();
  noted.gone = gone.promise;
  await clock.advance(4_000);
  await refused;
  expect(noted.notes).toEqual(['created', 'demanded ', 'end of demanded']);
  expect(table.find('on/one')).toBeDefined();
  gone.resolve();
  await clock.advance(0);
  expect(table.find('on/one')).toBeUndefined();
});

test('a path of a pattern is removed after its publisher and its hooks have ended', async () => {
  const { clock, table, hooks } = await tableOf('all_others:');
  const publication = table.publish('live/one', publisherOf('p'));
  publication.publish([tinyH264]);
  const noted = hooks.get('live/one') as NotedHooks;
  const gone = Promise.withResolvers<void>();
  noted.gone = gone.promise;
  publication.close();
  expect(noted.notes.slice(-2)).toEqual(['end of online', 'end of available']);
  gone.resolve();
  await clock.advance(0);
  expect(table.find('live/one')).toBeUndefined();
});

test('a pulled path of a pattern exists until the hooks of its stream have ended', async () => {
  const { clock, table, source, hooks } = await tableOf('"~^on/": {source: "rtsp://h/1", sourceOnDemand: true}');
  const opened = table.open('on/one');
  await clock.advance(0);
  source.deliver([tinyH264]);
  await opened;
  const noted = hooks.get('on/one') as NotedHooks;
  const gone = Promise.withResolvers<void>();
  noted.gone = gone.promise;
  await clock.advance(10_000);
  expect(noted.notes.slice(-2)).toEqual(['end of online', 'end of available']);
  expect(table.find('on/one')).toBeDefined();
  gone.resolve();
  await clock.advance(0);
  expect(table.find('on/one')).toBeUndefined();
});

test('changed commands that run once take effect without a restart', async () => {
  const { table, hooks, groups, notesOf } = await tableOf('cam: {runOnUnread: a, runOnAvailable: x}');
  expect([...groups]).toEqual([['cam', undefined]]);
  const noted = hooks.get('cam') as NotedHooks;
  const stream = table.publish('cam', publisherOf('p')).publish([tinyH264]);
  notesOf('cam');
  const keys = 'runOnOffline: c, runOnUnavailable: d, runOnUnDemand: e, runOnRecordSegmentCreate: f';
  await table.apply(configOf(`cam: {runOnUnread: b, runOnAvailable: x, ${keys}, runOnRecordSegmentComplete: g}`));
  expect(noted.followed).toEqual(['b', undefined]);
  await table.apply(configOf('"~^(c)(x?)": {runOnUnread: c, runOnAvailable: x}'));
  expect(noted.followed).toEqual(['c', ['c', '']]);
  expect(await table.open('cam')).toBe(stream);
  expect(noted.notes).toEqual([]);
  await table.apply(configOf('cam: {runOnUnread: c, runOnAvailable: y}'));
  expect(noted.notes).toContain('end of available');
});

test('a changed path starts after the former one is released, also when a reader requests it', async () => {
  const entry = 'cam: {source: "rtsp://h/1", sourceOnDemand: true, rtspTransport: ';
  const { clock, table, source, formers } = await tableOf(`${entry}udp}`);
  const opened = table.open('cam');
  await clock.advance(0);
  source.deliver([tinyH264]);
  await opened;
  source.isSlowToEnd = true;
  const applied = table.apply(configOf(`${entry}tcp}`));
  const again = table.open('cam');
  await clock.advance(0);
  expect(source).toMatchObject({ runs: 1, isRunning: true });
  let isFormerGone = false;
  void formers.at(-1)?.then(() => {
    isFormerGone = true;
  });
  await clock.advance(0);
  expect(isFormerGone).toBe(false);
  source.letGo();
  await applied;
  await clock.advance(0);
  expect(source).toMatchObject({ runs: 2, isRunning: true });
  expect(isFormerGone).toBe(true);
  const stream = source.deliver([tinyH264]);
  expect(await again).toBe(stream);
});
