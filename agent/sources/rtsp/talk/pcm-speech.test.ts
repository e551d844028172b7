import { expect, test } from 'vitest';
import { lastCaller } from '../../../../test/support/cameras/rtsp-run.ts';
import { scriptedCamera } from '../../../../test/support/cameras/scripted-camera.ts';
import {
  deaf,
  heard,
  loudspeakerAt,
  MU_LAW_TONE,
  never,
  offering,
  TONE_RMS,
} from '../../../../test/support/cameras/talkative-camera.ts';

test.for([
  ['G726-16/8000', 'G726-32/8000', 98],
  ['AAL2-G726-40/8000', 'G726-32/8000', 97],
  ['G726-40/16000', 'AAL2-G726-24/8000', 98],
] as const)('of %s and %s the camera gets payload type %i', async ([first, second, payloadType]) => {
  const [script, sdp] = offering([
    ['97', first],
    ['98', second],
  ]);
  await using camera = await scriptedCamera(script, sdp);
  const channel = await loudspeakerAt(camera).open(deaf, never);
  expect(channel).toMatchObject({ codec: 'PCMU', clockRate: 8000, channels: 1 });
  channel.send(new Uint8Array(160).fill(0xff), 0);
  const caller = lastCaller(camera);
  await camera.until(() => heard(caller).length > 0);
  expect(heard(caller)[0]?.first).toBe((0x8080 | payloadType).toString(16));
  channel.close();
});

test('as G.726 audio keeps its time, and bytes that codes leave open wait for the next audio', async () => {
  const [script, sdp] = offering([['97', 'G726-24/8000']]);
  await using camera = await scriptedCamera(script, sdp);
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
