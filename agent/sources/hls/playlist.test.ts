import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { type MediaPlaylist, parsePlaylist } from './playlist.ts';
import { hasRestarted, isCut, isLost, nextFile, type Position, startOf, withTimelinesOf } from './position.ts';

const BASE = 'https://server.example/live/cam.m3u8?token=1';
const LOW_LATENCY = `#EXTM3U
#EXT-X-VERSION:10
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6
#EXT-X-PART-INF:PART-TARGET=0.2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init.mp4"
#EXTINF:2.0,
seg7.mp4
#EXT-X-DISCONTINUITY
#EXT-X-PART:DURATION=0.2,URI="part8.0.mp4",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.2,URI="part8.1.mp4"
#EXT-X-PART:DURATION=0.2,URI="part8.2.mp4"
#EXTINF:0.6,
seg8.mp4
#EXT-X-PART:DURATION=0.2,URI="part9.0.mp4",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part9.1.mp4"
`;
const LIVE = `#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:100
${[0, 1, 2, 3, 4].map((i) => `#EXTINF:4,\n${100 + i}.ts`).join('\n')}
`;
const MULTIVARIANT = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="one",DEFAULT=YES,URI="audio1.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="two",URI="audio2.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=100,AUDIO="a"
low.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=900,AUDIO="a"
../high.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9000,URI="still.m3u8"
`;
const RANGES = `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MAP:URI="all.mp4",BYTERANGE="700@0"
#EXTINF:2,
#EXT-X-BYTERANGE:1000@700
all.mp4
#EXTINF:2,
#EXT-X-BYTERANGE:500
all.mp4
#EXT-X-ENDLIST
`;

function media(text: string): MediaPlaylist {
  const playlist = parsePlaylist(text, BASE);
  if (playlist.kind !== 'media') {
    throw new Error('not a media playlist');
  }
  return playlist;
}

/** Names of the files from a position on. */
function files(playlist: MediaPlaylist, from: Position | undefined): string[] {
  const names: string[] = [];
  for (let next = from; next; ) {
    const found = nextFile(playlist, next);
    names.push(...(found ? [found.file.url.slice(found.file.url.lastIndexOf('/') + 1)] : []));
    next = found?.after;
  }
  return names;
}

test('the best variant is taken, with its audio', () => {
  expect(parsePlaylist(MULTIVARIANT, BASE)).toEqual({
    kind: 'multivariant',
    url: 'https://server.example/high.m3u8',
    audio: ['https://server.example/live/audio1.m3u8', 'https://server.example/live/audio2.m3u8'],
  });
});

test('a live stream begins three segments before its end', () => {
  const playlist = media(LIVE);
  expect(files(playlist, startOf(playlist))).toEqual(['102.ts', '103.ts', '104.ts']);
});

test('a segment may lack the comma after its duration (Verkada)', () => {
  const names = ({ segments }: ReturnType<typeof media>) => segments.map(({ file }) => file?.url);
  expect(LIVE).toMatch(/#EXTINF:[\d.]+,/);
  expect(names(media(LIVE.replaceAll(/(#EXTINF:[\d.]+),/g, '$1')))).toEqual(names(media(LIVE)));
});

test('a stream that has ended begins with its first segment', () => {
  const playlist = media(RANGES);
  expect(playlist.isEnded).toBe(true);
  expect(nextFile(playlist, { sequence: 1, part: 0 })?.file).toEqual({
    url: 'https://server.example/live/all.mp4',
    range: { offset: 1_700, length: 500 },
  });
  expect(startOf(playlist)).toEqual({ sequence: 0, part: 0 });
  expect(playlist.segments[0]?.init?.range).toEqual({ offset: 0, length: 700 });
});

test('with low latency playback begins at an independent part, and continues with parts', () => {
  const playlist = media(LOW_LATENCY);
  expect(playlist).toMatchObject({ canBlock: true, partSeconds: 0.2, partHoldBackSeconds: 0.6 });
  expect(playlist.hint?.url).toBe('https://server.example/live/part9.1.mp4');
  expect(startOf(playlist)).toEqual({ sequence: 8, part: 0 });
  expect(files(playlist, { sequence: 8, part: 1 })).toEqual(['part8.1.mp4', 'part8.2.mp4', 'part9.0.mp4']);
  expect(files(playlist, { sequence: 7, part: 0 })).toEqual(['seg7.mp4', 'seg8.mp4', 'part9.0.mp4']);
  expect(playlist.segments.map(({ timeline, init }) => [timeline, init?.url.slice(-8)])).toEqual([
    [0, 'init.mp4'],
    [1, 'init.mp4'],
    [1, 'init.mp4'],
  ]);
});

test('gaps are passed over', () => {
  const playlist = media(LIVE.replace('#EXTINF:4,\n103.ts', '#EXT-X-GAP\n#EXTINF:4,\n103.ts'));
  expect(files(playlist, { sequence: 102, part: 0 })).toEqual(['102.ts', '104.ts']);
});

test.for([
  ['has moved on', 99, true],
  ['continues', 104, false],
  ['continues with a segment to come', 105, false],
  ['has begun again', 106, true],
] as const)('a playlist that %s', ([, sequence, lost]) => {
  expect(isLost(media(LIVE), { sequence, part: 0 })).toBe(lost);
});

test.for([
  ['a page', '<html>', 'does not begin with #EXTM3U'],
  ['no variants', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n', 'the playlist has no variants'],
  ['encryption', LIVE.replace('#EXTINF', '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k"\n#EXTINF'), 'encrypted (SAMPLE-AES)'],
  [
    'a key of another system',
    LIVE.replace('#EXTINF', '#EXT-X-KEY:METHOD=AES-128,URI="k",KEYFORMAT="com.example"\n#EXTINF'),
    'encrypted (AES-128 com.example)',
  ],
  ['a file', LIVE.replace('100.ts', 'file:///etc/passwd'), "names 'file:///etc/passwd'"],
] as const)('a playlist with %s is rejected', ([, text, reason]) => {
  expect(() => parsePlaylist(text, BASE)).toThrow(reason);
});

test('damaged playlists are read or rejected, and nothing else', () => {
  const next = random(5);
  const seeds = [LOW_LATENCY, LIVE, MULTIVARIANT, RANGES].map((text) => new TextEncoder().encode(text));
  for (let i = 0; i < 4_000; i += 1) {
    const text = new TextDecoder('latin1').decode(mutate(seeds[i % seeds.length] as Uint8Array, next));
    try {
      const playlist = parsePlaylist(text, BASE);
      if (playlist.kind === 'media') {
        files(playlist, startOf(playlist));
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

test('a key applies to the segments after it, with its vector or their numbers', () => {
  const keys = ['#EXT-X-KEY:METHOD=AES-128,URI="k1"', `#EXT-X-KEY:METHOD=AES-128,URI="k2",IV=0x${'0a'.repeat(16)}`];
  const text = LIVE.replace('#EXTINF:4,\n101.ts', `${keys[0]}\n#EXTINF:4,\n101.ts`)
    .replace('#EXTINF:4,\n103.ts', `${keys[1]}\n#EXTINF:4,\n103.ts`)
    .replace('#EXTINF:4,\n104.ts', '#EXT-X-KEY:METHOD=NONE\n#EXTINF:4,\n104.ts');
  const shown = media(text).segments.map(({ key }) => key && [key.url.split('/').at(-1), key.iv?.join(' ')]);
  const vector = Array.from({ length: 16 }, () => 10).join(' ');
  expect(shown).toEqual([undefined, ['k1', undefined], ['k1', undefined], ['k2', vector], undefined]);
});

test('a segment that is being written and begins a new timeline counts from that of the playlist', () => {
  const text = LOW_LATENCY.replace('#EXT-X-MAP', '#EXT-X-DISCONTINUITY-SEQUENCE:5\n#EXT-X-MAP').replace(
    '#EXT-X-PART:DURATION=0.2,URI="part9.0',
    '#EXT-X-DISCONTINUITY\n#EXT-X-PART:DURATION=0.2,URI="part9.0',
  );
  expect(media(text).segments.map(({ timeline }) => timeline)).toEqual([5, 6, 7]);
});

test('a server that forgets discontinuities which have left the playlist keeps its timelines', () => {
  const window = (first: number, cut: number) => {
    const lines = [0, 1, 2].flatMap((i) => [
      ...(first + i === cut ? ['#EXT-X-DISCONTINUITY'] : []),
      '#EXTINF:2,',
      `${first + i}.ts`,
    ]);
    return media(['#EXTM3U', '#EXT-X-TARGETDURATION:2', `#EXT-X-MEDIA-SEQUENCE:${first}`, ...lines].join('\n'));
  };
  let playlist = window(4, 6);
  const timelines = [playlist.segments.map(({ timeline }) => timeline)];
  for (const first of [5, 6, 7, 8]) {
    playlist = withTimelinesOf(playlist, window(first, 6));
    timelines.push(playlist.segments.map(({ timeline }) => timeline));
  }
  expect(timelines).toEqual([
    [0, 0, 1],
    [0, 1, 1],
    [1, 1, 1],
    [1, 1, 1],
    [1, 1, 1],
  ]);
});

test('a playlist without its end may have been read while it was written, one with an earlier begin has begun again', () => {
  const window = (first: number, count: number) => {
    const lines = Array.from({ length: count }, (_, i) => `#EXTINF:2,\n${first + i}.ts`);
    return media(['#EXTM3U', '#EXT-X-TARGETDURATION:2', `#EXT-X-MEDIA-SEQUENCE:${first}`, ...lines].join('\n'));
  };
  const before = window(10, 5);
  const verdicts = [window(11, 5), window(11, 2), window(11, 0), window(0, 2), window(0, 14)].map((after) => [
    isCut(before, after),
    hasRestarted(before, after),
  ]);
  expect(verdicts).toEqual([
    [false, false],
    [true, true],
    [true, true],
    [false, true],
    [false, true],
  ]);
});
