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
  reasonOf,
  TONE_RMS,
} from '../../../../test/support/cameras/talkative-camera.ts';
import { rtpFormat } from '../../../../test/support/media/units.ts';
import { AacDecoder } from '../../../media/aac/decode/decoder.ts';
import { createDepacketizer } from '../../../media/codecs.ts';
import type { Track } from '../../../media/sample/track.ts';

const fmtpOf = (text: string): Record<string, string> =>
  Object.fromEntries(text.split('; ').map((word) => word.split('=') as [string, string]));
const HBR = 'mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3';

test.for([
  ['two channels', `MPEG4-GENERIC/16000/2\na=fmtp:97 ${HBR}; config=1410`],
  ['HE-AAC', `MPEG4-GENERIC/16000\na=fmtp:97 ${HBR}; config=2c0a8800`],
  ['other AU headers', 'MPEG4-GENERIC/16000\na=fmtp:97 mode=AAC-lbr; sizelength=6; config=1408'],
  ['a configuration that is none', `MPEG4-GENERIC/16000\na=fmtp:97 ${HBR}; config=ffff`],
  ['its configuration in the stream', 'MP4A-LATM/16000\na=fmtp:97 cpresent=1'],
] as const)('a back channel for AAC with %s only is not supported, and the reason names it', async ([, format]) => {
  const [script, sdp] = offering([['97', format]]);
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
    const [script, sdp] = offering([['97', `${name}\na=fmtp:97 ${fmtp}`]]);
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
