import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { lastCaller } from '../../../../test/support/cameras/rtsp-run.ts';
import { type Script, scriptedCamera } from '../../../../test/support/cameras/scripted-camera.ts';
import {
  heard,
  loudspeakerAt,
  PLAIN_SDP,
  REQUIRE,
  refusing,
  talkative,
} from '../../../../test/support/cameras/talkative-camera.ts';
import { rtpFormat } from '../../../../test/support/media/units.ts';
import { systemClock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import { AacDecoder } from '../../../media/aac/decode/decoder.ts';
import { createDepacketizer } from '../../../media/codecs.ts';
import { MU_LAW } from '../../../media/g711/decode.ts';
import type { Track } from '../../../media/sample/track.ts';

/** A period of a tone of 1 kHz, and its level. */
const MU_LAW_TONE = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => nearestMuLaw(12_000 * Math.sin((Math.PI * i) / 4)));
const TONE_RMS = 12_000 / 32_768 / Math.SQRT2;
function nearestMuLaw(value: number): number {
  const distances = [...MU_LAW].map((code) => Math.abs(code - value));
  return distances.indexOf(Math.min(...distances));
}
const fmtpOf = (text: string): Record<string, string> =>
  Object.fromEntries(text.split('; ').map((word) => word.split('=') as [string, string]));
const never = new AbortController().signal;
const deaf = () => {};
const reasonOf = (failing: Promise<unknown>): Promise<string> => failing.then(() => 'nothing failed', explain);

test('a check requests the description once and sets nothing up', async () => {
  await using camera = await scriptedCamera(talkative);
  const loudspeaker = loudspeakerAt(camera);
  expect(loudspeaker.state).toBe('unknown');
  await Promise.all([loudspeaker.check(never), loudspeaker.check(never)]);
  await loudspeaker.check(never);
  expect(loudspeaker.state).toBe('yes');
  expect(camera.callers.map(({ methods }) => methods)).toEqual([['OPTIONS', 'DESCRIBE']]);
  expect(lastCaller(camera).requests[1]?.headers.get('Require')).toBe(REQUIRE);
});

test('a talk sets up and plays only the back channel', async () => {
  await using camera = await scriptedCamera(talkative);
  const channel = await loudspeakerAt(camera).open(deaf, never);
  const { requests } = lastCaller(camera);
  const said = requests.map(({ method, uri, headers }) => [method, uri.split('/').at(-1), headers.get('Require')]);
  expect(said).toEqual([
    ['OPTIONS', 'live', undefined],
    ['DESCRIBE', 'live', REQUIRE],
    ['SETUP', 'talk', REQUIRE],
    ['PLAY', 'live', REQUIRE],
  ]);
  expect(requests[2]?.headers.get('Transport')).toBe('RTP/AVP/TCP;unicast;interleaved=0-1');
  channel.close();
  await camera.until(() => lastCaller(camera).methods.includes('TEARDOWN'));
});

test('audio arrives as G.711 with continuous time and a marker on the first packet', async () => {
  await using camera = await scriptedCamera(talkative);
  const channel = await loudspeakerAt(camera).open(deaf, never);
  expect(channel).toMatchObject({ codec: 'PCMA', clockRate: 8000, channels: 1 });
  channel.send(Buffer.from('a'.repeat(160)), 1_000);
  channel.send(Buffer.from('b'.repeat(160)), 1_160);
  channel.send(Buffer.from('c'.repeat(1_000)), 1_320);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller).length === 4);
  const packets = heard(caller);
  expect(packets.map(({ payload }) => `${payload[0]}${payload.length}`)).toEqual(['a160', 'b160', 'c960', 'c40']);
  // Payload type 8, marker on the first.
  expect(packets.map(({ first }) => first)).toEqual(['8088', '8008', '8008', '8008']);
  const [{ sequence = 0, ticks = 0 } = {}] = packets;
  expect(packets.map((packet) => (packet.sequence - sequence) & 0xffff)).toEqual([0, 1, 2, 3]);
  expect(packets.map((packet) => (packet.ticks - ticks) >>> 0)).toEqual([0, 160, 320, 1_280]);
  channel.close();
});

test('one speaker talks at a time; the next connects after the TEARDOWN of the first', async () => {
  await using camera = await scriptedCamera(talkative);
  const loudspeaker = loudspeakerAt(camera);
  const first = await loudspeaker.open(deaf, never);
  expect(await reasonOf(loudspeaker.open(deaf, never))).toBe(
    "another speaker is talking through the camera of path 'garden'",
  );
  first.close();
  await camera.until(() => camera.callers[0]?.methods.includes('TEARDOWN') ?? false);
  const second = await loudspeaker.open(deaf, never);
  first.close();
  first.send(Buffer.from('x'), 0);
  second.send(Buffer.from('y'), 0);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller).length > 0);
  expect(camera.callers.map((each) => heard(each).map(({ payload }) => payload))).toEqual([[], ['y']]);
  second.close();
});

test.for([551, 400, 454, 500])('a camera that answers the check with %i has no back channel', async (status) => {
  await using camera = await scriptedCamera(refusing('DESCRIBE', status));
  const loudspeaker = loudspeakerAt(camera);
  expect(await reasonOf(loudspeaker.check(never))).toBe("camera of path 'garden' has no back channel");
  expect(loudspeaker.state).toBe('no');
});

/** A camera whose back channel takes one format, and the state and frames of a talk. */
const describing = (formats: string): readonly [Script, string] => [
  (request, caller) => request.method !== 'DESCRIBE' && talkative(request, caller),
  `${PLAIN_SDP}m=audio 0 RTP/AVP 97\na=rtpmap:97 ${formats}\na=sendonly\na=control:talk\n`,
];
const HBR = 'mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3';

test.for([
  ['two channels', `MPEG4-GENERIC/16000/2\na=fmtp:97 ${HBR}; config=1410`],
  ['HE-AAC', `MPEG4-GENERIC/16000\na=fmtp:97 ${HBR}; config=2c0a8800`],
  ['other AU headers', 'MPEG4-GENERIC/16000\na=fmtp:97 mode=AAC-lbr; sizelength=6; config=1408'],
  ['a configuration that is none', `MPEG4-GENERIC/16000\na=fmtp:97 ${HBR}; config=ffff`],
  ['its configuration in the stream', 'MP4A-LATM/16000\na=fmtp:97 cpresent=1'],
] as const)('a back channel for AAC with %s only is not supported, and the reason names it', async ([, format]) => {
  const [script, sdp] = describing(format);
  await using camera = await scriptedCamera(script, sdp);
  const loudspeaker = loudspeakerAt(camera);
  const name = format.split('/')[0];
  expect(await reasonOf(loudspeaker.open(deaf, never))).toBe(
    `camera of path 'garden' has no back channel with G.711, G.726, AAC-LC or L16 of one channel, only with ${name}`,
  );
  expect(loudspeaker.state).toBe('no');
});

test.for([
  ['MPEG4-GENERIC/16000', `${HBR}; config=1408`, 16_000, 16_000],
  ['MPEG4-GENERIC/8000', `${HBR}; config=1588`, 8_000, 8_000],
  ['MPEG4-GENERIC/90000', `${HBR}; config=1208`, 44_100, 90_000],
  ['MP4A-LATM/16000', 'cpresent=0; config=400028103fc0', 16_000, 16_000],
] as const)(
  'as %s with %s the camera gets the speaker in frames of 1,024 samples',
  async ([name, fmtp, rateHz, clockHz]) => {
    const [script, sdp] = describing(`${name}\na=fmtp:97 ${fmtp}`);
    await using camera = await scriptedCamera(script, sdp);
    const channel = await loudspeakerAt(camera).open(deaf, never);
    expect(channel).toMatchObject({ codec: 'PCMU', clockRate: 8000, channels: 1 });
    const tone = Uint8Array.from({ length: 8_000 }, (_, i) => MU_LAW_TONE[i % 8] as number);
    for (let at = 0; at < tone.length; at += 160) {
      // One packet of 20 ms is lost: its time is silence.
      if (at !== 1_600) {
        channel.send(tone.subarray(at, at + 160), 1_000 + at);
      }
    }
    const caller = lastCaller(camera);
    // The resampler needs 16 samples more.
    const count = Math.floor((rateHz * (8_000 - 16)) / 8_000 / 1_024);
    await camera.until(() => heard(caller).length >= count);
    const packets = heard(caller);
    const step = (1_024 * clockHz) / rateHz;
    const { ticks: start = 0 } = packets[0] ?? {};
    expect(packets.map(({ ticks }) => (ticks - start) >>> 0)).toEqual(packets.map((_, i) => Math.round(i * step)));
    expect(packets.every(({ first }) => first === '80e1')).toBe(true);

    const tracks: Track[] = [];
    const decoded: number[] = [];
    const depacketizer = createDepacketizer(rtpFormat(name.split('/')[0] ?? '', clockHz, 1, fmtpOf(fmtp)), {
      onTrack: (track) => tracks.push(track),
      onDamage: (reason) => expect.fail(reason),
      onUnit: (_pts, _dts, _key, data) => {
        const out = new Float32Array(1_024);
        decoder().decode(data, out);
        decoded.push(...out);
      },
    });
    let own: AacDecoder | undefined;
    const decoder = () => {
      const [track] = tracks;
      own ??= new AacDecoder(track?.codec === 'aac' ? track.config : new Uint8Array(0));
      return own;
    };
    for (const { payload, ticks } of packets) {
      const bytes = Buffer.from(payload, 'latin1');
      depacketizer?.push(bytes, 0, bytes.length, ticks, true, false);
    }
    const rms = (part: readonly number[]) =>
      Math.sqrt(part.reduce((sum, value) => sum + value * value, 0) / part.length);
    // The encoder is one frame late.
    const at = (seconds: number) => Math.round(seconds * rateHz) + 1_024;
    expect(rms(decoded.slice(at(0.3), at(0.7)))).toBeCloseTo(TONE_RMS, 2);
    expect(rms(decoded.slice(at(0.203), at(0.216)))).toBeLessThan(TONE_RMS / 4);
    channel.close();
  },
);

test.for([
  ['G726-16/8000', 'G726-32/8000', 98],
  ['AAL2-G726-40/8000', 'G726-32/8000', 97],
  ['G726-40/16000', 'AAL2-G726-24/8000', 98],
] as const)('of %s and %s the camera gets payload type %i', async ([first, second, payloadType]) => {
  const sdp = `${PLAIN_SDP}m=audio 0 RTP/AVP 97 98\na=rtpmap:97 ${first}\na=rtpmap:98 ${second}\na=sendonly\na=control:talk\n`;
  await using camera = await scriptedCamera(
    (request, caller) => request.method !== 'DESCRIBE' && talkative(request, caller),
    sdp,
  );
  const channel = await loudspeakerAt(camera).open(deaf, never);
  expect(channel).toMatchObject({ codec: 'PCMU', clockRate: 8000, channels: 1 });
  channel.send(new Uint8Array(160).fill(0xff), 0);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller).length > 0);
  expect(heard(caller)[0]?.first).toBe((0x8080 | payloadType).toString(16));
  channel.close();
});

test('as G.726 audio keeps its time, and bytes that codes leave open wait for the next audio', async () => {
  const sdp = `${PLAIN_SDP}m=audio 0 RTP/AVP 97\na=rtpmap:97 G726-24/8000\na=sendonly\na=control:talk\n`;
  await using camera = await scriptedCamera(
    (request, caller) => request.method !== 'DESCRIBE' && talkative(request, caller),
    sdp,
  );
  const channel = await loudspeakerAt(camera).open(deaf, never);
  const tone = Uint8Array.from({ length: 1_000 }, (_, i) => (i % 8 < 4 ? 0x20 : 0xa0));
  channel.send(tone.subarray(0, 100), 1_000);
  channel.send(tone.subarray(100, 200), 1_100);
  // A gap: what waits is dropped.
  channel.send(tone.subarray(200), 5_001);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller).length === 3);
  const packets = heard(caller);
  const { ticks: start = 0 } = packets[0] ?? {};
  expect(packets.map(({ ticks, payload }) => [(ticks - start) >>> 0, payload.length])).toEqual([
    [0, 36],
    [96, 39],
    [4_001, 300],
  ]);
  channel.close();
});

test('a camera without a back channel is checked again after ten minutes', async () => {
  let script: Script = () => undefined;
  await using camera = await scriptedCamera((request, caller) => script(request, caller));
  const clock = new FakeClock();
  const loudspeaker = loudspeakerAt(camera, clock);
  await reasonOf(loudspeaker.check(never));
  script = talkative;
  await clock.advance(599_000);
  expect(await reasonOf(loudspeaker.check(never))).toContain('has no back channel');
  expect(camera.callers).toHaveLength(1);
  await clock.advance(1_000);
  await loudspeaker.check(never);
  expect(loudspeaker.state).toBe('yes');
});

test('a connection closed during the check leaves the state unknown and delays the next check', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.socket.destroy();
    return true;
  });
  const clock = new FakeClock();
  const loudspeaker = loudspeakerAt(camera, clock);
  for (const expectedCallers of [1, 1, 2]) {
    expect(await reasonOf(loudspeaker.check(never))).toMatch(/^camera (closed|broke) the connection of path 'garden'/);
    expect(camera.callers).toHaveLength(expectedCallers);
    await clock.advance(expectedCallers * 7_500);
    expect(loudspeaker.state).toBe('unknown');
  }
});

test.for([453, 461, 406])('a back channel in use (%i) is reported', async (status) => {
  await using camera = await scriptedCamera(refusing('SETUP', status));
  const loudspeaker = loudspeakerAt(camera);
  const reason = await reasonOf(loudspeaker.open(deaf, never));
  expect(reason).toMatch(
    /^camera of path 'garden' rejects two-way audio; another client may be using it: camera .*\b4\d\d\b/,
  );
  expect(reason).toContain(`${status}`);
  expect(loudspeaker.state).toBe('yes');
  // The failed attempt does not block the next one.
  expect(await reasonOf(loudspeaker.open(deaf, never))).toBe(reason);
});

test('a wrong password is not sent again', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    caller.reply(request, 401, [['WWW-Authenticate', 'Basic realm="camera"']]);
    return true;
  });
  const clock = new FakeClock();
  const loudspeaker = loudspeakerAt(camera, clock);
  await reasonOf(loudspeaker.check(never));
  await clock.advance(299_000);
  expect(await reasonOf(loudspeaker.open(deaf, never))).toContain('camera requires a password (401)');
  expect(camera.callers).toHaveLength(1);
});

test('a password that became wrong after the check is not sent again', async () => {
  let isChanged = false;
  await using camera = await scriptedCamera((request, caller) => {
    if (isChanged && request.method === 'DESCRIBE') {
      caller.reply(request, 401, [['WWW-Authenticate', 'Basic realm="cam"']]);
      return true;
    }
    return talkative(request, caller);
  });
  const loudspeaker = loudspeakerAt(camera);
  await loudspeaker.check(never);
  isChanged = true;
  expect(await reasonOf(loudspeaker.open(deaf, never))).toContain('camera requires a password (401)');
  const { length } = camera.callers;
  expect(await reasonOf(loudspeaker.open(deaf, never))).toContain('camera requires a password (401)');
  expect(await reasonOf(loudspeaker.check(never))).toContain('camera requires a password (401)');
  expect(camera.callers).toHaveLength(length);
});

test('over UDP audio goes to the port in the reply', async () => {
  const ear = createSocket('udp4');
  ear.bind(0, '127.0.0.1');
  await once(ear, 'listening');
  const words = once(ear, 'message');
  try {
    await using camera = await scriptedCamera((request, caller) => {
      if (request.method !== 'SETUP') {
        return talkative(request, caller);
      }
      const { port } = ear.address();
      const ports = /client_port=\S+/.exec(request.headers.get('Transport') ?? '')?.[0];
      caller.reply(request, 200, [
        ['Session', '4711'],
        ['Transport', `RTP/AVP;unicast;${ports};server_port=${port}-${port + 1}`],
      ]);
      return true;
    });
    const channel = await loudspeakerAt(camera, systemClock, 'udp').open(deaf, never);
    channel.send(Buffer.from('hello'), 0);
    const [datagram] = await words;
    expect((datagram as Buffer).subarray(12).toString()).toBe('hello');
    channel.close();
  } finally {
    ear.close();
  }
});

test('after interleaved audio is rejected, UDP is requested', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    const transport = request.headers.get('Transport') ?? '';
    if (request.method !== 'SETUP') {
      return talkative(request, caller);
    }
    const fields = [['Transport', `${transport};server_port=9-10`]] as const;
    caller.reply(request, transport.includes('TCP') ? 461 : 200, [['Session', '4711'], ...fields]);
    return true;
  });
  const channel = await loudspeakerAt(camera).open(deaf, never);
  expect(lastCaller(camera).methods).toEqual(['OPTIONS', 'DESCRIBE', 'SETUP', 'SETUP', 'PLAY']);
  channel.close();
});

test('onEnded is called when the camera ends the talk, not when the speaker closes it', async () => {
  await using camera = await scriptedCamera(talkative);
  const loudspeaker = loudspeakerAt(camera);
  const ended = Promise.withResolvers<string>();
  await loudspeaker.open(ended.resolve, never);
  lastCaller(camera).socket.destroy();
  expect(await ended.promise).toMatch(/^camera (closed|broke) the connection of path 'garden'/);
  const reasons: string[] = [];
  const channel = await loudspeaker.open((reason) => reasons.push(reason), never);
  channel.close();
  await camera.until(() => lastCaller(camera).methods.includes('TEARDOWN'));
  const next = await loudspeaker.open(deaf, never);
  expect(reasons).toEqual([]);
  next.close();
});

test('a talk ends when the camera stops answering keep-alives', async () => {
  let isSilent = false;
  await using camera = await scriptedCamera((request, caller) => isSilent || talkative(request, caller));
  const clock = new FakeClock();
  const ended = Promise.withResolvers<string>();
  await loudspeakerAt(camera, clock).open(ended.resolve, never);
  const caller = lastCaller(camera);
  const before = caller.requests.length;
  await clock.advance(10_000);
  await camera.until(() => caller.requests.length > before);
  // The clock advances while replies arrive.
  const asked = () => clock.advance(1_000).then(() => caller.requests.length);
  await expect.poll(asked, { interval: 5 }).toBeGreaterThan(before + 2);
  isSilent = true;
  await clock.advance(60_000);
  expect(await ended.promise).toBe("camera of path 'garden' has not answered for 25 s");
});

test('the end of the path ends the talk, or the attempt', async () => {
  await using camera = await scriptedCamera(
    (request, caller) => request.method === 'SETUP' || talkative(request, caller),
  );
  const over = new AbortController();
  const opening = reasonOf(loudspeakerAt(camera).open(deaf, over.signal));
  await camera.until(() => camera.callers[0]?.methods.includes('SETUP') ?? false);
  over.abort(new Error('the path is gone'));
  expect(await opening).toBe('the path is gone');
  await camera.until(() => camera.callers[0]?.socket.destroyed ?? false);
});

// go2rtc#49, gortsplib#479: a camera that offers everything that it has.
const EVERYTHING = [
  ['105', 'MPEG4-GENERIC/16000'],
  ['104', 'MPEG4-GENERIC/8000'],
  ['103', 'PCMU/16000'],
  ['0', 'PCMU/8000'],
  ['102', 'PCMA/16000'],
  ['8', 'PCMA/8000'],
  ['101', 'L16/8000'],
  ['100', 'L16/16000'],
] as const;

/** A camera whose back channel has these formats and lines. */
const offering = (formats: readonly (readonly [string, string])[], lines = ''): readonly [Script, string] => [
  (request, caller) => request.method !== 'DESCRIBE' && talkative(request, caller),
  `${PLAIN_SDP}m=audio 0 RTP/AVP ${formats.map(([type]) => type).join(' ')}\n${formats
    .map(([type, map]) => `a=rtpmap:${type} ${map}\n`)
    .join('')}${lines}a=sendonly\na=control:talk\n`,
];

test.for([
  ['as sent', EVERYTHING, '80', 'PCMU'],
  ['in reverse', EVERYTHING.toReversed(), '88', 'PCMA'],
  ['without A-law', EVERYTHING.filter(([, map]) => !map.startsWith('PCMA')).toReversed(), '80', 'PCMU'],
  [
    'with L16 rather than G.711 of another rate',
    EVERYTHING.filter(([, map]) => !/^PCM.\/8000/.test(map)),
    'e5',
    'PCMU',
  ],
] as const)('of many formats the camera gets the one that browsers send: %s', async ([, formats, type, codec]) => {
  const [script, sdp] = offering(formats);
  await using camera = await scriptedCamera(script, sdp);
  const channel = await loudspeakerAt(camera).open(deaf, never);
  expect(channel).toMatchObject({ codec, clockRate: 8000, channels: 1 });
  channel.send(new Uint8Array(160), 0);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller).length > 0);
  expect(heard(caller)[0]?.first).toBe(`80${(Number.parseInt(type, 16) | 0x80).toString(16)}`);
  channel.close();
});

test('L16 is the speech in samples of 16 bits', async () => {
  const [script, sdp] = offering([['101', 'L16/8000']]);
  await using camera = await scriptedCamera(script, sdp);
  const channel = await loudspeakerAt(camera).open(deaf, never);
  for (let i = 0; i < 10; i += 1) {
    channel.send(
      Uint8Array.from({ length: 160 }, (_, at) => MU_LAW_TONE[at % 8] as number),
      i * 160,
    );
  }
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller).length === 10);
  const [first, , last] = [heard(caller)[0], 0, heard(caller).at(-1)];
  const samples = Buffer.from(last?.payload ?? '', 'latin1');
  expect(samples.length % 2).toBe(0);
  const values = Array.from({ length: samples.length / 2 }, (_, i) => samples.readInt16BE(2 * i) / 32_768);
  expect(Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)).toBeCloseTo(TONE_RMS, 1);
  expect(((last?.ticks ?? 0) - (first?.ticks ?? 0)) >>> 0).toBeGreaterThan(1_300);
  channel.close();
});

// go2rtc#331, #2007, #987: Reolink doorbells take each packet for a frame of 1,024 samples.
test.for([
  ['a frame server', 'a=tool:BC Streaming Media v202210012022.10.01\n', '', [1_024, 1_024, 1_024], 'd5'],
  ['a ptime of 40 ms', '', 'a=ptime:40\n', [320, 320, 320, 320, 320, 320, 320, 160], undefined],
  ['a ptime above its maxptime', '', 'a=ptime:100\na=maxptime:60\n', [480, 480, 480, 480, 480], undefined],
  ['a maxptime below the audio that comes', '', 'a=maxptime:10\n', Array.from({ length: 30 }, () => 80), undefined],
  ['neither', '', '', Array.from({ length: 15 }, () => 160), undefined],
] as const)('packets have the size that the camera takes: %s', async ([, tool, lines, sizes, filler]) => {
  const [script, sdp] = offering([['8', 'PCMA/8000']], lines);
  await using camera = await scriptedCamera(script, sdp.replace('v=0\n', `v=0\n${tool}`));
  const clock = new FakeClock();
  const channel = await loudspeakerAt(camera, clock).open(deaf, never);
  for (let i = 0; i < 15; i += 1) {
    channel.send(Buffer.alloc(160, 'a'), 5_000 + i * 160);
  }
  // The rest is sent when the speaker pauses.
  await clock.advance(2_000);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller).length >= sizes.length);
  const packets = heard(caller);
  expect(packets.map(({ payload }) => payload.length)).toEqual(sizes);
  const [{ ticks = 0 } = {}] = packets;
  let at = 0;
  for (const packet of packets) {
    expect((packet.ticks - ticks) >>> 0).toBe(at);
    at += packet.payload.length;
  }
  expect(packets.map(({ first }) => first)).toEqual(packets.map((_, i) => (i === 0 ? '8088' : '8008')));
  const end = Buffer.from(packets.at(-1)?.payload.at(-1) ?? '', 'latin1').toString('hex');
  expect(end).toBe(filler ?? '61');
  // A pause is a gap in the timestamps, and begins a packet.
  channel.send(Buffer.alloc(2_048, 'b'), 20_000);
  await camera.until(() => heard(caller).length > sizes.length);
  const next = heard(caller)[sizes.length];
  expect([((next?.ticks ?? 0) - ticks) >>> 0, next?.payload.slice(0, 1)]).toEqual([15_000, 'b']);
  channel.close();
});
