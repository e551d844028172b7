import { expect, test } from 'vitest';
import type { HlsRendition, MediaPlaylist } from '../contracts/hls-muxer.ts';
import { writeMultivariantPlaylist } from './write-multivariant.ts';

const playlistOf = (init: { name: string } | undefined): MediaPlaylist => {
  const line = { number: 0, name: 's', durationS: 1, wallMs: 0, init, isDiscontinuity: false, isIndependent: true };
  const segments = [{ ...line, isGap: false, parts: [] }];
  return { targetDurationS: 1, partTargetS: undefined, discontinuitySequence: 0, segments, running: undefined };
};

interface Facts extends Partial<HlsRendition> {
  readonly peak?: number;
  readonly average?: number;
}

const rendition = ({ peak = 60, average = 50, ...changes }: Facts): HlsRendition => ({
  name: 'audio2',
  codecs: ['fLaC'],
  kind: 'audio',
  picture: undefined,
  playlist: playlistOf({ name: 'i.mp4' }),
  bitRate: () => ({ peak, average }),
  changed: () => Promise.resolve(),
  ...changes,
});

const picture = { width: 64, height: 48, fps: 25 };
const videoFacts = { name: 'video1', codecs: ['avc1.42C00A'], kind: 'video', peak: 4000, average: 3000 } as const;
const video = rendition({ ...videoFacts, picture });
const audio = rendition({});
const rare = rendition({ name: 'audio3', codecs: ['ac-3'], isRare: true, peak: 400, average: 400 });

const linesOf = (renditions: readonly HlsRendition[], query = ''): string[] =>
  writeMultivariantPlaylist(renditions, query).split('\n');

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
    [rendition({ ...videoFacts, picture: { ...picture, fps: undefined } }), audio],
    [
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio2",AUTOSELECT=YES,DEFAULT=YES,URI="audio2_stream.m3u8"',
      '#EXT-X-STREAM-INF:BANDWIDTH=4060,AVERAGE-BANDWIDTH=3050,CODECS="avc1.42C00A,fLaC",RESOLUTION=64x48,AUDIO="audio"',
      'video1_stream.m3u8',
    ],
  ],
  [
    'video with sound that goes by two names',
    [
      rendition({
        ...videoFacts,
        name: 'main',
        codecs: ['avc1.42C00A', 'mp4a.40.34'],
        otherCodecs: [['avc1.42C00A', 'mp4a.6B']],
      }),
    ],
    [
      '#EXT-X-STREAM-INF:BANDWIDTH=4000,AVERAGE-BANDWIDTH=3000,CODECS="avc1.42C00A,mp4a.40.34",SCORE=2.0',
      'main_stream.m3u8',
      '#EXT-X-STREAM-INF:BANDWIDTH=4000,AVERAGE-BANDWIDTH=3000,CODECS="avc1.42C00A,mp4a.6B",SCORE=1.0',
      'main_stream.m3u8',
    ],
  ],
  [
    'one audio alone',
    [audio],
    ['#EXT-X-STREAM-INF:BANDWIDTH=60,AVERAGE-BANDWIDTH=50,CODECS="fLaC"', 'audio2_stream.m3u8'],
  ],
  [
    'two audio, which are alternatives',
    [audio, rendition({ name: 'audio3', peak: 70 })],
    [
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio2",AUTOSELECT=YES,DEFAULT=YES,URI="audio2_stream.m3u8"',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio3",AUTOSELECT=YES,DEFAULT=NO,URI="audio3_stream.m3u8"',
      '#EXT-X-STREAM-INF:BANDWIDTH=130,AVERAGE-BANDWIDTH=100,CODECS="fLaC",AUDIO="audio"',
      'audio2_stream.m3u8',
    ],
  ],
  [
    'audio that has nothing to play yet',
    [video, rendition({ playlist: undefined })],
    [
      '#EXT-X-STREAM-INF:BANDWIDTH=4000,AVERAGE-BANDWIDTH=3000,CODECS="avc1.42C00A",RESOLUTION=64x48,FRAME-RATE=25.000',
      'video1_stream.m3u8',
    ],
  ],
  [
    'audio that not every player decodes: a second variant has the picture alone',
    [video, rare],
    [
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio3",AUTOSELECT=YES,DEFAULT=YES,URI="audio3_stream.m3u8"',
      '#EXT-X-STREAM-INF:BANDWIDTH=4400,AVERAGE-BANDWIDTH=3400,CODECS="avc1.42C00A,ac-3",RESOLUTION=64x48,FRAME-RATE=25.000,AUDIO="audio",SCORE=2.0',
      'video1_stream.m3u8',
      '#EXT-X-STREAM-INF:BANDWIDTH=4000,AVERAGE-BANDWIDTH=3000,CODECS="avc1.42C00A",RESOLUTION=64x48,FRAME-RATE=25.000,SCORE=1.0',
      'video1_stream.m3u8',
    ],
  ],
  [
    'audio of both sorts: the second variant keeps what every player decodes',
    [video, audio, rare],
    [
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio2",AUTOSELECT=YES,DEFAULT=YES,URI="audio2_stream.m3u8"',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio3",AUTOSELECT=YES,DEFAULT=NO,URI="audio3_stream.m3u8"',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="usual",NAME="audio2",AUTOSELECT=YES,DEFAULT=YES,URI="audio2_stream.m3u8"',
      '#EXT-X-STREAM-INF:BANDWIDTH=4400,AVERAGE-BANDWIDTH=3400,CODECS="avc1.42C00A,fLaC,ac-3",RESOLUTION=64x48,FRAME-RATE=25.000,AUDIO="audio",SCORE=2.0',
      'video1_stream.m3u8',
      '#EXT-X-STREAM-INF:BANDWIDTH=4060,AVERAGE-BANDWIDTH=3050,CODECS="avc1.42C00A,fLaC",RESOLUTION=64x48,FRAME-RATE=25.000,AUDIO="usual",SCORE=1.0',
      'video1_stream.m3u8',
    ],
  ],
  [
    'MPEG-TS, where all stands in one',
    [rendition({ ...videoFacts, name: 'main', codecs: ['avc1.42C00A', 'mp4a.40.2'], playlist: playlistOf(undefined) })],
    ['#EXT-X-STREAM-INF:BANDWIDTH=4000,AVERAGE-BANDWIDTH=3000,CODECS="avc1.42C00A,mp4a.40.2"', 'main_stream.m3u8'],
  ],
] as const)('a multivariant playlist of %s', ([, renditions, lines]) => {
  expect(linesOf(renditions).slice(2, -1)).toEqual(lines);
});

test('the version is what the media playlists have', () => {
  expect(linesOf([video])[1]).toBe('#EXT-X-VERSION:10');
  expect(linesOf([rendition({ name: 'main', playlist: playlistOf(undefined) })])[1]).toBe('#EXT-X-VERSION:3');
});

test('the query is added to each address, escaped', () => {
  const lines = linesOf([video, audio], '?session=a&x="');
  expect(lines[2]).toContain('URI="audio2_stream.m3u8?session=a&x=%22"');
  expect(lines[4]).toBe('video1_stream.m3u8?session=a&x=%22');
});
