import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { expectPictures, PICTURE_SDP, pictureCamera } from '../../../test/support/cameras/picture-camera.ts';
import { Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import {
  type Script,
  type ScriptedCamera,
  scriptedCamera,
  soundPackets,
} from '../../../test/support/cameras/scripted-camera.ts';
import { soundFrom, udpCamera } from '../../../test/support/cameras/udp-camera.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';

const HOUR_MS = 3_600_000;

/** How the media were asked for, SETUP by SETUP. */
const asked = (camera: Pick<ScriptedCamera, 'callers'>): string[] =>
  camera.callers.flatMap(({ requests }) =>
    requests
      .filter(({ method }) => method === 'SETUP')
      .map(({ headers }) => headers.get('Transport')?.split(/;(?=interleaved|client_port)/)[0] ?? ''),
  );
const TCP = 'RTP/AVP/TCP;unicast';
const UDP = 'RTP/AVP;unicast';
const MULTICAST = 'RTP/AVP;multicast';

const isTcp = (transport: string | undefined) => transport?.startsWith(TCP) === true;
const transportOf = (request: { headers: { get(name: string): string | undefined } }) =>
  request.headers.get('Transport') ?? '';

/** Answers SETUP over TCP otherwise than the rest. */
const overTcp =
  (answer: (...args: Parameters<Script>) => void, rest: Script): Script =>
  (request, caller) => {
    if (request.method !== 'SETUP' || !isTcp(transportOf(request))) {
      return rest(request, caller);
    }
    answer(request, caller);
    return true;
  };

/** Runs until `until`, with a clock that goes on by half a second each time. */
async function ticking(clock: FakeClock, until: Promise<unknown>): Promise<void> {
  let isOver = false;
  until.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await clock.advance(500);
  }
}

test('TCP is asked for first', async () => {
  await using camera = await scriptedCamera(() => undefined);
  await using run = new Run(url(camera));
  await run.sampled(5);
  expect(asked(camera)).toEqual([TCP]);
  expect(run.source.statistics).toMatchObject({ transport: 'TCP', packets: 5 });
});

test.for([461, 400, 500])('a camera that refuses TCP with %d is asked for UDP, in the same session', async (status) => {
  await using udp = await udpCamera();
  const refuse: Script = (request, caller) => {
    caller.reply(request, status);
    return true;
  };
  await using camera = await scriptedCamera(overTcp(refuse, udp.script(soundFrom(0, 5))));
  await using run = new Run(url(camera));
  await run.sampled(5);
  expect(asked(camera)).toEqual([TCP, UDP]);
  expect(camera.callers).toHaveLength(1);
  expect(run.source.statistics.transport).toBe('UDP');
});

test('that TCP is refused where UDP then works is no warning, and nothing that the path asked for', async () => {
  const lines: string[] = [];
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 5)));
  await using run = new Run(url(camera), { log: createLogger('info', (line) => lines.push(line)) });
  await run.sampled(5);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ level: 30, transport: 'TCP', reason: 'camera refuses TCP (461)', next: 'UDP' }),
  ]);
});

test.for([
  [
    'answers with ports of UDP',
    (request, caller) =>
      caller.reply(request, 200, [['Transport', 'RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001']]),
  ],
  [
    'answers with a group',
    (request, caller) =>
      caller.reply(request, 200, [['Transport', 'RTP/AVP;multicast;destination=239.1.1.1;port=6000-6001']]),
  ],
] satisfies [string, (...args: Parameters<Script>) => void][])(
  'a camera that %s is asked for UDP, on a connection of its own',
  async ([, answer]) => {
    await using udp = await udpCamera();
    await using camera = await scriptedCamera(overTcp(answer, udp.script(soundFrom(0, 5))));
    await using run = new Run(url(camera));
    await run.sampled(5);
    expect(asked(camera)).toEqual([TCP, UDP]);
    expect(camera.callers).toHaveLength(2);
    expect(run.source.statistics.transport).toBe('UDP');
  },
);

test('a camera that cannot change its mind within a connection is asked for UDP on another', async () => {
  await using udp = await udpCamera();
  const overUdp = udp.script(soundFrom(0, 5));
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method === 'SETUP' && asked({ callers: [caller] }).length > 1) {
      caller.socket.destroy();
      return true;
    }
    return overUdp(request, caller);
  });
  await using run = new Run(url(camera));
  await run.sampled(5);
  expect(asked(camera)).toEqual([TCP, UDP, UDP]);
  expect(camera.callers).toHaveLength(2);
});

test.for([401, 403, 404, 453, 454, 503])('%d has nothing to do with the transport', async (status) => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'SETUP') {
      return undefined;
    }
    caller.reply(request, status);
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toContain(`(${status})`);
  expect(new Set(asked(camera))).toEqual(new Set([TCP]));
  expect(camera.callers).toHaveLength(1);
});

test('what a camera takes is remembered for its next connection, and TCP is asked for again after an hour', async () => {
  const clock = new FakeClock();
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script(soundFrom(0, 5)));
  const run = async (source?: Run['source']): Promise<Run['source']> => {
    await using once = new Run(url(camera), { readTimeoutMs: 2 * HOUR_MS, ...(source ? { source } : {}) }, clock);
    await once.sampled(5);
    await clock.advance(500);
    return once.source;
  };
  const source = await run();
  await run(source);
  expect(asked(camera)).toEqual([TCP, UDP, UDP]);
  expect(source.statistics).toMatchObject({ transport: undefined, packets: 10 });
  await clock.advance(HOUR_MS);
  await run(source);
  expect(asked(camera)).toEqual([TCP, UDP, UDP, TCP, UDP]);
});

test('remembered UDP that brings nothing for three seconds goes back to TCP, and a line says so', async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  await using udp = await udpCamera();
  let hasChanged = false;
  const before = udp.script(soundFrom(0, 5));
  await using camera = await scriptedCamera((request, caller) => {
    const isUdp = asked({ callers: [caller] })[0] === UDP;
    if (!hasChanged || (isUdp && request.method === 'SETUP')) {
      return before(request, caller);
    }
    if (!isUdp || request.method !== 'PLAY') {
      return undefined;
    }
    // Now UDP is set up and played, but nothing comes.
    caller.reply(request, 200);
    return true;
  });
  let source: Run['source'];
  {
    await using first = new Run(url(camera), { readTimeoutMs: 60_000, log }, clock);
    await first.sampled(5);
    await clock.advance(500);
    source = first.source;
  }
  hasChanged = true;
  await using run = new Run(url(camera), { source }, clock);
  await ticking(clock, run.sampled(5));
  expect(asked(camera)).toEqual([TCP, UDP, UDP, TCP]);
  expect(lines.at(-1)).toContain('has sent nothing by UDP for 3 s');
  expect(lines.at(-1)).toContain('"next":"TCP"');
  expect(run.source.statistics).toMatchObject({ transport: 'TCP', packets: 10 });
});

test('a camera that refuses TCP has the whole read timeout to begin over UDP', async () => {
  const clock = new FakeClock();
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script([]));
  await using run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  await camera.until(() => camera.callers[0]?.methods.includes('PLAY') === true);
  for (let elapsedMs = 0; elapsedMs < 8_000; elapsedMs += 500) {
    await clock.advance(500);
  }
  udp.send(...soundFrom(0, 5));
  await run.sampled(5);
});

test('when no way is left, the reason of each is told', async () => {
  const clock = new FakeClock();
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script([]));
  await using run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  await ticking(clock, run.failure());
  expect(await run.failure()).toBe(
    "camera of path 'garden' sends in no way (" +
      'TCP: camera refuses TCP (461); ' +
      "UDP: camera of path 'garden' has sent nothing by UDP for 10 s; " +
      'UDP-multicast: camera refuses UDP-multicast (461))',
  );
  expect(asked(camera)).toEqual([TCP, UDP, MULTICAST]);
});

test('a camera that takes no way any more is asked for all of them anew, and the log is told once', async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  await using udp = await udpCamera();
  const before = udp.script(soundFrom(0, 5));
  let hasChanged = false;
  await using camera = await scriptedCamera((request, caller) => {
    if (!hasChanged || request.method !== 'SETUP') {
      return before(request, caller);
    }
    caller.reply(request, 461);
    return true;
  });
  let source: Run['source'];
  {
    await using first = new Run(url(camera), { readTimeoutMs: 60_000, log }, clock);
    await first.sampled(5);
    await clock.advance(500);
    source = first.source;
  }
  hasChanged = true;
  for (const _ of [2, 3, 4]) {
    await using run = new Run(url(camera), { source }, clock);
    expect(await run.failure()).toContain('sends in no way');
  }
  const all = [TCP, UDP, MULTICAST];
  expect(asked(camera)).toEqual([TCP, UDP, UDP, TCP, MULTICAST, ...all, ...all]);
  expect(new Set(lines).size).toBe(lines.length);
  const changes = lines.map((line) => /"transport":"(.*?)".*"next":"(.*?)"/.exec(line)?.slice(1).join(' '));
  expect(changes).toEqual(['TCP UDP', 'UDP TCP', 'TCP UDP-multicast', 'UDP UDP-multicast']);
});

test.for([
  ['tcp', TCP, "camera refuses TCP (461), which path 'garden' asks for"],
  ['udp', UDP, "camera refuses UDP (461), which path 'garden' asks for"],
  ['multicast', MULTICAST, "camera refuses UDP-multicast (461), which path 'garden' asks for"],
] as const)('a path that wants %s asks for nothing else', async ([rtspTransport, transport, reason]) => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'SETUP') {
      return undefined;
    }
    caller.reply(request, 461);
    return true;
  });
  await using run = new Run(url(camera), { rtspTransport });
  expect(await run.failure()).toBe(reason);
  expect(asked(camera)).toEqual([transport]);
});

test('a path that wants TCP does not take UDP', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'SETUP') {
      return undefined;
    }
    caller.reply(request, 200, [['Transport', 'RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001']]);
    return true;
  });
  await using run = new Run(url(camera), { rtspTransport: 'tcp' });
  expect(await run.failure()).toBe("camera wants to send over UDP, path 'garden' asks for TCP");
});

test('sound that is refused whatever the transport does not keep the picture away', async () => {
  await using camera = await pictureCamera((request, caller) => {
    if (request.method === 'DESCRIBE') {
      const sound = 'm=audio 0 RTP/AVP 0\r\na=control:sound\r\n';
      caller.reply(
        request,
        200,
        [],
        PICTURE_SDP.replace('m=video', () => `${sound}m=video`),
      );
      return true;
    }
    if (request.method !== 'SETUP' || !request.uri.endsWith('sound')) {
      return undefined;
    }
    caller.reply(request, 500);
    return true;
  });
  await using run = new Run(url(camera));
  await expectPictures(run);
  expect(asked(camera)).toEqual([TCP, TCP]);
});

test('sound that cannot come as the picture does is done without', async () => {
  const sdp = 'v=0\r\nm=audio 0 RTP/AVP 0\r\na=control:track1\r\nm=audio 0 RTP/AVP 8\r\na=control:track2\r\n';
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'SETUP' || request.uri.endsWith('track1')) {
      return undefined;
    }
    caller.reply(request, 461);
    return true;
  }, sdp);
  await using run = new Run(url(camera));
  await run.sampled(5);
  expect(asked(camera)).toEqual([TCP, TCP]);
  expect(run.tracks).toHaveLength(1);
});

test.for([
  ['npt', '1h0m10.5s', 'npt=3610.5-'],
  ['clock', '20261120T073000Z', 'clock=20261120T073000Z-'],
  ['smpte', '1h2m3s', 'smpte=01:02:03-'],
] as const)('PLAY asks for the range that the path names: %s', async ([rtspRangeType, rtspRangeStart, range]) => {
  await using camera = await scriptedCamera(() => undefined);
  await using run = new Run(url(camera), { rtspRangeType, rtspRangeStart, rtspScale: '2.0' });
  await run.sampled(1);
  const play = camera.callers[0]?.requests.find(({ method }) => method === 'PLAY');
  expect(play?.headers.get('Range')).toBe(range);
  expect(play?.headers.get('Scale')).toBe('2.0');
});

test('PLAY asks for what is live when the path names no range', async () => {
  await using camera = await scriptedCamera(() => undefined);
  await using run = new Run(url(camera));
  await run.sampled(1);
  const play = camera.callers[0]?.requests.find(({ method }) => method === 'PLAY');
  expect(play?.headers.get('Range')).toBe('npt=0.000-');
  expect(play?.headers.get('Scale')).toBeUndefined();
});

test('a look tells whether somebody answers at the port, without a word', async () => {
  const camera = await scriptedCamera(() => undefined);
  await using run = new Run(url(camera));
  await run.sampled(1);
  const { signal } = new AbortController();
  expect(await run.source.answers(signal)).toBe(true);
  await camera.until(() => camera.callers[1]?.socket.closed === true);
  expect(camera.callers[1]?.requests).toEqual([]);
  await camera[Symbol.asyncDispose]();
  expect(await run.source.answers(signal)).toBe(false);
});

test('a look is for whoever did not answer, also where the camera has sent us on to him', async () => {
  const other = await scriptedCamera(() => undefined);
  await other[Symbol.asyncDispose]();
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.reply(request, 302, [['Location', url(other)]]);
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.cause()).toMatchObject({ context: { isUnreachable: true } });
  expect(await run.source.answers(new AbortController().signal)).toBe(false);
});

test('a look ends when it is stopped', async () => {
  const stop = new AbortController();
  stop.abort();
  await using run = new Run('rtsp://127.0.0.1:9/live', {}, systemClock);
  expect(await run.source.answers(stop.signal)).toBe(false);
});

test('a refused connection says that nobody answers there, so that one may look for who comes back', async () => {
  const camera = await scriptedCamera(() => undefined);
  await camera[Symbol.asyncDispose]();
  await using run = new Run(url(camera));
  expect(await run.cause()).toMatchObject({ context: { isUnreachable: true } });
});

test('a camera that closes the connection has answered', async () => {
  await using camera = await scriptedCamera((_, caller) => {
    caller.socket.end();
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.cause()).not.toMatchObject({ context: { isUnreachable: true } });
});

test('packets of sound over TCP are counted', async () => {
  const [first, , third] = soundPackets(0, 3);
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'PLAY' || !first || !third) {
      return undefined;
    }
    caller.reply(request, 200);
    caller.send(first, third, third);
    return true;
  });
  await using run = new Run(url(camera));
  await run.sampled(2);
  expect(run.source.statistics).toMatchObject({ transport: 'TCP', lost: 1 });
});
