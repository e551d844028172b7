import { expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { readMedia } from '../hls-validator/read-media.ts';
import { readMultivariant } from '../hls-validator/read-multivariant.ts';
import { mutate } from '../support/base/mutate.ts';
import { random } from '../support/base/random.ts';

const MEDIA = `#EXTM3U
#EXT-X-VERSION:10
#EXT-X-TARGETDURATION:1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.648,CAN-SKIP-UNTIL=6
#EXT-X-PART-INF:PART-TARGET=0.216
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXT-X-SKIP:SKIPPED-SEGMENTS=2
# a comment
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:09.000Z
#EXTINF:1.00000,
seg9.mp4?a="b"
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init1.mp4?x=1,2"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:10.000Z
#EXT-X-PART:DURATION=0.2,URI="part1.mp4",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.2,URI="part2.mp4",GAP=YES
#EXT-X-GAP
#EXTINF:0.4,title
gap.mp4
#EXT-X-PART:DURATION=0.2,URI="part3.mp4"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part4.mp4"
#EXT-X-RENDITION-REPORT:URI="audio2_stream.m3u8",LAST-MSN=11,LAST-PART=0
#EXT-X-NOVELTY
`;

const MULTIVARIANT = `#EXTM3U
#EXT-X-VERSION:10
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio2",DEFAULT=YES,URI="audio2_stream.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2000,AVERAGE-BANDWIDTH=1000,CODECS="avc1.42C00A,mp4a.40.2",RESOLUTION=64x48,FRAME-RATE=25.000,AUDIO="audio",SCORE=2.0
video1_stream.m3u8
`;

test('a media playlist is parsed: its header, segments, parts and hints', () => {
  const media = readMedia(MEDIA);
  expect(media).toMatchObject({
    targetDurationS: 1,
    partTargetS: 0.216,
    canBlockReload: true,
    partHoldBackS: 0.648,
    canSkipUntilS: 6,
    skipped: 2,
    hint: 'part4.mp4',
    reports: [{ uri: 'audio2_stream.m3u8', lastMsn: 11, lastPart: 0 }],
    unknownTags: ['EXT-X-NOVELTY'],
  });
  expect(media.segments).toMatchObject([
    { number: 9, uri: 'seg9.mp4?a="b"', map: undefined, discontinuity: 2, isGap: false, parts: [] },
    { number: 10, map: 'init1.mp4?x=1,2', discontinuity: 3, isGap: true, wallMs: Date.UTC(2026, 0, 1, 0, 0, 10) },
  ]);
  expect(media.segments[1]?.parts).toMatchObject([{ isIndependent: true }, { isGap: true }]);
  expect(media.running).toMatchObject({ number: 11, parts: [{ uri: 'part3.mp4', durationS: 0.2 }] });
});

test('a multivariant playlist is read', () => {
  const codecs = ['avc1.42C00A', 'mp4a.40.2'];
  expect(readMultivariant(MULTIVARIANT)).toMatchObject({
    variants: [{ bandwidth: 2000, averageBandwidth: 1000, codecs, width: 64, height: 48, fps: 25, score: 2 }],
    audio: [{ group: 'audio', name: 'audio2', uri: 'audio2_stream.m3u8', isDefault: true }],
  });
});

test.for([
  ['#EXTM3U', 'EXTM3U', 'does not begin'],
  ['#EXT-X-TARGETDURATION:1\n', '', 'without EXT-X-TARGETDURATION'],
  ['TARGETDURATION:1', 'TARGETDURATION:1.5', 'no decimal integer'],
  ['#EXT-X-VERSION:10\n', '#EXT-X-VERSION:10\n#EXT-X-VERSION:10\n', 'EXT-X-VERSION twice'],
  ['#EXTINF:1.00000,\n', '', 'without EXTINF'],
  ['#EXTINF:1.00000,', '#EXTINF:1.00000', "EXTINF '1.00000'"],
  ['#EXTINF:1.00000,', '#EXTINF:-1,', 'no decimal number'],
  ['URI="part1.mp4"', 'URI=part1.mp4', 'no string in quotes'],
  ['URI="part1.mp4"', 'URI="part1.mp4', 'EXT-X-PART has attributes'],
  ['DURATION=0.2,URI="part1.mp4"', 'URI="part1.mp4"', 'EXT-X-PART without DURATION'],
  ['INDEPENDENT=YES', 'INDEPENDENT=MAYBE', 'neither YES nor NO'],
  ['09.000Z', '99.000Z', 'EXT-X-PROGRAM-DATE-TIME'],
  ['09.000Z', '09.000', 'EXT-X-PROGRAM-DATE-TIME'],
  ['#EXT-X-GAP', '#EXT-X-MAP:URI="late.mp4"', 'after the parts'],
  ['TYPE=PART,', 'TYPE=PART,TYPE=PART,', 'EXT-X-PRELOAD-HINT has attributes'],
] as const)('no client makes sense of a playlist with %j made %j', ([from, to, complaint]) => {
  expect(() => readMedia(MEDIA.replace(from, to))).toThrow(complaint);
});

test('damaged playlists are rejected or parsed', () => {
  const next = random(8216);
  for (const text of [MEDIA, MULTIVARIANT]) {
    const read = text === MEDIA ? readMedia : readMultivariant;
    for (let i = 0; i < 5_000; i += 1) {
      try {
        read(Buffer.from(mutate(Buffer.from(text), next)).toString('latin1'));
      } catch (error) {
        expect(error).toBeInstanceOf(PerchError);
      }
    }
  }
});
