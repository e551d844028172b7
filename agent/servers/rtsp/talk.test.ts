import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { lastCaller } from '../../../test/support/cameras/rtsp-run.ts';
import { type ScriptedCamera, scriptedCamera } from '../../../test/support/cameras/scripted-camera.ts';
import { heard, loudspeakerAt, refusing, talkative } from '../../../test/support/cameras/talkative-camera.ts';
import { RtspHarness } from '../../../test/support/harness/servers/rtsp-harness.ts';
import { systemClock } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { SocketChannel } from '../../base/network/socket-channel.ts';
import type { SessionAccess } from '../../protocols/contract.ts';
import { RtspLoudspeaker } from '../../sources/rtsp/talk/loudspeaker.ts';
import { TransportChoice } from '../../sources/rtsp/transport/transport-choice.ts';
import { Stream } from '../../stream/stream.ts';

const never = new AbortController().signal;
const deaf = () => {};
const reasonOf = (failing: Promise<unknown>): Promise<string> => failing.then(() => 'nothing failed', explain);

/** A box whose camera has a loudspeaker, and how a server reaches that loudspeaker. */
class TalkingBox implements AsyncDisposable {
  readonly rtsp: RtspHarness;
  readonly #port: number;
  readonly #server: ReturnType<typeof createServer>;
  mayTalk = true;
  /** As the server knows it. */
  isAllowed = true;

  static async open(camera: ScriptedCamera): Promise<TalkingBox> {
    const rtsp = await RtspHarness.open();
    rtsp.paths.streams.set(
      'door',
      new Stream([{ kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8_000, channels: 1 }]),
    );
    rtsp.paths.loudspeakers.set('door', loudspeakerAt(camera));
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TalkingBox(rtsp, server);
  }

  private constructor(rtsp: RtspHarness, server: ReturnType<typeof createServer>) {
    this.rtsp = rtsp;
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    const access: SessionAccess = {
      authorize: async () => ({ user: 'server:one' }),
      offersDigest: () => false,
      beginGuess: () => async () => {},
      talker: () => (this.mayTalk ? 'server:one' : undefined),
    };
    server.on('connection', (socket) => rtsp.server.rtsp.adopt(new SocketChannel(socket), access));
  }

  loudspeaker(path = 'door'): RtspLoudspeaker {
    const box = {
      open: async () => new SocketChannel(connect(this.#port, '127.0.0.1')),
      isConnected: () => true,
      mayTalk: () => this.isAllowed,
    };
    const options = { name: 'front', url: `rtsps+ws://box:443/${path}`, readTimeoutMs: 5_000, box };
    return new RtspLoudspeaker(options, new TransportChoice('tcp', systemClock), systemClock, silentLogger);
  }

  get sessions() {
    return this.rtsp.server.rtsp.sessions.list();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rtsp[Symbol.asyncDispose]();
    this.#server.close();
  }
}

test('what a server says comes out of the loudspeaker of a camera of the box, and closing frees it', async () => {
  await using camera = await scriptedCamera(talkative);
  await using box = await TalkingBox.open(camera);
  const loudspeaker = box.loudspeaker();
  expect(await loudspeaker.check(never)).toEqual({ codec: 'PCMA', clockRate: 8_000, channels: 1 });
  const channel = await loudspeaker.open(deaf, never);
  channel.send(Buffer.from('hello'), 0xffff_ff60);
  channel.send(Buffer.from('there'), 0xffff_ff60 + 0xa0);
  await camera.until(() => camera.callers.some((caller) => heard(caller).length === 2));
  const [first, second] = heard(lastCaller(camera));
  expect([first?.payload, second?.payload]).toEqual(['hello', 'there']);
  expect(((second?.ticks ?? 0) - (first?.ticks ?? 0)) >>> 0).toBe(160);
  expect(box.sessions).toMatchObject([{ user: 'server:one', path: 'door', state: 'publish', transport: 'TCP' }]);
  channel.close();
  await camera.until(() => lastCaller(camera).methods.includes('TEARDOWN'));
  await expect.poll(() => box.sessions).toEqual([]);
});

test('one speaker at a time, whether of the box or of a server', async () => {
  await using camera = await scriptedCamera(talkative);
  await using box = await TalkingBox.open(camera);
  const own = await box.rtsp.paths.talk('door', deaf);
  expect(await reasonOf(box.loudspeaker().open(deaf, never))).toMatch(/another client may be using it.*453/);
  own.close();
  const channel = await box.loudspeaker().open(deaf, never);
  expect(await reasonOf(box.rtsp.paths.talk('door', deaf))).toContain('another speaker is talking');
  expect(await reasonOf(box.loudspeaker().open(deaf, never))).toMatch(/another client may be using it.*453/);
  channel.close();
});

test('without the right nothing is asked of the camera', async () => {
  await using camera = await scriptedCamera(talkative);
  await using box = await TalkingBox.open(camera);
  box.isAllowed = false;
  const loudspeaker = box.loudspeaker();
  expect(loudspeaker.state).toBe('no');
  expect(await reasonOf(loudspeaker.open(deaf, never))).toContain('does not let this server talk');
  // It knows better than the box.
  box.isAllowed = true;
  box.mayTalk = false;
  expect(await reasonOf(loudspeaker.check(never))).toContain('401');
  expect(camera.callers).toEqual([]);
  expect(box.sessions).toEqual([]);
});

test('a talk ends with its session, and when the camera ends it', async () => {
  await using camera = await scriptedCamera(talkative);
  await using box = await TalkingBox.open(camera);
  for (const end of [
    () => box.rtsp.server.rtsp.sessions.kick(box.sessions[0]?.id ?? ''),
    () => lastCaller(camera).socket.destroy(),
  ]) {
    const ended = Promise.withResolvers<string>();
    await box.loudspeaker().open(ended.resolve, never);
    end();
    expect(await ended.promise).toMatch(/closed the connection/);
    await expect.poll(() => box.sessions).toEqual([]);
  }
});

test.for([
  ['missing', talkative, 'no back channel'],
  ['door', refusing('SETUP', 453), '503'],
] as const)("a talk on '%s' is refused with the reason", async ([path, script, reason]) => {
  await using camera = await scriptedCamera(script);
  await using box = await TalkingBox.open(camera);
  const { streams } = box.rtsp.paths;
  streams.set('missing', streams.get('door') as Stream);
  expect(await reasonOf(box.loudspeaker(path).open(deaf, never))).toContain(reason);
  expect(box.sessions).toEqual([]);
});
