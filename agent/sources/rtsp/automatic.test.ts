// @also without-ffi in long

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
import { createLogger } from '../../base/log.ts';

const HOUR_MS = 3_600_000;

/** The requested transports, one for each SETUP. */
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

/** Answers only SETUP over TCP by `answer`. */
const overTcp =
  (answer: (...args: Parameters<Script>) => void, rest: Script): Script =>
  (request, caller) => {
    if (request.method !== 'SETUP' || !isTcp(transportOf(request))) {
      return rest(request, caller);
    }
    answer(request, caller);
    return true;
  };

/** Runs until `until`; the clock advances by half a second each time. */
async function ticking(clock: FakeClock, until: Promise<unknown>): Promise<void> {
  let isOver = false;
  until.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await clock.advance(500);
  }
}

test('TCP is requested first', async () => {
  await using camera = await scriptedCamera(() => undefined);
  await using run = new Run(url(camera));
  await run.sampled(5);
  expect(asked(camera)).toEqual([TCP]);
  expect(run.source.statistics).toMatchObject({ transport: 'TCP', packets: 5 });
});

test.for([461, 400, 500])('after TCP is rejected with %d, UDP is requested in the same session', async (status) => {
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

test('a rejected TCP is not logged as a warning when UDP works', async () => {
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
  'UDP is requested on a new connection from a camera that %s',
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

test('a camera that cannot change the transport within a connection gets another connection for UDP', async () => {
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

test.for([401, 403, 404, 453, 454, 503])('status %d does not change the transport', async (status) => {
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

test('the transport that works is tried first on the next connection, for an hour', async () => {
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

test('remembered UDP without packets for three seconds changes to TCP and is logged', async () => {
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
    // Now UDP is set up and played, but no packet arrives.
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
  expect(lines.at(-1)).toContain('has sent nothing over UDP for 3 s');
  expect(lines.at(-1)).toContain('"next":"TCP"');
  expect(run.source.statistics).toMatchObject({ transport: 'TCP', packets: 10 });
});

test('after TCP is rejected, UDP has the whole read timeout to begin', async () => {
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

test('when no transport is left, the error has the reason of each', async () => {
  const clock = new FakeClock();
  await using udp = await udpCamera();
  await using camera = await scriptedCamera(udp.script([]));
  await using run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  await ticking(clock, run.failure());
  expect(await run.failure()).toBe(
    "camera of path 'garden' accepts no transport (" +
      'TCP: camera refuses TCP (461); ' +
      "UDP: camera of path 'garden' has sent nothing over UDP for 10 s; " +
      'UDP-multicast: camera refuses UDP-multicast (461))',
  );
  expect(asked(camera)).toEqual([TCP, UDP, MULTICAST]);
});

test('a camera that rejects all transports gets requests for all of them again, and the change is logged once', async () => {
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
    expect(await run.failure()).toContain('accepts no transport');
  }
  const all = [TCP, UDP, MULTICAST];
  expect(asked(camera)).toEqual([TCP, UDP, UDP, TCP, MULTICAST, ...all, ...all]);
  expect(new Set(lines).size).toBe(lines.length);
  const changes = lines.map((line) => /"transport":"(.*?)".*"next":"(.*?)"/.exec(line)?.slice(1).join(' '));
  expect(changes).toEqual(['TCP UDP', 'UDP TCP', 'TCP UDP-multicast', 'UDP UDP-multicast']);
});

test.for([
  ['tcp', TCP, "camera refuses TCP (461), which path 'garden' requires"],
  ['udp', UDP, "camera refuses UDP (461), which path 'garden' requires"],
  ['multicast', MULTICAST, "camera refuses UDP-multicast (461), which path 'garden' requires"],
] as const)('a path with rtspTransport %s requests nothing else', async ([rtspTransport, transport, reason]) => {
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

test('a path with rtspTransport tcp rejects UDP', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'SETUP') {
      return undefined;
    }
    caller.reply(request, 200, [['Transport', 'RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001']]);
    return true;
  });
  await using run = new Run(url(camera), { rtspTransport: 'tcp' });
  expect(await run.failure()).toBe("camera wants to send over UDP, path 'garden' requires TCP");
});

test('video plays when audio is rejected over every transport', async () => {
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

test('audio that cannot use the transport of the video is left out', async () => {
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
] as const)('PLAY requests the configured range: %s', async ([rtspRangeType, rtspRangeStart, range]) => {
  await using camera = await scriptedCamera(() => undefined);
  await using run = new Run(url(camera), { rtspRangeType, rtspRangeStart, rtspScale: '2.0' });
  await run.sampled(1);
  const play = camera.callers[0]?.requests.find(({ method }) => method === 'PLAY');
  expect(play?.headers.get('Range')).toBe(range);
  expect(play?.headers.get('Scale')).toBe('2.0');
});

test('PLAY requests live media when no range is configured', async () => {
  await using camera = await scriptedCamera(() => undefined);
  await using run = new Run(url(camera));
  await run.sampled(1);
  const play = camera.callers[0]?.requests.find(({ method }) => method === 'PLAY');
  expect(play?.headers.get('Range')).toBe('npt=0.000-');
  expect(play?.headers.get('Scale')).toBeUndefined();
});

test('audio packets over TCP are counted', async () => {
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
