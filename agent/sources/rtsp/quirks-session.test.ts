import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import {
  expectPictures,
  framesOf,
  PICTURE_SDP,
  PICTURES,
  packetsOf,
  pictureCamera,
} from '../../../test/support/cameras/picture-camera.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import {
  type Caller,
  type Script,
  scriptedCamera,
  soundPackets,
} from '../../../test/support/cameras/scripted-camera.ts';
import { silentLogger } from '../../base/log.ts';
import type { HeaderField, RtspRequest } from '../../media/rtsp/message.ts';
import { Stream } from '../../stream/stream.ts';
import { RtspSource } from './client.ts';

const SOUND = 'm=audio 0 RTP/AVP 0\r\na=control:track2\r\n';
/** Longer than the fake time of any test. */
const PATIENT = { readTimeoutMs: 24 * 3_600_000 };

const at =
  (method: string, act: (request: RtspRequest, caller: Caller) => void): Script =>
  (request, caller) => {
    if (request.method !== method) {
      return undefined;
    }
    act(request, caller);
    return true;
  };
const session = (value: string): Script =>
  at('SETUP', (request, caller) =>
    caller.reply(request, 200, [
      ['Session', value],
      ['Transport', request.headers.get('Transport') ?? ''],
    ]),
  );
const signsOfLife = (caller: Caller) =>
  caller.requests
    .slice(caller.methods.indexOf('PLAY') + 1)
    .filter(({ method }) => /OPTIONS|GET_PARAMETER/.test(method));

test('a Session id that changes with each SETUP: the last one counts', async () => {
  let count = 0;
  const script: Script = at('SETUP', (request, caller) => {
    count += 1;
    const transport: HeaderField = ['Transport', request.headers.get('Transport') ?? ''];
    caller.reply(request, 200, [['Session', `session-${count}`], transport]);
  });
  const frames = [...framesOf(packetsOf()), ...soundPackets(0, 2, 2)];
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'PLAY') {
      return script(request, caller);
    }
    caller.reply(request, 200);
    caller.send(...frames);
    return true;
  }, PICTURE_SDP + SOUND);
  await using run = new Run(url(camera));
  await run.sampled(6);
  const ids = lastCaller(camera).requests.map(({ method, headers }) => `${method} ${headers.get('Session') ?? ''}`);
  expect(ids.slice(2)).toEqual(['SETUP ', 'SETUP session-1', 'PLAY session-2']);
});

test.for<[header: string, id: string, everyMs: number]>([
  ['4711;timeout=20', '4711', 10_000],
  ['4711 ; Timeout = 20', '4711', 10_000],
  ['4711;timeout=20;x=y', '4711', 10_000],
  ['4711;timeout=5', '4711', 2_500],
  ['4711;timeout=1', '4711', 1_000],
  ['4711;timeout=0', '4711', 1_000],
  ['4711', '4711', 30_000],
  ['4711;timeout=soon', '4711', 30_000],
  ['4711;timeout=3600', '4711', 30_000],
])('Session: %s has keep-alives sent in %s every %d ms', async ([header, id, everyMs]) => {
  const clock = new FakeClock();
  await using camera = await scriptedCamera(session(header));
  await using run = new Run(url(camera), PATIENT, clock);
  await run.sampled(5);
  const caller = lastCaller(camera);
  await clock.advance(everyMs - 500);
  await clock.advance(500);
  await camera.until(() => signsOfLife(caller).length === 1);
  await clock.advance(everyMs);
  await camera.until(() => signsOfLife(caller).length === 2);
  expect(new Set(signsOfLife(caller).map(({ headers }) => headers.get('Session')))).toEqual(new Set([id]));
});

test('keep-alives continue without replies', async () => {
  const clock = new FakeClock();
  await using camera = await scriptedCamera((request) => request.method === 'GET_PARAMETER');
  await using run = new Run(url(camera), { readTimeoutMs: 600_000 }, clock);
  await run.sampled(5);
  const caller = lastCaller(camera);
  for (const count of [1, 2, 3, 4]) {
    await clock.advance(30_000);
    await camera.until(() => signsOfLife(caller).length === count);
  }
});

test('keep-alives use the base URL, not the control URL of the session', async () => {
  const clock = new FakeClock();
  const sdp = 'v=0\r\na=control:aggregate\r\nm=audio 0 RTP/AVP 0\r\na=control:track1\r\n';
  await using camera = await scriptedCamera(
    at('DESCRIBE', (request, caller) => caller.reply(request, 200, [['Content-Base', url(camera, '/base/')]], sdp)),
  );
  await using run = new Run(url(camera), PATIENT, clock);
  await run.sampled(5);
  const caller = lastCaller(camera);
  await clock.advance(30_000);
  await camera.until(() => signsOfLife(caller).length === 1);
  const uris = caller.requests.slice(-2).map(({ method, uri }) => `${method} ${new URL(uri).pathname}`);
  expect(uris).toEqual(['PLAY /base/aggregate', 'GET_PARAMETER /base/']);
});

test.for([405, 451, 454, 501])(
  'a keep-alive rejected with %d ends nothing, and the next is OPTIONS',
  async (status) => {
    const clock = new FakeClock();
    await using camera = await scriptedCamera(
      at('GET_PARAMETER', (request, caller) => {
        caller.reply(request, status);
        caller.send(...soundPackets(5, 1));
      }),
    );
    await using run = new Run(url(camera), PATIENT, clock);
    await run.sampled(5);
    const caller = lastCaller(camera);
    await clock.advance(30_000);
    // The packet follows the reply, so the reply has arrived.
    await run.sampled(6);
    await clock.advance(30_000);
    await camera.until(() => signsOfLife(caller).length === 2);
    expect(signsOfLife(caller).map(({ method }) => method)).toEqual(['GET_PARAMETER', 'OPTIONS']);
  },
);

test('a camera that does not announce GET_PARAMETER gets OPTIONS', async () => {
  const clock = new FakeClock();
  await using camera = await scriptedCamera(at('OPTIONS', (request, caller) => caller.reply(request, 200)));
  await using run = new Run(url(camera), PATIENT, clock);
  await run.sampled(5);
  const caller = lastCaller(camera);
  await clock.advance(30_000);
  await camera.until(() => signsOfLife(caller).length === 1);
  expect(caller.methods.at(-1)).toBe('OPTIONS');
});

test('after a camera ended a session, the next one has a keep-alive every five seconds', async () => {
  const clock = new FakeClock();
  await using camera = await scriptedCamera(session('4711;timeout=60'));
  const source = new RtspSource({ name: 'garden', url: url(camera), ...PATIENT }, clock, silentLogger);
  const stop = new AbortController();
  const start = () => {
    let isOpen = () => {};
    const opened = new Promise<void>((resolve) => {
      isOpen = resolve;
    });
    const open = (tracks: ConstructorParameters<typeof Stream>[0]) => {
      isOpen();
      return new Stream(tracks);
    };
    return { opened, over: source.run({ publish: open }, stop.signal).catch((error: unknown) => error) };
  };
  const first = start();
  await first.opened;
  await clock.advance(6_000);
  expect(signsOfLife(lastCaller(camera))).toEqual([]);
  lastCaller(camera).socket.destroy();
  expect(await first.over).toMatchObject({ message: expect.stringContaining("connection of path 'garden'") });

  const second = start();
  await second.opened;
  for (const count of [1, 2, 3]) {
    await clock.advance(5_000);
    await camera.until(() => signsOfLife(lastCaller(camera)).length === count);
  }
  stop.abort();
  await second.over;
});

test('TEARDOWN is sent before the connection closes (live555 keeps sending to closed connections)', async () => {
  await using camera = await pictureCamera();
  const run = new Run(url(camera));
  await expectPictures(run);
  const { socket, requests } = lastCaller(camera);
  const atEnd: (string | undefined)[] = [];
  socket.on('end', () => atEnd.push(requests.at(-1)?.method));
  socket.on('close', () => atEnd.push(requests.at(-1)?.method));
  await run[Symbol.asyncDispose]();
  await camera.until(() => atEnd.length > 0);
  expect(atEnd[0]).toBe('TEARDOWN');
  expect(requests.at(-1)?.headers.get('Session')).toBe('4711');
});

test('every connection sends DESCRIBE, because cameras forget their tracks (Hikvision)', async () => {
  const described = new Set<Caller>();
  await using camera = await pictureCamera((request, caller) => {
    if (request.method === 'DESCRIBE') {
      described.add(caller);
    }
    if (request.method !== 'SETUP' || described.has(caller)) {
      return undefined;
    }
    caller.reply(request, 455);
    return true;
  });
  for (const _ of [1, 2]) {
    await using run = new Run(url(camera));
    await expectPictures(run);
  }
  expect(camera.callers).toHaveLength(2);
});

test('audio without a packet is left out after five seconds', async () => {
  const clock = new FakeClock();
  const frames = [...framesOf(packetsOf()), 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n'];
  await using camera = await pictureCamera(undefined, { sdp: PICTURE_SDP + SOUND, frames });
  await using run = new Run(url(camera), { readTimeoutMs: 20_000 }, clock);
  // The request that follows the pictures is answered, so they have arrived.
  await camera.until(() => camera.callers[0]?.replies.length === 1);
  await clock.advance(4_500);
  expect(run.tracks).toEqual([]);
  await clock.advance(500);
  await expectPictures(run);
  expect(run.tracks).toMatchObject([{ codec: 'h264' }]);
});

test('video that stops while audio continues ends the session', async () => {
  const clock = new FakeClock();
  const frames = [...framesOf(packetsOf()), ...soundPackets(0, 2, 2)];
  await using camera = await pictureCamera(undefined, { sdp: PICTURE_SDP + SOUND, frames });
  await using run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  await run.sampled(6);
  for (let i = 0; i < 3; i += 1) {
    await clock.advance(4_000);
    lastCaller(camera).send(...soundPackets(2 + 200 * i, 1, 2));
  }
  expect(await run.failure()).toBe("camera of path 'garden' has sent no video for 10 s, only audio");
});

test('video and audio that stop together are reported as silence, even if the audio stops slightly later', async () => {
  const clock = new FakeClock();
  const frames = [...framesOf(packetsOf()), ...soundPackets(0, 2, 2)];
  await using camera = await pictureCamera(undefined, { sdp: PICTURE_SDP + SOUND, frames });
  await using run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  await run.sampled(6);
  await clock.advance(400);
  lastCaller(camera).send(...soundPackets(2, 1, 2));
  await run.sampled(7);
  await clock.advance(11_000);
  expect(await run.failure()).toBe("camera of path 'garden' has sent no media for 10 s");
});

test('an RTCP BYE on every track ends the session with its reason', async () => {
  const clock = new FakeClock();
  const bye = Uint8Array.of(0x24, 1, 0, 8, 0x81, 203, 0, 1, 0, 0, 0, 1);
  await using camera = await pictureCamera(undefined, { frames: [...framesOf(packetsOf()), bye] });
  await using run = new Run(url(camera), {}, clock);
  await expectPictures(run);
  await camera.until(() => run.samples.length === PICTURES.length);
  await clock.advance(1_000);
  expect(await run.failure()).toBe("camera of path 'garden' ended the stream");
});

test('an RTCP BYE of another SSRC ends nothing', async () => {
  const clock = new FakeClock();
  const bye = Uint8Array.of(0x24, 1, 0, 8, 0x81, 203, 0, 1, 0xde, 0xad, 0xbe, 0xef);
  const next = framesOf(packetsOf(PICTURES, 4).map((packet, i) => ({ ...packet, sequence: packetsOf().length + i })));
  // The request that follows BYE is answered, so BYE has arrived.
  const frames = [...framesOf(packetsOf()), bye, 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n'];
  await using camera = await pictureCamera(undefined, { frames });
  await using run = new Run(url(camera), {}, clock);
  await camera.until(() => camera.callers[0]?.replies.length === 1);
  await clock.advance(1_000);
  lastCaller(camera).send(...next);
  await expectPictures(run, [...PICTURES, ...PICTURES]);
});

const TALK = 'm=audio 0 RTP/AVP 8\r\na=control:talk\r\na=sendonly\r\n';

test('a back channel is not requested without a talk', async () => {
  await using camera = await pictureCamera(undefined, { sdp: PICTURE_SDP + TALK });
  await using run = new Run(url(camera));
  await expectPictures(run);
  const { requests } = lastCaller(camera);
  expect(requests.filter(({ uri, headers }) => uri.endsWith('/talk') || headers.get('Require'))).toEqual([]);
});
