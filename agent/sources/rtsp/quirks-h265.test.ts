import { expect, test } from 'vitest';
import {
  base64,
  expectPictures,
  FRAME_TICKS,
  framesOf,
  numbered,
  type Packet,
  pictureCamera,
} from '../../../test/support/cameras/picture-camera.ts';
import { Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { H265_PPS, H265_SPS, H265_UNITS, H265_VPS } from '../../../test/support/media/tiny-streams.ts';
import { hex, payloadsOf, sampleOf } from '../../../test/support/media/units.ts';
import { packetizeH265 } from '../../media/h265/packetize.ts';

const AUD = '4601 10';
const SEI = '4e01 0504aabbccdd 80';
/** 640 x 360, with reference picture sets that are predicted from others (inter_ref_pic_set_prediction_flag). */
const SPS_PREDICTED_SETS = '4201010160000003000003000003000003005da00502016965ffc0897fbf82010000030001000003001e08';
/** With scaling lists in the PPS (pps_scaling_list_data_present_flag). */
const PPS_LISTS = '4401c07180ffffd55555ffffffffffffffffd557ffffffffffffffff48';

const sdpOf = (fmtp: string) =>
  `v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 ${fmtp}\r\na=control:track1\r\n`;
const set = (nal: string) => base64(hex(nal));
const SDP = sdpOf(`sprop-vps=${set(H265_VPS)};sprop-sps=${set(H265_SPS)};sprop-pps=${set(H265_PPS)}`);
/** In decoding order: an IDR picture, then P- and B-pictures, some of them TRAIL_N. */
const PICTURES = H265_UNITS.map(([, nal]) => sampleOf(hex(nal)));

type Part = Partial<Packet>;
const part = (nal: string, ticks = 0, marker = false): Part => ({ payload: hex(nal), ticks, marker });
const parts = (maxPayloadBytes: number): Part[] =>
  PICTURES.flatMap((data, i) =>
    payloadsOf((sink) => packetizeH265(data, maxPayloadBytes, true, sink)).map(({ bytes, marker }) => ({
      payload: bytes,
      marker,
      ticks: (H265_UNITS[i]?.[0] ?? 0) * FRAME_TICKS,
    })),
  );
const size = (nal: string) => hex(nal).length.toString(16).padStart(4, '0');
/** An aggregation packet, RFC 7798 §4.4.2. */
const together = (...nals: readonly string[]) => `6001 ${nals.map((nal) => `${size(nal)} ${nal}`).join(' ')}`;

test.for<[quirk: string, parts: readonly Part[]]>([
  ['fragments', parts(100)],
  [
    'the marker on parameter sets',
    [part(H265_VPS, 0, true), part(H265_SPS, 0, true), part(H265_PPS, 0, true), ...parts(1200)],
  ],
  ['no marker ever', [...parts(1200).map((one) => ({ ...one, marker: false })), part(AUD, 20 * FRAME_TICKS)]],
  ['the marker on every packet', parts(100).map((one) => ({ ...one, marker: true }))],
  ['parameter sets in one packet', [part(together(H265_VPS, H265_SPS, H265_PPS)), ...parts(1200)]],
  ['a delimiter before its pictures', [part(AUD), ...parts(1200)]],
  ['the reserved bits of layers set on units that are not decoded', [part('4209 0101'), ...parts(1200)]],
])('H.265 of a camera that sends %s, in decoding order', async ([, sent]) => {
  await using camera = await pictureCamera(undefined, { sdp: SDP, frames: framesOf(numbered(sent)) });
  await using run = new Run(url(camera));
  await expectPictures(run, PICTURES);
  const shown = run.samples.map(({ sample }) => (sample.pts - (run.samples[0]?.sample.pts ?? 0)) / FRAME_TICKS);
  expect(shown).toEqual(H265_UNITS.map(([frame]) => frame));
  expect(run.samples.every(({ sample }, i) => sample.dts > (run.samples[i - 1]?.sample.dts ?? -1))).toBe(true);
});

test.for<[quirk: string, fmtp: string]>([
  ['no parameter sets', 'profile-id=1'],
  ['no VPS', `sprop-sps=${set(H265_SPS)};sprop-pps=${set(H265_PPS)}`],
  ['sets after start codes', `sprop-vps=${set(`00000001${H265_VPS}`)};sprop-sps=AAAAAQ==;sprop-pps=`],
  ['sprop-max-don-diff of 0', 'sprop-max-don-diff=0'],
])('with %s in the SDP the parameter sets of the stream are used', async ([, fmtp]) => {
  const sent = [part(H265_VPS), part(H265_SPS), part(H265_PPS), part(SEI), ...parts(1200)];
  await using camera = await pictureCamera(undefined, { sdp: sdpOf(fmtp), frames: framesOf(numbered(sent)) });
  await using run = new Run(url(camera));
  const [first = new Uint8Array(0), ...rest] = PICTURES;
  await expectPictures(run, [Uint8Array.from([...sampleOf(hex(SEI)), ...first]), ...rest]);
  expect(run.tracks).toMatchObject([{ codec: 'h265', width: 64, height: 64 }]);
});

test.for<[quirk: string, sps: string, pps: string]>([
  ['reference sets that are predicted from others in its SPS', SPS_PREDICTED_SETS, H265_PPS],
  ['scaling lists in its PPS', SPS_PREDICTED_SETS, PPS_LISTS],
])('H.265 with %s plays', async ([, sps, pps]) => {
  const [[, nal] = [0, '']] = H265_UNITS;
  const sent = [part(H265_VPS), part(sps), part(pps), part(nal, 0, true), part(AUD, FRAME_TICKS)];
  await using camera = await pictureCamera(undefined, { sdp: sdpOf(''), frames: framesOf(numbered(sent)) });
  await using run = new Run(url(camera));
  await expectPictures(run, PICTURES.slice(0, 1));
  expect(run.tracks).toMatchObject([{ width: 640, height: 360, fps: 30 }]);
});

test('after a lost fragment of H.265, pictures are dropped up to the next key picture', async () => {
  const group = parts(100);
  const again = group.map((one) => ({ ...one, ticks: (one.ticks ?? 0) + 20 * FRAME_TICKS }));
  const packets = numbered([...group, ...again]).filter((_, i) => i !== 1);
  await using camera = await pictureCamera(undefined, { sdp: SDP, frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(run, PICTURES);
  expect(run.samples.map(({ sample }) => sample.key)).toEqual(PICTURES.map((_, i) => i === 0));
});

test('H.265 with interleaved packets (sprop-max-don-diff) is rejected', async () => {
  await using camera = await pictureCamera(undefined, { sdp: sdpOf('sprop-max-don-diff=2') });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe(
    "camera of path 'garden' offers H265 (NAL units out of order, sprop-max-don-diff=2), none of which is supported",
  );
});
