import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/fake-clock.ts';
import {
  type Caller,
  rtpFrame,
  type Script,
  SOUND_SDP,
  scriptedCamera,
  soundPackets,
} from '../../../test/scripted-camera.ts';
import { idrPicture, skipPicture, tinyH264 } from '../../../test/tiny-h264.ts';
import { systemClock } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { parseAuthorization, verifyDigest } from '../../media/rtsp/digest.ts';
import type { RtspRequest } from '../../media/rtsp/message.ts';
import type { Sample } from '../../media/sample.ts';
import { writeSdp } from '../../media/sdp/write.ts';
import type { Track } from '../../media/track.ts';
import { Stream } from '../../stream/stream.ts';
import { RtspSource, type RtspSourceOptions } from './client.ts';

const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');

/** A run of the source against `url`, and what came of it. */
class Run {
  readonly samples: { track: number; sample: Sample }[] = [];
  tracks: readonly Track[] = [];
  stream: Stream | undefined;
  readonly #stop = new AbortController();
  readonly #over: Promise<unknown>;
  #onSample: () => void = () => {};

  constructor(
    url: string,
    options: Partial<RtspSourceOptions> = {},
    clock: FakeClock | typeof systemClock = systemClock,
  ) {
    const source = new RtspSource({ name: 'garden', url, readTimeoutMs: 5000, ...options }, clock, silentLogger);
    const open = (tracks: readonly Track[]) => {
      this.tracks = tracks;
      this.stream = new Stream(tracks);
      this.stream.addReader(
        {
          type: 'hidden',
          id: 'test',
          onSample: (track, sample) => {
            this.samples.push({ track, sample });
            this.#onSample();
          },
          onTrack: () => {},
          onEnd: () => {},
        },
        false,
      );
      return this.stream;
    };
    this.#over = source.run({ open }, this.#stop.signal).then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  /** Resolves when `count` samples are there; rejects when the run ends before. */
  async sampled(count: number): Promise<void> {
    const enough = new Promise<'enough'>((resolve) => {
      this.#onSample = () => {
        if (this.samples.length >= count) {
          resolve('enough');
        }
      };
      this.#onSample();
    });
    const first = await Promise.race([enough, this.#over]);
    if (first !== 'enough') {
      throw first ?? new Error('the run has ended');
    }
  }

  /** How it ended by itself, as a person reads it. */
  async failure(): Promise<string> {
    return explain(await this.#over);
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#over;
  }
}

const plain: Script = () => undefined;
const url = (camera: { port: number }, rest = '/live') => `rtsp://127.0.0.1:${camera.port}${rest}`;
const lastCaller = (camera: { callers: readonly Caller[] }): Caller => {
  const caller = camera.callers.at(-1);
  if (!caller) {
    throw new Error('nobody has called');
  }
  return caller;
};

test('a camera is described, set up and played, and its sound arrives with continuous time', async () => {
  await using camera = await scriptedCamera(plain);
  await using run = new Run(url(camera));
  await run.sampled(5);
  expect(lastCaller(camera).methods).toEqual(['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY']);
  expect(run.tracks).toMatchObject([{ codec: 'g711', law: 'mu', clockRate: 8000 }]);
  expect(run.samples.map(({ sample }) => sample.pts)).toEqual([0, 160, 320, 480, 640]);
  const { wall } = run.samples[0]?.sample ?? { wall: 0 };
  expect(Math.abs(wall - Date.now())).toBeLessThan(60_000);
});

test('stopping sends TEARDOWN in the session before the connection closes', async () => {
  await using camera = await scriptedCamera(plain);
  {
    await using run = new Run(url(camera));
    await run.sampled(1);
  }
  const request = lastCaller(camera).requests.at(-1);
  expect(request?.method).toBe('TEARDOWN');
  expect(request?.headers.get('Session')).toBe('4711');
});

/** Lets in who answers the challenges with admin and `secret`. */
function guarded(challenges: readonly string[], isAccepted: (request: RtspRequest) => boolean): Script {
  return (request, caller) => {
    if (isAccepted(request)) {
      return undefined;
    }
    caller.reply(
      request,
      401,
      challenges.map((value) => ['WWW-Authenticate', value] as const),
    );
    return true;
  };
}

function isDigestRight(request: RtspRequest, nonce: string): boolean {
  const answer = parseAuthorization(request.headers.get('Authorization') ?? '');
  return (
    answer?.scheme === 'digest' &&
    answer.nonce === nonce &&
    answer.uri === request.uri &&
    verifyDigest(answer, request.method, 'secret', hash)
  );
}

const isBasicRight = (request: RtspRequest): boolean => {
  const answer = parseAuthorization(request.headers.get('Authorization') ?? '');
  return answer?.scheme === 'basic' && answer.password === 'secret';
};

test.for([
  ['Digest', ['Digest realm="cam", nonce="n"']],
  ['Digest with qop', ['Digest realm="cam", nonce="n", qop="auth"']],
  ['Digest with SHA-256', ['Digest realm="cam", nonce="n", algorithm=SHA-256']],
  ['Digest named after Basic', ['Basic realm="cam"', 'Digest realm="cam", nonce="n"']],
] as const)('a camera that wants %s gets it, and never the password', async ([, challenges]) => {
  await using camera = await scriptedCamera(guarded(challenges, (request) => isDigestRight(request, 'n')));
  await using run = new Run(url(camera).replace('//', '//admin:secret@'));
  await run.sampled(1);
  const headers = lastCaller(camera).requests.map((request) => request.headers.get('Authorization') ?? '');
  expect(headers.filter((header) => header.startsWith('Basic'))).toEqual([]);
});

test('a camera that wants Basic gets it', async () => {
  await using camera = await scriptedCamera(guarded(['Basic realm="cam"'], isBasicRight));
  await using run = new Run(url(camera), { user: 'admin', password: 'secret' });
  await run.sampled(1);
});

test('a camera that offers Digest and takes only Basic is satisfied in the end', async () => {
  await using camera = await scriptedCamera(
    guarded(['Digest realm="cam", nonce="n"', 'Basic realm="cam"'], isBasicRight),
  );
  await using run = new Run(url(camera), { user: 'admin', password: 'secret' });
  await run.sampled(1);
});

test('a nonce that has grown old is renewed', async () => {
  let nonce = 0;
  await using camera = await scriptedCamera((request, caller) => {
    if (isDigestRight(request, `n${nonce}`)) {
      nonce += 1;
      return undefined;
    }
    caller.reply(request, 401, [['WWW-Authenticate', `Digest realm="cam", nonce="n${nonce}", stale=TRUE`]]);
    return true;
  });
  await using run = new Run(url(camera), { user: 'admin', password: 'secret' });
  await run.sampled(1);
  expect(nonce).toBeGreaterThanOrEqual(4);
});

test('a wrong password is named as such, with the path and without the password', async () => {
  await using camera = await scriptedCamera(guarded(['Digest realm="cam", nonce="n", stale=true'], () => false));
  await using run = new Run(url(camera).replace('//', '//admin:wrong@'));
  expect(await run.failure()).toBe("camera refused the password (401): check user and password of path 'garden'");
  expect(lastCaller(camera).requests.length).toBeLessThan(10);
});

test('a camera that asks for a password when none is configured says so', async () => {
  await using camera = await scriptedCamera(guarded(['Basic realm="cam"'], () => false));
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe("camera asks for a password (401): set user and password of path 'garden'");
});

test.for([
  ['DESCRIBE', 404, "camera has no stream at this address (404): check the URL of path 'garden'"],
  ['PLAY', 453, "camera has no room for another connection (453): close other viewers of path 'garden'"],
  ['DESCRIBE', 500, "camera answered DESCRIBE with 500 Internal Server Error, path 'garden'"],
] as const)('%s answered with %d is named for what it is', async ([method, status, message]) => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== method) {
      return undefined;
    }
    caller.reply(request, status);
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe(message);
});

test('nobody at the port is a refused connection', async () => {
  const camera = await scriptedCamera(plain);
  await camera[Symbol.asyncDispose]();
  await using run = new Run(url(camera));
  expect(await run.failure()).toMatch(
    /^connection refused by 127\.0\.0\.1:\d+: check address and port of path 'garden'/,
  );
});

test('a camera that closes the connection is named', async () => {
  await using camera = await scriptedCamera((_, caller) => {
    caller.socket.end();
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe("camera closed the connection of path 'garden'");
});

test('redirects are followed, to another camera and within one', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE' || request.uri.endsWith('/live2')) {
      return undefined;
    }
    caller.reply(request, 301, [['Location', '/live2']]);
    return true;
  });
  await using first = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.reply(request, 302, [['Location', url(camera)]]);
    return true;
  });
  await using run = new Run(url(first));
  await run.sampled(1);
  expect(camera.callers).toHaveLength(2);
});

test('a camera that redirects for ever is given up', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.reply(request, 302, [['Location', '/again']]);
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe("camera of path 'garden' redirects more than 5 times");
});

test('controls are joined to the base that the camera names, on the host that we know', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.reply(request, 200, [['Content-Base', 'rtsp://rtsp://::ffff:10.9.8.7/base/']], SOUND_SDP);
    return true;
  });
  await using run = new Run(url(camera));
  await run.sampled(1);
  const uris = lastCaller(camera).requests.map((request) => new URL(request.uri).pathname);
  expect(uris).toEqual(['/live', '/live', '/base/track1', '/base/']);
});

test('the channels that the camera names are the ones that count', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method === 'SETUP') {
      const transport = 'RTP/AVP/TCP;unicast;ssrc=  1A;interleaved=6';
      caller.reply(request, 200, [
        ['Session', 'a;timeout=60'],
        ['Transport', transport],
      ]);
      return true;
    }
    if (request.method === 'PLAY') {
      // Media come before the reply, with junk between and on channels that nobody asked for.
      caller.send(...soundPackets(0, 2, 6), 'JUNK\x01\x02', ...soundPackets(0, 2, 0), '\r\n', ...soundPackets(2, 2, 6));
      caller.reply(request, 200);
      return true;
    }
    return undefined;
  });
  await using run = new Run(url(camera));
  await run.sampled(4);
  expect(run.samples.map(({ sample }) => sample.pts)).toEqual([0, 160, 320, 480]);
});

test('a request of the camera is answered', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method === 'PLAY') {
      caller.send('OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\n', 'EJECT * RTSP/1.0\r\nCSeq: 78\r\n\r\n');
    }
    return undefined;
  });
  await using run = new Run(url(camera));
  await run.sampled(1);
  const caller = lastCaller(camera);
  await camera.until(() => caller.replies.length === 2);
  expect(caller.replies).toMatchObject([{ status: 200 }, { status: 501 }]);
  expect(caller.replies.map((reply) => reply.headers.get('CSeq'))).toEqual(['77', '78']);
});

test('back channels, metadata and unknown codecs are left alone, and sound that cannot be set up is done without', async () => {
  const sdp = `v=0
m=audio 0 RTP/AVP 0
a=control:good
m=audio 0 RTP/AVP 8
a=control:broken
m=audio 0 RTP/AVP 8
a=control:talk
a=sendonly
m=application 0 RTP/AVP 107
a=rtpmap:107 vnd.onvif.metadata/90000
a=control:meta
m=audio 0 RTP/AVP 99
a=rtpmap:99 G726-16/8000
a=control:g726
`;
  await using camera = await scriptedCamera((request, caller) => {
    if (!request.uri.endsWith('/broken')) {
      return undefined;
    }
    caller.reply(request, 500);
    return true;
  }, sdp);
  await using run = new Run(url(camera));
  await run.sampled(5);
  const setups = lastCaller(camera).requests.filter((request) => request.method === 'SETUP');
  expect(setups.map((request) => request.uri.split('/').at(-1))).toEqual(['good', 'broken']);
  expect(run.tracks).toHaveLength(1);
});

test('a camera with nothing that can be taken says what it offers', async () => {
  const sdp = 'v=0\r\nm=video 0 RTP/AVP 26\r\na=control:1\r\nm=audio 0 RTP/AVP 9\r\n';
  await using camera = await scriptedCamera(plain, sdp);
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe("camera of path 'garden' offers JPEG, G722, none of which can be taken");
});

const PICTURE = { type: 96, ssrc: 9 };
const avSdp = writeSdp([tinyH264, { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8000, channels: 1 }], {
  name: 'camera',
  host: '127.0.0.1',
  sessionId: 1,
});

test('the stream opens at a key picture when every track has delivered', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'PLAY') {
      return undefined;
    }
    caller.reply(request, 200);
    const key = idrPicture(50).subarray(4);
    caller.send(
      rtpFrame(0, skipPicture(3).subarray(4), { ...PICTURE, sequence: 1, ticks: 0, marker: true }),
      rtpFrame(0, key, { ...PICTURE, sequence: 2, ticks: 3600, marker: true }),
      rtpFrame(0, skipPicture(1).subarray(4), { ...PICTURE, sequence: 3, ticks: 7200, marker: true }),
      ...soundPackets(0, 1, 2),
    );
    return true;
  }, avSdp);
  await using run = new Run(url(camera));
  await run.sampled(3);
  expect(run.tracks.map((track) => track.codec)).toEqual(['h264', 'g711']);
  const pictures = run.samples.filter(({ track }) => track === 0).map(({ sample }) => sample);
  expect(pictures.map((sample) => sample.key)).toEqual([true, false]);
  expect(pictures[0]?.data).toEqual(idrPicture(50));
  expect((pictures[1]?.pts ?? 0) - (pictures[0]?.pts ?? 0)).toBe(3600);
  expect(Math.min(...run.samples.map(({ sample }) => sample.dts))).toBe(0);
});

test('a damaged picture is counted and the rest of its group is left out', async () => {
  const key = (sequence: number, ticks: number) =>
    rtpFrame(0, idrPicture(50).subarray(4), { ...PICTURE, sequence, ticks, marker: true });
  const skip = (sequence: number, ticks: number, frame: number) =>
    rtpFrame(0, skipPicture(frame).subarray(4), { ...PICTURE, sequence, ticks, marker: true });
  await using camera = await scriptedCamera(
    (request, caller) => {
      if (request.method !== 'PLAY') {
        return undefined;
      }
      caller.reply(request, 200);
      caller.send(key(1, 0), skip(2, 3600, 1), skip(4, 7200, 2), skip(5, 10_800, 3), key(6, 14_400));
      return true;
    },
    writeSdp([tinyH264], { name: 'x', host: '127.0.0.1', sessionId: 1 }),
  );
  await using run = new Run(url(camera));
  await run.sampled(3);
  expect(run.samples.map(({ sample }) => sample.pts)).toEqual([0, 3600, 14_400]);
  expect(run.stream?.framesInError).toBeGreaterThan(0);
});

test('a track that stays silent for five seconds is left out', async () => {
  const clock = new FakeClock();
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'PLAY') {
      return undefined;
    }
    caller.reply(request, 200);
    caller.send(...soundPackets(0, 3, 2));
    // Asked when the sound has been read: replies and media come in their order.
    caller.send('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n');
    return true;
  }, avSdp);
  await using run = new Run(url(camera), { readTimeoutMs: 60_000 }, clock);
  await camera.until(() => camera.callers[0]?.replies.length === 1);
  await clock.advance(4_499);
  expect(run.tracks).toEqual([]);
  await clock.advance(501);
  await run.sampled(3);
  expect(run.tracks.map((track) => track.codec)).toEqual(['g711']);
});

test('signs of life go out at half the session timeout, without waiting for replies, and receiver reports beside them', async () => {
  const clock = new FakeClock();
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method === 'SETUP') {
      caller.reply(request, 200, [
        ['Session', '4711;timeout=6'],
        ['Transport', request.headers.get('Transport') ?? ''],
      ]);
      return true;
    }
    // Never answered.
    return request.method === 'GET_PARAMETER';
  });
  await using run = new Run(url(camera), { readTimeoutMs: 60_000 }, clock);
  await run.sampled(5);
  const caller = lastCaller(camera);
  for (const count of [1, 2, 3]) {
    await clock.advance(3_000);
    await camera.until(() => caller.methods.filter((method) => method === 'GET_PARAMETER').length === count);
  }
  expect(caller.requests.at(-1)?.headers.get('Session')).toBe('4711');
  await camera.until(() => caller.frames.length > 0);
  expect(caller.frames[0]).toMatch(/^1:81c90007/);
});

test('a camera that falls silent is given up after the read timeout, and told so', async () => {
  const clock = new FakeClock();
  await using camera = await scriptedCamera(plain);
  await using run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  await run.sampled(5);
  await clock.advance(10_000);
  expect(await run.failure()).toBe("camera of path 'garden' has sent no media for 10 s");
});

test('a camera that says nothing at all is given up after the read timeout', async () => {
  const clock = new FakeClock();
  await using camera = await scriptedCamera(() => true);
  await using run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  await camera.until(() => camera.callers[0]?.requests.length === 1);
  await clock.advance(10_000);
  expect(await run.failure()).toBe(
    `no answer at all from 127.0.0.1:${camera.port} within 10 s: is the camera of path 'garden' on?`,
  );
});

test('a camera that speaks another protocol is given up', async () => {
  await using camera = await scriptedCamera((_, caller) => {
    caller.send(new Uint8Array(2 << 20).fill(0xff));
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toMatch(/^camera of path 'garden' sends what is not RTSP: more than 1048576 bytes/);
});

test('stopping in the middle of the dialogue ends the run without an error', async () => {
  await using camera = await scriptedCamera((request) => request.method === 'DESCRIBE');
  const run = new Run(url(camera));
  await camera.until(() => camera.callers[0]?.methods.includes('DESCRIBE') ?? false);
  await run[Symbol.asyncDispose]();
  expect(await run.failure()).toBe('undefined');
});
