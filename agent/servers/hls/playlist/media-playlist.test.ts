import { expect, test } from 'vitest';
import { type SegmentLine, writeMediaPlaylist, writeMultivariantPlaylist } from './media-playlist.ts';

const segment = (number: number, changes: Partial<SegmentLine> = {}): SegmentLine => ({
  number,
  name: `p_video1_seg${number}.mp4`,
  durationS: 2,
  wallMs: Date.UTC(2026, 0, 1) + number * 2000,
  init: { name: 'p_video1_init.mp4' },
  isDiscontinuity: false,
  isIndependent: true,
  isGap: false,
  ...changes,
});

const media = (segments: readonly SegmentLine[], discontinuitySequence = 0, query = ''): string[] =>
  writeMediaPlaylist({ targetDurationS: 2, discontinuitySequence, segments }, query).split('\n');

test('a media playlist tells target, sequence, init file, wall clock and segments', () => {
  expect(media([segment(7), segment(8, { durationS: 1.96 })]).join('\n')).toBe(`#EXTM3U
#EXT-X-VERSION:10
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="p_video1_init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:14.000Z
#EXTINF:2.00000,
p_video1_seg7.mp4
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:16.000Z
#EXTINF:1.96000,
p_video1_seg8.mp4
`);
});

test('it does not claim independence while it lists a segment without a key frame in front', () => {
  expect(media([segment(0), segment(1, { isIndependent: false })])).not.toContain('#EXT-X-INDEPENDENT-SEGMENTS');
});

test('a new init file comes with a discontinuity; at the head of the list only the count tells it', () => {
  const changed = segment(1, { isDiscontinuity: true, init: { name: 'p_video1_init1.mp4' } });
  const both = media([segment(0), changed]);
  expect(both.slice(both.indexOf('#EXT-X-DISCONTINUITY'))[1]).toBe('#EXT-X-MAP:URI="p_video1_init1.mp4"');
  const later = media([changed], 1);
  expect(later).not.toContain('#EXT-X-DISCONTINUITY');
  expect(later).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:1');
});

test('a segment without samples is a gap', () => {
  const lines = media([segment(0), segment(1, { isGap: true })]);
  expect(lines[lines.indexOf('#EXT-X-GAP') + 1]).toBe('#EXTINF:2.00000,');
});

test('the query goes along with every address', () => {
  const lines = media([segment(0)], 0, '?token=x');
  expect(lines).toContain('#EXT-X-MAP:URI="p_video1_init.mp4?token=x"');
  expect(lines).toContain('p_video1_seg0.mp4?token=x');
});

const video = {
  name: 'video1',
  codec: 'avc1.42C00A',
  peak: 4000,
  average: 3000,
  video: { width: 64, height: 48, fps: 25 },
};
const audio = { name: 'audio2', codec: 'fLaC', peak: 60, average: 50, video: undefined };

test.for([
  [
    'video alone',
    [video],
    [
      '#EXT-X-STREAM-INF:BANDWIDTH=4000,AVERAGE-BANDWIDTH=3000,CODECS="avc1.42C00A",RESOLUTION=64x48,FRAME-RATE=25.000',
      'video1_stream.m3u8',
    ],
  ],
  [
    'video of unknown frame rate with audio',
    [{ ...video, video: { width: 64, height: 48, fps: undefined } }, audio],
    [
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio2",AUTOSELECT=YES,DEFAULT=YES,URI="audio2_stream.m3u8"',
      '#EXT-X-STREAM-INF:BANDWIDTH=4060,AVERAGE-BANDWIDTH=3050,CODECS="avc1.42C00A,fLaC",RESOLUTION=64x48,AUDIO="audio"',
      'video1_stream.m3u8',
    ],
  ],
  [
    'one audio alone',
    [audio],
    ['#EXT-X-STREAM-INF:BANDWIDTH=60,AVERAGE-BANDWIDTH=50,CODECS="fLaC"', 'audio2_stream.m3u8'],
  ],
  [
    'two audio, which are alternatives',
    [audio, { ...audio, name: 'audio3', peak: 70 }],
    [
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio2",AUTOSELECT=YES,DEFAULT=YES,URI="audio2_stream.m3u8"',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio3",AUTOSELECT=YES,DEFAULT=NO,URI="audio3_stream.m3u8"',
      '#EXT-X-STREAM-INF:BANDWIDTH=130,AVERAGE-BANDWIDTH=100,CODECS="fLaC",AUDIO="audio"',
      'audio2_stream.m3u8',
    ],
  ],
] as const)('a multivariant playlist of %s', ([, renditions, lines]) => {
  const text = writeMultivariantPlaylist(renditions, '');
  expect(text.split('\n').slice(3, -1)).toEqual(lines);
});
