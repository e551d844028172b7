import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { Run } from '../../test/support/cameras/rtsp-run.ts';
import { scriptedCamera } from '../../test/support/cameras/scripted-camera.ts';
import { explain } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { parseAuthorization, verifyDigest } from '../media/rtsp/digest.ts';
import type { RtspRequest } from '../media/rtsp/message.ts';
import { LoginFile } from '../onvif/soap/login/login-file.ts';
import { LoginMemory } from '../onvif/soap/login/login-memory.ts';
import { RtspSource } from '../sources/rtsp/client.ts';
import { rtspLoginTarget } from '../sources/rtsp/protocol.ts';
import { streamLogin } from './stream-login.ts';

const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 2 });
const channels = (count: number) => Array.from({ length: count }, (_, i) => `ch${i + 1}`);

/** Reply of a channel to a correct login, instead of its description. */
type Manners = Readonly<Record<string, 'forbids' | 'refuses' | 'silent'>>;

/** A recorder that accepts `admin` with `right`, and counts the logins it receives. */
async function openRecorder(manners: Manners = {}) {
  const shown: string[] = [];
  const camera = await scriptedCamera((request, caller) => {
    const challenge = () => {
      caller.reply(request, 401, [['WWW-Authenticate', 'Digest realm="recorder", nonce="n"']]);
      return true;
    };
    if (request.method === 'OPTIONS') {
      return undefined;
    }
    const channel = /\/(ch\d+)/.exec(request.uri)?.[1] ?? '';
    if (request.method === 'DESCRIBE' && request.headers.get('Authorization') !== undefined) {
      shown.push(channel);
      if (isRight(request) && manners[channel] === 'silent') {
        return true;
      }
      if (isRight(request) && manners[channel] === 'forbids') {
        caller.reply(request, 403, []);
        return true;
      }
    }
    return isRight(request) && manners[channel] !== 'refuses' ? undefined : challenge();
  });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const clock = new FakeClock();
  return { camera, clock, shown };
}

function isRight(request: RtspRequest): boolean {
  const answer = parseAuthorization(request.headers.get('Authorization') ?? '');
  return answer?.scheme === 'digest' && verifyDigest(answer, request.method, 'right', hash);
}

interface Pulled {
  isIn: boolean;
  failure: string | undefined;
}

/** One try of each channel. */
function pullAll(
  { camera, clock }: Awaited<ReturnType<typeof openRecorder>>,
  names: readonly string[],
  password: string,
  logins: LoginMemory,
): Pulled[] {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  return names.map((name) => {
    const url = `rtsp://127.0.0.1:${camera.port}/${name}`;
    const login = { user: 'admin', password };
    const loginWatch = streamLogin(() => rtspLoginTarget(url, name), login, { logins, clock });
    const source = new RtspSource({ name, url, ...login, loginWatch, readTimeoutMs: 60_000 }, clock, silentLogger);
    const pulled: Pulled = { isIn: false, failure: undefined };
    const open = () => {
      pulled.isIn = true;
      throw new Error('it is enough that the recorder has let us in');
    };
    source.run({ publish: open }, stop.signal).catch((error: unknown) => {
      pulled.failure = pulled.isIn ? undefined : explain(error);
    });
    return pulled;
  });
}

test('sixteen paths with a wrong password try it twice, also across a restart; the right one is tried at once', async () => {
  const recorder = await openRecorder();
  const folder = mkdtempSync(join(tmpdir(), 'perch-logins-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (let start = 0; start < 3; start += 1) {
    const logins = new LoginMemory(recorder.clock);
    const file = new LoginFile(join(folder, 'camera-logins.json'), logins, recorder.clock, () => {});
    await file.open((text) => hash('sha256', text));
    const all = pullAll(recorder, channels(16), 'wrong', logins);
    await until(() => expect(all.filter(({ failure }) => failure !== undefined)).toHaveLength(16));
    expect(new Set(all.slice(2).map(({ failure }) => failure))).toEqual(
      new Set([expect.stringContaining('refused this user name or password twice')]),
    );
    expect(new Set(recorder.shown).size).toBe(2);
    await file.close();
  }
  expect(recorder.shown).toHaveLength(2);
  const logins = new LoginMemory(recorder.clock);
  const right = pullAll(recorder, channels(16), 'right', logins);
  await until(() => expect(right.filter(({ isIn }) => isIn)).toHaveLength(16));
});

test.for(['forbids', 'refuses'] as const)(
  'a channel that %s the user does not affect the others, whether it was tried first or not',
  async (what) => {
    for (const channel of ['ch1', 'ch9']) {
      const recorder = await openRecorder({ [channel]: what });
      const all = pullAll(recorder, channels(16), 'right', new LoginMemory(recorder.clock));
      await until(() => expect(all.filter(({ isIn }) => isIn)).toHaveLength(15));
      await until(() => expect(all.filter(({ failure }) => failure !== undefined)).toHaveLength(1));
    }
  },
);

test('a channel that never answers delays the others by 5 s at most', async () => {
  const recorder = await openRecorder({ ch1: 'silent' });
  const logins = new LoginMemory(recorder.clock);
  pullAll(recorder, ['ch1'], 'right', logins);
  await until(() => expect(recorder.shown).toEqual(['ch1']));
  const others = pullAll(recorder, channels(16).slice(1), 'right', logins);
  await until(() => expect(recorder.camera.callers).toHaveLength(16));
  await recorder.clock.advance(4_999);
  expect(recorder.shown).toEqual(['ch1']);
  // Some may not wait yet: the turn is theirs as soon as they ask.
  await recorder.clock.advance(1);
  await until(() => expect(others.filter(({ isIn }) => isIn)).toHaveLength(15));
});

test('a password that changes while channels play is sent by the keep-alives of two of them', async () => {
  const clock = new FakeClock();
  const logins = new LoginMemory(clock);
  const shown: string[] = [];
  let password = 'right';
  await using camera = await scriptedCamera((request, caller) => {
    const answer = parseAuthorization(request.headers.get('Authorization') ?? '');
    const isIn = answer?.scheme === 'digest' && verifyDigest(answer, request.method, password, hash);
    if (answer && !isIn) {
      shown.push(request.method);
    }
    if (!isIn) {
      caller.reply(request, 401, [['WWW-Authenticate', 'Digest realm="recorder", nonce="n"']]);
    } else if (request.method === 'SETUP') {
      const transport = request.headers.get('Transport') ?? '';
      caller.reply(request, 200, [
        ['Session', '4711;timeout=20'],
        ['Transport', transport],
      ]);
    }
    return !isIn || request.method === 'SETUP';
  });
  const login = { user: 'admin', password: 'right' };
  const runs: Run[] = [];
  for (const name of channels(4)) {
    const url = `rtsp://127.0.0.1:${camera.port}/${name}`;
    const loginWatch = streamLogin(() => rtspLoginTarget(url, name), login, { logins, clock });
    const run = new Run(url, { ...login, loginWatch, readTimeoutMs: 120_000 }, clock);
    await run.sampled(5);
    runs.push(run);
    await clock.advance(1_000);
  }
  password = 'changed';
  const keepAlives = () =>
    camera.callers.flatMap(({ methods }) => methods.filter((method) => method === 'GET_PARAMETER'));
  for (let count = 1; count <= 8; count += 1) {
    await clock.advance(count === 1 ? 6_000 : count === 5 ? 7_000 : 1_000);
    await camera.until(() => keepAlives().length >= count);
  }
  expect(shown).toEqual(['GET_PARAMETER', 'GET_PARAMETER']);
  for (const run of runs) {
    await run[Symbol.asyncDispose]();
  }
  expect(shown).toHaveLength(2);
});
