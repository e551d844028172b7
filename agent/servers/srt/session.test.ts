import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { TestPaths } from '../../../test/support/harness/servers/rtsp-harness.ts';
import { serverDeps } from '../../../test/support/harness/servers/server-deps.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';
import { type InternalUser, MEDIAMTX_USERS } from '../../config/schema/common/general.ts';
import { TsDemuxer } from '../../media/mpegts/demux/demuxer.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import { Stream } from '../../stream/stream.ts';
import { callSrt } from '../../transports/srt/endpoint/caller.ts';
import { TsOutput } from '../../transports/srt/ts-output.ts';
import { srtServer } from './protocol.ts';
import { SRT_CONN, type SrtConnItem } from './session-kind.ts';

const PACKET_BYTES = 1316;
/** Each key is derived in a thread of its own, which a busy box delays. */
const PATIENCE = { timeout: 5_000 };
const CONFIG = `srt: yes
srtAddress: 127.0.0.1:0
paths:
  locked:
    srtPublishPassphrase: blue heron 7
    srtReadPassphrase: grey heron 8
  open:
`;

/** A server on loopback with the real access rules. */
async function serve({ users = MEDIAMTX_USERS, config = CONFIG } = {}) {
  const loaded = good(config);
  const paths = new TestPaths();
  for (const name of ['open', 'locked']) {
    paths.waiting.add(name);
  }
  const lines: string[] = [];
  const stop = new AbortController();
  const log = createLogger('debug', (line) => lines.push(line));
  const options = srtServer.options(loaded);
  if (!options) {
    throw new Error('the server is off');
  }
  const loginClock = new FakeClock();
  const clocks = { clock: systemClock, loginClock };
  const deps = serverDeps({ users, paths, ...clocks, log, signal: stop.signal, config: loaded });
  const running = await srtServer.start(options, deps);
  onTestFinished(async () => {
    stop.abort();
    await running.stop('end');
  });
  const table = running.table(SRT_CONN);
  const items = () => (table?.list() ?? []) as unknown as readonly SrtConnItem[];
  const call = async (streamId: string, passphrase = '') => {
    const address = { ip: '127.0.0.1', port: running.port, streamId, passphrase, latencyMs: 20 };
    const called = await callSrt(address, systemClock, AbortSignal.timeout(5_000));
    onTestFinished(() => called.endpoint.close('over'));
    const received: Buffer[] = [];
    const ended = Promise.withResolvers<string>();
    called.connection.handlers = {
      onPayload: (payload) => received.push(Buffer.from(payload)),
      onClose: ended.resolve,
    };
    const send = (bytes: Uint8Array, start = 0, end = bytes.length) =>
      called.endpoint.write(called.connection, bytes, start, end, PACKET_BYTES);
    return { ...called, received, ended: ended.promise, send };
  };
  /** The result or error of a call, once wrong logins have waited. */
  const answered = async (calling: Promise<unknown>): Promise<unknown> => {
    const called = calling.catch((error: unknown) => error);
    for (let answer: unknown; answer === undefined; ) {
      await loginClock.advance(1_000);
      answer = await Promise.race([called, new Promise((resolve) => setImmediate(resolve))]);
    }
    return called;
  };
  return { running, paths, lines, items, call, answered, loginClock, kick: (id: string) => table?.kick?.(id) };
}

type Called = Awaited<ReturnType<Awaited<ReturnType<typeof serve>>['call']>>;

/** Sends pictures as MPEG-TS. */
function publish({ send }: Called, pictures: readonly Sample[]): void {
  const output = new TsOutput([tinyH264], send, () => false);
  for (const picture of pictures) {
    output.onSample(0, picture);
  }
}

function unitsOf(received: readonly Buffer[]) {
  const units: { pts: number; key: boolean; data: string }[] = [];
  const tracks: Track[] = [];
  const sink = {
    onTrack: (track: Track) => tracks.push(track),
    onDamage: (reason: string) => expect.fail(reason),
    onUnit: (pts: number, _dts: number, key: boolean, data: Uint8Array) =>
      units.push({ pts, key, data: Buffer.from(data).toString('hex') }),
  };
  const demuxer = new TsDemuxer({ onProgram: (streams) => streams.map(() => sink) });
  demuxer.push(Buffer.concat(received));
  demuxer.end();
  return { units, tracks };
}

const hexOf = (pictures: readonly Sample[]) => pictures.map(({ data }) => Buffer.from(data).toString('hex'));

test('what is published is a stream of the path until the publisher leaves', async () => {
  const server = await serve();
  const called = await server.call('publish:open:a=1');
  const pictures = tinyVideo(12, 25, 12);
  publish(called, pictures);
  const stream = await vi.waitUntil(() => server.paths.streams.get('open'));
  expect(stream.tracks).toMatchObject([{ codec: 'h264', width: 64, height: 48 }]);
  expect(server.items()).toMatchObject([{ state: 'publish', path: 'open', query: 'a=1', packetsReceivedDrop: 0 }]);
  expect(server.items()[0]?.inboundBytes).toBeGreaterThan(188);
  called.connection.close('enough', called.endpoint.nowUs());
  await vi.waitUntil(() => !server.paths.publishers.has('open'));
  expect(server.items()).toEqual([]);
  expect(server.lines.join()).toContain('"reason":"closed by the peer"');
});

test('a reader gets the group of pictures so far, then each new one, and the end of the stream ends it', async () => {
  const server = await serve();
  const stream = new Stream([tinyH264]);
  server.paths.streams.set('open', stream);
  const pictures = tinyVideo(6, 25, 6);
  for (const picture of pictures.slice(0, 3)) {
    stream.write(0, picture);
  }
  const called = await server.call('read:open');
  for (const picture of pictures.slice(3)) {
    stream.write(0, picture);
  }
  // The demuxer delivers the last picture at its end.
  await vi.waitUntil(() => unitsOf(called.received).units.length === pictures.length);
  expect(unitsOf(called.received).units.map(({ data }) => data)).toEqual(hexOf(pictures));
  expect(server.items()).toMatchObject([{ state: 'read', path: 'open', outboundFramesDiscarded: 0 }]);
  stream.close();
  expect(await called.ended).toBe('closed by the peer');
  await vi.waitUntil(() => server.items().length === 0);
});

const TOM: readonly InternalUser[] = [
  {
    user: 'tom',
    pass: 'blue heron',
    ips: [],
    permissions: [
      { action: 'publish', path: 'open' },
      { action: 'read', path: '' },
    ],
  },
];

test.for([
  ['a stream ID that names nothing', 'mypath', '', 'rejects: bad request'],
  ['a path that is not configured', 'read:other', '', 'rejects'],
  ['a path without a stream', 'read:open', '', 'rejects'],
  ['a passphrase for publishers given to a reader', 'read:locked', 'blue heron 7', 'wrong passphrase'],
  ['no passphrase where one is configured', 'publish:locked', '', 'a passphrase is required'],
  ['a passphrase where none is configured', 'publish:open', 'long enough', 'a passphrase is required'],
] as const)('%s is rejected', async ([, streamId, passphrase, message]) => {
  const server = await serve();
  server.paths.streams.set('locked', new Stream([tinyH264]));
  expect(await server.answered(server.call(streamId, passphrase))).toMatchObject({
    message: expect.stringContaining(message),
  });
  expect(server.items()).toEqual([]);
  expect(server.paths.publishers.size).toBe(0);
  expect(server.lines.join()).not.toContain('heron');
});

test('a wrong passphrase waits as a wrong password does, and more than eight at once are not read', async () => {
  const server = await serve();
  const guesses = Array.from({ length: 8 }, (_, i) => server.call('publish:locked', `brown heron ${i}`));
  const fates = guesses.map((guess) => guess.catch((error: Error) => error.message));
  await vi.waitUntil(() => server.lines.filter((line) => line.includes('wrong passphrase')).length === 8, PATIENCE);
  // Even the right one, from the same address.
  await expect(server.call('publish:locked', 'blue heron 7')).rejects.toThrow('rejects');
  expect(server.lines.join()).toContain('8 wrong logins from this address are being answered: try again');
  const answers = await server.answered(Promise.all(fates));
  expect(answers).toEqual(fates.map(() => expect.stringContaining('wrong passphrase')));
  await server.call('publish:locked', 'blue heron 7');
});

test('of many wrong passphrases at once from one address, eight are tried', async () => {
  const server = await serve();
  const guesses = Array.from({ length: 20 }, (_, i) => server.call('publish:locked', `brown heron ${i}`));
  const fates = guesses.map((guess) => guess.catch((error: Error) => error.message));
  const linesWith = (words: string) => server.lines.filter((line) => line.includes(words));
  await vi.waitUntil(
    () => linesWith('"wrong passphrase"').length + linesWith('are being answered').length === 20,
    PATIENCE,
  );
  const answers = (await server.answered(Promise.all(fates))) as readonly string[];
  expect(answers.filter((answer) => answer.includes('wrong passphrase'))).toHaveLength(8);
});

test('many callers with the right passphrase connect at once from one address', async () => {
  const server = await serve();
  server.paths.streams.set('locked', new Stream([tinyH264]));
  await Promise.all(Array.from({ length: 20 }, () => server.call('read:locked', 'grey heron 8')));
  expect(server.items()).toHaveLength(20);
});

test('a wrong passphrase is answered before libsrt gives up', async () => {
  const server = await serve();
  const fate = server.call('publish:locked', 'brown heron 7').catch((error: Error) => error.message);
  await vi.waitUntil(() => server.lines.some((line) => line.includes('wrong passphrase')));
  await server.loginClock.advance(2_500);
  expect(await fate).toContain('wrong passphrase');
});

test('a caller that is kicked while its wrong passphrase waits is rejected once', async () => {
  const server = await serve();
  const fate = server.call('publish:locked', 'brown heron 7').catch((error: Error) => error.message);
  await vi.waitUntil(() => server.lines.some((line) => line.includes('wrong passphrase')));
  expect(server.kick(server.items()[0]?.id ?? '')).toBe(true);
  expect(await fate).toContain('rejects');
  await server.loginClock.advance(4_000);
  expect(server.lines.filter((line) => line.includes('SRT passphrase rejected'))).toEqual([]);
  expect(server.items()).toEqual([]);
});

test.for([
  ['without a login', 'publish:open'],
  ['with a wrong password', 'publish:open:tom:red%20heron'],
  ['to a path of another permission', 'publish:locked:tom:blue heron'],
])('a publisher %s is rejected', async ([, streamId = '']) => {
  const server = await serve({ users: TOM });
  expect(await server.answered(server.call(streamId))).toMatchObject({ code: 'unauthorized' });
  expect(server.paths.publishers.size).toBe(0);
});

test('user and password of the stream ID are taken, and no list or log shows the password', async () => {
  const server = await serve({ users: TOM });
  await server.call('publish:open:tom:blue heron:b=2');
  expect(server.items()).toMatchObject([{ user: 'tom', query: 'b=2', path: 'open' }]);
  expect(`${JSON.stringify(server.items())}${server.lines.join()}`).not.toContain('heron');
});

test('the two passphrases of a path are for their own direction', async () => {
  const server = await serve();
  await server.call('publish:locked', 'blue heron 7');
  server.paths.streams.set('locked', new Stream([tinyH264]));
  await server.call('read:locked', 'grey heron 8');
  expect(server.items().map(({ state }) => state)).toEqual(['publish', 'read']);
});

test('a second publisher is rejected or replaces the first, as the path decides; a kick ends one', async () => {
  const server = await serve();
  const first = await server.call('publish:open');
  const second = await server.call('publish:open').catch((error: Error) => error);
  // The path decides after the handshake is answered.
  expect(second instanceof Error ? second.message : await second.ended).toMatch(/closed by the peer|rejects/);
  server.paths.publishers.get('open')?.onReplaced('another publisher', 'publisher');
  expect(await first.ended).toBe('closed by the peer');
  const third = await server.call('publish:open');
  expect(server.kick(server.items()[0]?.id ?? '')).toBe(true);
  expect(await third.ended).toBe('closed by the peer');
  expect(server.kick('someone')).toBe(false);
});

test('garbage is no stream: its publisher is ended after readTimeout, no other', async () => {
  const server = await serve({ config: `readTimeout: 1s\n${CONFIG}` });
  const called = await server.call('publish:open');
  called.send(Buffer.alloc(20 * PACKET_BYTES, 0x99));
  const stream = new Stream([tinyH264]);
  server.paths.streams.set('locked', stream);
  await server.call('read:locked', 'grey heron 8');
  expect(await called.ended).toBe('closed by the peer');
  await vi.waitUntil(() => server.items().length === 1);
  expect(server.items()).toMatchObject([{ state: 'read', path: 'locked' }]);
  expect(server.lines.join()).toContain('has sent no media for 1 s');
});

test('a stream that MPEG-TS cannot carry is rejected with its tracks', async () => {
  const server = await serve();
  const vp8: Track = { kind: 'video', codec: 'vp8', clockRate: 90_000, width: 8, height: 8, fps: undefined };
  server.paths.streams.set('open', new Stream([vp8]));
  await expect(server.call('read:open')).rejects.toThrow('rejects');
  expect(server.lines.join()).toContain('MPEG-TS can carry no track of the stream: VP8');
});
