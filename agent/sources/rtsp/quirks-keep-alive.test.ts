import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { lastCaller, url } from '../../../test/support/cameras/rtsp-run.ts';
import { type Caller, scriptedCamera } from '../../../test/support/cameras/scripted-camera.ts';
import { silentLogger } from '../../base/log.ts';
import { RTCP_RECEIVER_REPORT } from '../../media/rtcp/parse.ts';
import type { RtspRequest } from '../../media/rtsp/message.ts';
import { Stream } from '../../stream/stream.ts';
import { RtspSource } from './client.ts';

const TIMEOUT_MS = 20_000;
const STEP_MS = 2_500;
const is =
  (method: string, hasSession: boolean, hasBody = false) =>
  ({ method: asked, headers, body }: RtspRequest): boolean =>
    asked === method && (headers.get('Session') !== undefined) === hasSession && body.length > 0 === hasBody;
/** Whether the camera takes a request as a keep-alive; undefined: only receiver reports. */
type Takes = ((request: RtspRequest) => boolean) | undefined;

/** A camera that ends each session at its timeout unless it gets one form of keep-alive. */
async function camera(takes: Takes, status: number) {
  const clock = new FakeClock();
  const aliveMs = new Map<Caller, number>();
  const scripted = await scriptedCamera((request, caller) => {
    const isPlaying = caller.methods.includes('PLAY');
    if (request.method === 'SETUP') {
      const transport = request.headers.get('Transport') ?? '';
      caller.reply(request, 200, [
        ['Session', `4711;timeout=${TIMEOUT_MS / 1_000}`],
        ['Transport', transport],
      ]);
      return true;
    }
    if (request.method === 'PLAY' || takes?.(request)) {
      aliveMs.set(caller, clock.monoMs());
    } else if (isPlaying && request.method !== 'TEARDOWN') {
      caller.reply(request, status);
      return true;
    }
    return undefined;
  });
  const options = { name: 'garden', url: url(scripted), readTimeoutMs: 24 * 3_600_000 };
  const source = new RtspSource(options, clock, silentLogger);
  return {
    scripted,
    /** Plays one session for at most `limitMs`. @returns how long it lasted */
    async play(limitMs: number): Promise<number> {
      const opened = Promise.withResolvers<void>();
      const publish = (tracks: ConstructorParameters<typeof Stream>[0]) => {
        opened.resolve();
        const stream = new Stream(tracks);
        // A viewer, for whom the connection is read at once.
        stream.addReader({ id: 'test', onSample: () => {}, onTrack: () => {}, onEnd: () => {} }, false);
        return stream;
      };
      const over = source.run({ publish }, new AbortController().signal).catch(() => {});
      await opened.promise;
      const caller = lastCaller(scripted);
      let playedMs = 0;
      for (let frames = 0; playedMs < limitMs; ) {
        await clock.advance(STEP_MS);
        playedMs += STEP_MS;
        // Its answer follows everything that was sent before.
        const answers = caller.replies.length + 1;
        caller.send('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n');
        await scripted.until(() => caller.replies.length === answers);
        const reports = caller.frames.filter(
          (frame) => frame.startsWith('1:') && frame.slice(4, 6) === RECEIVER_REPORT,
        );
        if (takes === undefined && reports.length > frames) {
          aliveMs.set(caller, clock.monoMs());
        }
        frames = reports.length;
        if (clock.monoMs() - (aliveMs.get(caller) ?? 0) >= TIMEOUT_MS) {
          break;
        }
      }
      caller.socket.destroy();
      await over;
      return playedMs;
    },
  };
}

const RECEIVER_REPORT = RTCP_RECEIVER_REPORT.toString(16);

const FORMS: readonly [form: string, takes: Takes][] = [
  ['GET_PARAMETER with its session', is('GET_PARAMETER', true)],
  ['OPTIONS with its session', is('OPTIONS', true)],
  ['SET_PARAMETER', is('SET_PARAMETER', true)],
  ['GET_PARAMETER with a body', is('GET_PARAMETER', true, true)],
  ['GET_PARAMETER without a session', is('GET_PARAMETER', false)],
  ['OPTIONS without a session', is('OPTIONS', false)],
  ['receiver reports', undefined],
];

test.for(FORMS.flatMap(([form, takes]) => [200, 454].map((status) => [form, status, takes] as const)))(
  'kept alive by %s alone, other requests answered with %d: the camera plays on, and the form is remembered',
  async ([, status, takes]) => {
    const { scripted, play } = await camera(takes, status);
    await using _ = scripted;
    const lasting = 4 * TIMEOUT_MS;
    let sessions = 1;
    while (sessions <= FORMS.length && (await play(lasting)) < lasting) {
      sessions += 1;
    }
    expect(sessions).toBeLessThanOrEqual(FORMS.length);
    // The next session is kept alive from its start.
    expect(await play(lasting)).toBe(lasting);
  },
);
