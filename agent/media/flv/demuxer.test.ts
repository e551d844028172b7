import { expect, test } from 'vitest';
import { TAG } from './codes.ts';
import { FlvDemuxer } from './demuxer.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** Units of each track, `label id`, as the demuxer of these tags delivers them: pts, then the first bytes. */
function unitsOf(tags: readonly (readonly [type: number, timestamp: number, body: string])[]): string[] {
  const said: string[] = [];
  const demuxer = new FlvDemuxer({
    open: (_isVideo, label, trackId) => ({
      arrive: (timestamp) => timestamp,
      follow: (ticks) => ticks,
      onUnit: (pts, _dts, _key, data) => said.push(`${label} ${trackId}: ${pts} ${Buffer.from(data).toString('hex')}`),
      onTrack: (track) => said.push(`${label} ${trackId}: ${track.codec}`),
      onDamage: (reason) => said.push(reason),
    }),
    onUnsupported: (_isVideo, name, reason) => said.push(`${name}: ${reason}`),
  });
  for (const [type, timestamp, body] of tags) {
    const data = bytes(body);
    demuxer.push(type, timestamp, data, 0, data.length);
  }
  return said;
}

// Packet type 4 bits, 'Opus' and its identification header (RFC 7845 §5.1).
const OPUS = '4f707573';
const OPUS_HEAD = '4f70757348656164 01 02 3801 80bb0000 0000 00';
const ALAW = (ticks: number, byte: string) => [TAG.audio, ticks, `72 ${byte}`] as const;

test.for([
  // FFmpeg 8: ExAudioTagHeader Multitrack, OneTrack and packet type, fourCC, track id.
  [
    'one track in a tag',
    [
      [TAG.audio, 0, `95 00 ${OPUS} 01 ${OPUS_HEAD}`],
      [TAG.audio, 73, `95 01 ${OPUS} 01 fcfffe`],
    ],
    ['Opus 1: opus', 'Opus 1: 73 fcfffe'],
  ],
  [
    'many tracks of one codec in a tag',
    [
      [TAG.audio, 0, `95 10 ${OPUS} 00 000013 ${OPUS_HEAD} 01 000013 ${OPUS_HEAD}`],
      [TAG.audio, 20, `95 11 ${OPUS} 00 000003 fc0001 01 000003 fc0002`],
    ],
    ['Opus 0: opus', 'Opus 1: opus', 'Opus 0: 20 fc0001', 'Opus 1: 20 fc0002'],
  ],
  [
    'many tracks of several codecs in a tag',
    [
      ALAW(0, 'd5'),
      [TAG.audio, 0, `95 20 ${OPUS} 01 000013 ${OPUS_HEAD}`],
      [TAG.audio, 20, `95 21 ${OPUS} 01 000003 fc0002`],
    ],
    ['G711 0: g711', 'G711 0: 0 d5', 'Opus 1: opus', 'Opus 1: 20 fc0002'],
  ],
] as const)('%s', ([, tags, units]) => {
  expect(unitsOf(tags)).toEqual(units);
});

const AVC_CONFIG =
  '17 00 000000 0164000dffe1 0018 67640 00dacd94141fb0110000003001000000303208f142996 0100 0568ebecb22c';

test("FFmpeg 8 sends the colours of a second track as the first one's, with the second one's codec", () => {
  const colours = 'd4 68766331 02 0009 636f6c6f72496e666f';
  const tags = [
    [TAG.video, 0, AVC_CONFIG],
    [TAG.video, 0, colours],
    [TAG.video, 40, '27 01 000000 00000004 419a231d'],
  ] as const;
  expect(() => unitsOf(tags)).not.toThrow();
});

test.for([
  ['no channels', '00 000000000000000000'],
  ['three channels without their layout', '03 000000000000000000'],
  ['a channel that is not decoded', '03 000000000000000001 02 01 00 01 09'],
  ['more streams than channels', '01 000000000000000001 02 00 00'],
  ['a layout that is cut', '03 000000000000000001 02 01 00 01'],
] as const)('Opus with %s is rejected', ([, rest]) => {
  const tags = [[TAG.audio, 0, `90 ${OPUS} 4f70757348656164 01 ${rest}`]] as const;
  expect(unitsOf(tags)).toEqual([expect.stringMatching(/Opus (of mapping family 0 )?with \d channels/)]);
});

test('Opus in a layout is described with it', () => {
  const tags = [[TAG.audio, 0, `90 ${OPUS} 4f70757348656164 01 03 000000000000000001 02 01 00 02 01`]] as const;
  expect(unitsOf(tags)).toEqual(['Opus 0: opus']);
});

test('a codec that changes ends the connection', () => {
  const tags = [ALAW(0, 'd5'), [TAG.audio, 20, `91 ${OPUS} fc0001`]] as const;
  expect(() => unitsOf(tags)).toThrow('the codec changes from alaw to Opus');
});
