import { expect, test } from 'vitest';
import type { MediaPlaylist, PartLine, RunningSegment, SegmentLine } from '../contracts/hls-muxer.ts';
import { type MediaPlaylistOptions, writeMediaPlaylist } from './write-media.ts';

const segment = (number: number, changes: Partial<SegmentLine> = {}): SegmentLine => ({
  number,
  name: `p_video1_seg${number}.mp4`,
  durationS: 2,
  wallMs: Date.UTC(2026, 0, 1) + number * 2000,
  init: { name: 'p_video1_init.mp4' },
  isDiscontinuity: false,
  isIndependent: true,
  isGap: false,
  parts: [],
  ...changes,
});

const part = (number: number, isIndependent = false, durationS = 0.4): PartLine => ({
  name: `p_video1_part${number}.mp4`,
  durationS,
  isIndependent,
});

const running = (number: number, changes: Partial<RunningSegment> = {}): RunningSegment => ({
  number,
  wallMs: Date.UTC(2026, 0, 1) + number * 2000,
  init: { name: 'p_video1_init.mp4' },
  isDiscontinuity: false,
  parts: [part(0, true), part(1)],
  nextPartName: 'p_video1_part2.mp4',
  ...changes,
});

const plain = (segments: readonly SegmentLine[], changes: Partial<MediaPlaylist> = {}): MediaPlaylist => ({
  targetDurationS: 2,
  partTargetS: undefined,
  discontinuitySequence: 0,
  segments,
  running: undefined,
  ...changes,
});

const lowLatency = (segments: readonly SegmentLine[], changes: Partial<MediaPlaylist> = {}): MediaPlaylist =>
  plain(segments, { partTargetS: 0.432, running: running((segments.at(-1)?.number ?? -1) + 1), ...changes });

const write = (playlist: MediaPlaylist, options: Partial<MediaPlaylistOptions> = {}): string =>
  writeMediaPlaylist(playlist, { query: '', skip: 'no', others: [], ...options });
const linesOf = (playlist: MediaPlaylist, options: Partial<MediaPlaylistOptions> = {}): string[] =>
  write(playlist, options).split('\n');

test('a plain playlist has target duration, sequence, init file, wall clock and segments', () => {
  expect(write(plain([segment(7), segment(8, { durationS: 1.96 })]))).toBe(`#EXTM3U
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

test('a low-latency playlist has server control, its parts and a hint for the next part', () => {
  const whole = segment(7, { durationS: 0.8, parts: [part(10, true), part(11)] });
  const audio = { name: 'audio2', playlist: lowLatency([segment(7)]) };
  expect(write(lowLatency([whole]), { others: [audio] })).toBe(`#EXTM3U
#EXT-X-VERSION:10
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.29600,CAN-SKIP-UNTIL=12
#EXT-X-PART-INF:PART-TARGET=0.43200
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="p_video1_init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:14.000Z
#EXT-X-PART:DURATION=0.40000,URI="p_video1_part10.mp4",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.40000,URI="p_video1_part11.mp4"
#EXTINF:0.80000,
p_video1_seg7.mp4
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:16.000Z
#EXT-X-PART:DURATION=0.40000,URI="p_video1_part0.mp4",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.40000,URI="p_video1_part1.mp4"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p_video1_part2.mp4"
#EXT-X-RENDITION-REPORT:URI="audio2_stream.m3u8",LAST-MSN=8,LAST-PART=1
`);
});

test('before its first part a segment has only the hint: its wall clock is not known yet', () => {
  const lines = linesOf(lowLatency([segment(0)], { running: running(1, { parts: [] }) }));
  expect(lines.slice(lines.indexOf('p_video1_seg0.mp4') + 1)).toEqual([
    '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p_video1_part2.mp4"',
    '',
  ]);
});

test('a segment that begins with a break says so before its parts', () => {
  const changed = running(1, { isDiscontinuity: true, init: { name: 'p_video1_init1.mp4' } });
  const lines = linesOf(lowLatency([segment(0)], { running: changed }));
  expect(lines.slice(lines.indexOf('p_video1_seg0.mp4') + 1, -3)).toEqual([
    '#EXT-X-DISCONTINUITY',
    '#EXT-X-MAP:URI="p_video1_init1.mp4"',
    '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:02.000Z',
    '#EXT-X-PART:DURATION=0.40000,URI="p_video1_part0.mp4",INDEPENDENT=YES',
  ]);
});

test.for([
  ['nothing else is known', undefined, [true, false], false],
  ['all are independent', undefined, [true, true], true],
  ['a dependent one has gone, which the muxer remembers', false, [true, true], false],
  ['a dependent one is coming, which the muxer knows', false, [true], false],
] as const)('independence of all segments where %s', ([, claimsIndependence, independent, wanted]) => {
  const segments = independent.map((isIndependent, i) => segment(i, { isIndependent }));
  const claim = claimsIndependence === undefined ? {} : { claimsIndependence };
  expect(linesOf(plain(segments, claim)).includes('#EXT-X-INDEPENDENT-SEGMENTS')).toBe(wanted);
});

test('a new init file has a discontinuity; at the head of the list only the discontinuity sequence counts it', () => {
  const changed = segment(1, { isDiscontinuity: true, init: { name: 'p_video1_init1.mp4' } });
  const both = linesOf(plain([segment(0), changed]));
  expect(both.slice(both.indexOf('#EXT-X-DISCONTINUITY'))[1]).toBe('#EXT-X-MAP:URI="p_video1_init1.mp4"');
  expect(both).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:0');
  const later = linesOf(plain([changed], { discontinuitySequence: 1 }));
  expect(later).not.toContain('#EXT-X-DISCONTINUITY');
  expect(later).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:1');
});

test('a segment without samples is a gap', () => {
  const lines = linesOf(plain([segment(0), segment(1, { isGap: true })]));
  expect(lines[lines.indexOf('#EXT-X-GAP') + 1]).toBe('#EXTINF:2.00000,');
});

test('MPEG-TS has no init file and is understood by players of version 3', () => {
  const lines = linesOf(plain([segment(0, { init: undefined, name: 'p_main_seg0.ts' })]));
  expect(lines[1]).toBe('#EXT-X-VERSION:3');
  expect(lines.some((line) => line.startsWith('#EXT-X-MAP'))).toBe(false);
});

test('the query is added to each address', () => {
  const others = [{ name: 'audio2', playlist: lowLatency([segment(0)]) }];
  const lines = linesOf(lowLatency([segment(0)]), { query: '?token=x&b=2', others });
  const addresses = lines.filter((line) => line.includes('p_video1') || line.includes('audio2'));
  expect(addresses).toHaveLength(6);
  expect(addresses.every((line) => /\?token=x&b=2(?:"|$)/.test(line))).toBe(true);
});

test('a query cannot break out of a string or a line', () => {
  const lines = linesOf(plain([segment(0)]), { query: '?x="\n#EXT-X-ENDLIST\r\u2028' });
  expect(lines).toContain('#EXT-X-MAP:URI="p_video1_init.mp4?x=%22%0A#EXT-X-ENDLIST%0D%E2%80%A8"');
});

const old = Array.from({ length: 10 }, (_, i) => segment(i));

test('a delta update omits the segments beyond six target durations with all their tags', () => {
  const lines = linesOf(lowLatency(old), { skip: 'yes' });
  expect(lines.slice(lines.indexOf('#EXT-X-MEDIA-SEQUENCE:0'))).toEqual([
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-SKIP:SKIPPED-SEGMENTS=4',
    ...old.slice(4).flatMap(({ wallMs, name }) => {
      return [`#EXT-X-PROGRAM-DATE-TIME:${new Date(wallMs).toISOString()}`, '#EXTINF:2.00000,', name];
    }),
    ...linesOf(lowLatency(old)).slice(-5),
  ]);
});

test('without date ranges to skip both kinds of update are equal', () => {
  expect(write(lowLatency(old), { skip: 'v2' })).toBe(write(lowLatency(old), { skip: 'yes' }));
});

test('a delta update names a new init file right after the skipped segments', () => {
  const changed = old.map((line, i) => (i < 4 ? line : { ...line, init: { name: 'p_video1_init1.mp4' } }));
  const lines = linesOf(lowLatency(changed), { skip: 'yes' });
  expect(lines[lines.indexOf('#EXT-X-SKIP:SKIPPED-SEGMENTS=4') + 1]).toBe('#EXT-X-MAP:URI="p_video1_init1.mp4"');
});

test.for([
  ['nothing lies beyond the boundary', lowLatency(old.slice(4))],
  ['updates have not been offered', plain(old)],
] as const)('the whole playlist is the answer where %s', ([, playlist]) => {
  expect(write(playlist, { skip: 'yes' })).toBe(write(playlist));
});

test.for([
  ['running, with parts', lowLatency([segment(4)]), 'LAST-MSN=5,LAST-PART=1'],
  [
    'at the end of a segment',
    lowLatency([segment(4, { parts: [part(0)] })], { running: running(5, { parts: [] }) }),
    'LAST-MSN=4,LAST-PART=0',
  ],
  [
    'at the end of a segment without parts',
    lowLatency([segment(4)], { running: running(5, { parts: [] }) }),
    'LAST-MSN=4',
  ],
] as const)('the report of a rendition that is %s', ([, playlist, report]) => {
  const others = [
    { name: 'audio2', playlist },
    { name: 'audio3', playlist: undefined },
  ];
  const lines = linesOf(lowLatency([segment(4)]), { others }).filter((line) => line.includes('REPORT'));
  expect(lines).toEqual([`#EXT-X-RENDITION-REPORT:URI="audio2_stream.m3u8",${report}`]);
});

test('rounding keeps parts within the part target and segments within the target duration', () => {
  for (const length of [1 / 3, 0.2000001, 5 / 29.97, 0.43, 0.1 + 0.2]) {
    const playlist = lowLatency([segment(0, { durationS: 2.499_999_9 })], {
      partTargetS: length,
      running: running(1, { parts: [part(0, true, length)] }),
    });
    const text = write(playlist);
    const number = (tag: string) => Number(new RegExp(`${tag}[=:]([0-9.]+)`).exec(text)?.[1]);
    expect(number('DURATION=0|PART:DURATION')).toBeLessThanOrEqual(number('PART-TARGET'));
    expect(number('PART-HOLD-BACK')).toBeGreaterThanOrEqual(3 * number('PART-TARGET') - 1e-9);
    expect(Math.round(number('EXTINF'))).toBe(2);
  }
});

test("a multivariant playlist has EXT-X-START if players cannot approach the end; ffmpeg reads the tag as a media playlist's", () => {
  const unfit = lowLatency([segment(7)], { running: running(8, { parts: [part(0), part(1), part(2), part(3)] }) });
  expect(linesOf(unfit, { isOpening: true })).toContain('#EXT-X-START:TIME-OFFSET=-1.900');
  expect(write(unfit)).not.toContain('EXT-X-START');
  expect(write(lowLatency([segment(7)]), { isOpening: true })).not.toContain('EXT-X-START');
});
