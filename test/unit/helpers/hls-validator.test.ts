import { expect, test } from 'vitest';
import type { MediaPlaylist, PartLine, SegmentLine } from '../../../agent/servers/hls/contracts/hls-muxer.ts';
import { type Asked, type Faults, Tape } from '../../hls-validator/tape.ts';
import { type Verdict, validate } from '../../hls-validator/validate.ts';

async function play(faults: Faults = {}, isLowLatency = true): Promise<Verdict> {
  const tape = new Tape(faults);
  const { get, nowMs, sleep } = tape;
  return tape.play(validate({ url: 'http://tape/index.m3u8', seconds: 7, isLowLatency, get, nowMs, sleep }));
}

test('a faultless session breaks no rule, with updates, parts, reports and a change of format in it', async () => {
  const { violations, followers, reports } = await play();
  expect(violations).toEqual([]);
  for (const { counts } of followers.values()) {
    expect(counts.parts).toBeGreaterThan(30);
    expect(counts.updates).toBeGreaterThan(20);
    expect(counts.segments).toBeGreaterThan(5);
  }
  expect(reports).toBeGreaterThan(10);
});

test('a client that asks from time to time finds no fault with it either', async () => {
  const { violations, followers } = await play({}, false);
  expect(violations).toEqual([]);
  expect([...followers.values()].every(({ counts }) => counts.segments > 5)).toBe(true);
});

/** From here on the session goes wrong. */
const LATER_MS = 11_500;
const isLater = ({ nowMs }: Asked): boolean => nowMs > LATER_MS;

const replaced =
  (from: string | RegExp, to: string): NonNullable<Faults['text']> =>
  (text, asked) =>
    isLater(asked) ? text.replace(from, to) : text;
const always =
  (from: string | RegExp, to: string): NonNullable<Faults['text']> =>
  (text) =>
    text.replace(from, to);

const changed =
  (change: (playlist: MediaPlaylist) => Partial<MediaPlaylist>): NonNullable<Faults['playlist']> =>
  (playlist, asked) =>
    isLater(asked) ? { ...playlist, ...change(playlist) } : playlist;

const segmentsChanged = (
  change: (segment: SegmentLine, i: number) => Partial<SegmentLine>,
): NonNullable<Faults['playlist']> =>
  changed(({ segments }) => ({ segments: segments.map((segment, i) => ({ ...segment, ...change(segment, i) })) }));

function spoiltParts(playlist: MediaPlaylist, change: (part: PartLine) => Partial<PartLine>): MediaPlaylist {
  const all = (parts: readonly PartLine[]) => parts.map((part) => ({ ...part, ...change(part) }));
  return {
    ...playlist,
    segments: playlist.segments.map((segment) => ({ ...segment, parts: all(segment.parts) })),
    running: playlist.running && { ...playlist.running, parts: all(playlist.running.parts) },
  };
}

const partsChanged = (change: (part: PartLine) => Partial<PartLine>): Faults => ({
  playlist: (playlist) => spoiltParts(playlist, change),
});

const spoilt =
  (name: RegExp, spoil: (bytes: Uint8Array) => Uint8Array | undefined): NonNullable<Faults['file']> =>
  (file, bytes) =>
    name.test(file) ? spoil(Uint8Array.from(bytes)) : bytes;

const asksAhead = ({ msn, part }: Asked): boolean => msn !== undefined && part !== undefined;

/** The fault, its name, and how the complaint begins. */
const FAULTS: readonly (readonly [string, Faults, string])[] = [
  ['the target duration changes', { text: replaced('TARGETDURATION:1', 'TARGETDURATION:2') }, 'target duration: was 1'],
  [
    'a segment is longer than the target duration',
    { playlist: segmentsChanged((_, i) => (i === 7 ? { durationS: 1.5 } : {})) },
    'target duration: segment',
  ],
  [
    'the target duration falls',
    { playlist: (playlist, asked) => ({ ...playlist, targetDurationS: isLater(asked) ? 1 : 2 }) },
    'target duration: was 2',
  ],
  [
    'the part target rises without a part that needs it',
    { playlist: changed(() => ({ partTargetS: 0.3 })) },
    'part target: was',
  ],
  [
    'the part target falls below a listed part',
    { playlist: changed(() => ({ partTargetS: 0.19 })) },
    'part target: part',
  ],
  [
    'parts are too short for the new part target as they were for the old one',
    {
      playlist: (playlist, asked) => ({
        ...spoiltParts(playlist, ({ durationS }) => ({ durationS: durationS * 0.8 })),
        partTargetS: isLater(asked) ? 0.3 : 0.216,
      }),
    },
    'short part: part',
  ],
  [
    'the hold back changes and the part target does not',
    { text: replaced(/PART-HOLD-BACK=[\d.]+/, 'PART-HOLD-BACK=0.9') },
    'hold back: was',
  ],
  ['the version changes', { text: replaced('VERSION:10', 'VERSION:11') }, 'version: was'],
  ['the version is too low for updates', { text: always('VERSION:10', 'VERSION:8') }, 'version: 8'],
  [
    'the media sequence goes back',
    { text: replaced(/MEDIA-SEQUENCE:\d+/, 'MEDIA-SEQUENCE:0') },
    'media sequence: went back',
  ],
  [
    'the end goes back',
    { playlist: changed(({ segments }) => ({ segments: segments.slice(0, -2) })), waitsUntil: () => true },
    'end: went back',
  ],
  ['a segment changes its name', { playlist: segmentsChanged(({ name }) => ({ name: `x${name}` })) }, 'changed: uri'],
  [
    'a segment changes its duration',
    { playlist: segmentsChanged(({ durationS }) => ({ durationS: durationS - 0.02 })) },
    'changed: durationS',
  ],
  [
    'a segment changes its wall clock',
    { playlist: segmentsChanged(({ wallMs }) => ({ wallMs: wallMs + 7 })) },
    'changed: wallMs',
  ],
  ['a segment becomes a gap afterwards', { playlist: segmentsChanged(() => ({ isGap: true })) }, 'changed: isGap'],
  ['listed parts change', { text: replaced(/PART:DURATION=0.20000/g, 'PART:DURATION=0.19999') }, 'changed: the parts'],
  [
    'parts come back that had gone',
    {
      playlist: segmentsChanged(({ parts, name, durationS }, i) =>
        i === 4 && parts.length === 0 ? { parts: [{ name: `${name}.part`, durationS, isIndependent: true }] } : {},
      ),
    },
    'changed: the parts',
  ],
  [
    'EXT-X-INDEPENDENT-SEGMENTS appears later',
    { text: (text, asked) => (isLater(asked) ? text : text.replace('#EXT-X-INDEPENDENT-SEGMENTS\n', '')) },
    'independence: EXT-X-INDEPENDENT-SEGMENTS came later',
  ],
  [
    'the discontinuity sequence rises without a removed discontinuity',
    { playlist: changed(() => ({ discontinuitySequence: 2 })) },
    'discontinuity:',
  ],
  [
    'a break without a discontinuity sequence',
    { text: always(/#EXT-X-DISCONTINUITY-SEQUENCE:\d+\n/, '') },
    'discontinuity: EXT-X-DISCONTINUITY without',
  ],
  ['a missing EXT-X-DISCONTINUITY', { text: always('#EXT-X-DISCONTINUITY\n', '') }, 'init file: '],
  [
    'a part is longer than the part target',
    partsChanged(({ durationS }) => ({ durationS: durationS * 1.1 })),
    'part target: part',
  ],
  ['a part is too short', partsChanged(({ durationS }) => ({ durationS: durationS * 0.8 })), 'short part: part'],
  ['a part has no duration', partsChanged(() => ({ durationS: 0 })), 'empty: part'],
  [
    'parts do not add up to their segment',
    partsChanged(({ durationS }) => ({ durationS: durationS - 0.005 })),
    'parts: those of segment',
  ],
  [
    'parts are listed for too long',
    {
      text: (text) =>
        text.replace(/(#EXTINF[^\n]+\n(t_\w+seg\d)\.mp4)/g, '#EXT-X-PART:DURATION=1.00000,URI="$2.part"\n$1'),
    },
    'old parts:',
  ],
  [
    'a part begins with a key sample and does not say so',
    { text: always(/,INDEPENDENT=YES/g, '') },
    'independence: part',
  ],
  [
    'a part says that it begins with a key sample and does not',
    partsChanged(() => ({ isIndependent: true })),
    'independence: part',
  ],
  ['no hold back for parts', { text: always(/,PART-HOLD-BACK=[\d.]+/, '') }, 'hold back: there are parts'],
  [
    'a hold back that is too short',
    { text: always(/PART-HOLD-BACK=[\d.]+/, 'PART-HOLD-BACK=0.4') },
    'hold back: PART-HOLD-BACK 0.4',
  ],
  ['a skip boundary that is too near', { text: always('CAN-SKIP-UNTIL=6', 'CAN-SKIP-UNTIL=5') }, 'skip boundary:'],
  ['parts without blocking requests', { text: always('CAN-BLOCK-RELOAD=YES,', '') }, 'server control:'],
  ['no hint', { text: always(/#EXT-X-PRELOAD-HINT.*\n/, '') }, 'hint: no part'],
  [
    'a hint that is not fulfilled',
    {
      text: (text, { nowMs }) => (nowMs === 12_000 ? text.replace(/(HINT:TYPE=PART,URI="t_\w+part)\d+/, '$1x') : text),
    },
    'hint: ',
  ],
  ['one address twice', { text: always(/_seg\d+/g, '_seg10') }, 'addresses:'],
  ['no wall clock', { text: always(/#EXT-X-PROGRAM-DATE-TIME.*\n/g, '') }, 'wall clock: segment'],
  [
    'a wall clock that jumps',
    { playlist: segmentsChanged(({ number, wallMs }) => ({ wallMs: number > 11 ? wallMs + 1500 : wallMs })) },
    'wall clock: segment',
  ],
  [
    'a wall clock that stops',
    { playlist: (playlist) => ({ ...playlist, segments: playlist.segments.map((one) => ({ ...one, wallMs: 0 })) }) },
    'wall clock: segment',
  ],
  [
    'picture and sound that tell different wall clocks',
    {
      text: (text, { rendition }) => (rendition === 'video1' ? text : text.replace(/(TIME:\d+-01-01T00):00/g, '$1:01')),
    },
    'wall clock: segment',
  ],
  [
    'an update that skips too much',
    { text: always(/SKIP:SKIPPED-SEGMENTS=(\d+)/, 'SKIP:SKIPPED-SEGMENTS=3') },
    'changed: uri of segment',
  ],
  [
    'an update that skips into the boundary',
    {
      text: (text) =>
        text.replace(/SKIP:SKIPPED-SEGMENTS=2\n(?:.*\n)*?t_\w+seg\d+\.mp4\n/, 'SKIP:SKIPPED-SEGMENTS=3\n'),
    },
    'update: skips up to',
  ],
  [
    'an update that was not requested',
    {
      text: (text, { skip, msn }) => {
        const rest = text.replace(/#EXT-X-MAP[^\n]+\n(?:.*\n)*?t_\w+seg\d+\.mp4\n/, '#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n');
        return skip || msn === undefined ? text : rest;
      },
    },
    'update: came without being asked for',
  ],
  [
    'an update that forgets a segment',
    { text: (text, { skip }) => (skip ? text.replace(/#EXTINF[^\n]+\nt_\w+seg\d+\.mp4\n/, '') : text) },
    'changed: uri of segment',
  ],
  [
    'an update that omits changes of the whole playlist',
    { text: (text, { skip }) => (skip ? text.replace(/,INDEPENDENT=YES/g, '') : text) },
    'update: does not give the whole playlist',
  ],
  [
    'a blocking request that is answered too early',
    { waitsUntil: (asked, isThere) => isThere || asksAhead(asked) },
    'blocking: _HLS_msn',
  ],
  [
    'a blocking request that is answered seconds too late',
    { waitsUntil: ({ nowMs, msn }, isThere) => isThere && (msn === undefined || nowMs % 3_000 < 40) },
    'blocking: _HLS_msn',
  ],
  [
    'a blocking request that fails',
    { status: (asked, status) => (isLater(asked) && asksAhead(asked) ? 503 : status) },
    'blocking: _HLS_msn',
  ],
  [
    'a blocking request that is given up again and again',
    {
      waitsUntil: (asked, isThere) => (isLater(asked) && asksAhead(asked) ? asked.nowMs > 15_200 : isThere),
      status: (asked, status) => (asked.nowMs > 15_200 && asksAhead(asked) ? 503 : status),
    },
    'blocking: _HLS_msn',
  ],
  ['wrong directives that are served', { status: () => 200 }, 'blocking: {"_HLS_'],
  ['no rendition reports', { text: always(/#EXT-X-RENDITION-REPORT.*\n/, '') }, 'rendition report: '],
  [
    'a rendition report that lies',
    { text: always(/LAST-MSN=(\d+)/, 'LAST-MSN=1$1') },
    'rendition report: audio2_stream.m3u8 says',
  ],
  [
    'a rendition report without a number',
    { text: always(/,LAST-MSN=\d+/, '') },
    'rendition report: audio2_stream.m3u8 without',
  ],
  ['an unknown tag', { text: always('#EXT-X-PART-INF', '#EXT-X-NOVELTY:1\n#EXT-X-PART-INF') }, 'tags: EXT-X-NOVELTY'],
  ['a playlist that is none', { text: replaced('#EXTM3U', 'EXTM3U') }, 'syntax: '],
  ['a part that is not there', { file: spoilt(/part6\d/, () => undefined) }, 'file: '],
  [
    'a segment that goes with its line',
    { file: (name, bytes, nowMs) => (/_seg3\./.test(name) && nowMs > LATER_MS ? undefined : bytes) },
    'left: segment 3',
  ],
  ['a part without a byte', { file: spoilt(/part6\d/, () => new Uint8Array(0)) }, 'empty: '],
  ['a part that is cut short', { file: spoilt(/part6\d/, (bytes) => bytes.subarray(0, -1)) }, 'media: part'],
  ['a part that lies elsewhere in time', { file: spoilt(/video1_part6\d/, moved) }, 'continuity: part'],
  [
    'a segment that is not what its parts are',
    { file: spoilt(/video1_seg1\d/, (bytes) => bytes.fill(1, -1)) },
    'parts: those of segment',
  ],
  ['an init segment that is none', { file: spoilt(/init1?\.mp4/, (bytes) => bytes.subarray(0, 40)) }, 'media: init'],
  ['wrong codecs', { multivariant: (text) => text.replace('42C00A', '64001F') }, 'codecs: '],
  ['a codec missing in CODECS', { multivariant: (text) => text.replace(',mp4a.40.2', '') }, 'codecs: '],
  ['a wrong size of the picture', { multivariant: (text) => text.replace('64x48', '640x480') }, 'resolution: '],
  ['less than the bandwidth', { multivariant: (text) => text.replace('=100000', '=20000') }, 'bandwidth: '],
  [
    'more on average than at most',
    { multivariant: (text) => text.replace('=90000', '=190000') },
    'bandwidth: on average',
  ],
  [
    'an audio group that is not there',
    { multivariant: (text) => text.replace('AUDIO="audio"', 'AUDIO="other"') },
    'audio: group',
  ],
  ['no default in a group', { multivariant: (text) => text.replace('DEFAULT=YES', 'DEFAULT=NO') }, 'audio: group'],
];

/** The decode time of the fragment, half a second later. */
function moved(bytes: Uint8Array): Uint8Array {
  const at = Buffer.from(bytes).indexOf('tfdt', 0, 'latin1') + 8;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const is64 = view.getUint8(at - 4) === 1;
  view.setUint32(at + (is64 ? 4 : 0), view.getUint32(at + (is64 ? 4 : 0)) + 45_000);
  return bytes;
}

test.for(FAULTS)('this fault is found: %s', async ([, faults, complaint]) => {
  const { violations } = await play(faults);
  const rules = violations.map((text) => text.replace(/^\w+_stream\.m3u8: /, ''));
  expect(
    rules.filter((text) => text.startsWith(complaint)),
    violations.slice(0, 5).join('\n'),
  ).not.toEqual([]);
});
