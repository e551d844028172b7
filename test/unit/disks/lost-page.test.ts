import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { PACKET_BYTES } from '../../../agent/media/mpegts/packetize.ts';
import { readChecksum } from '../../../agent/record/mpegts/ts-checksum.ts';
import { recoverFile } from '../../../agent/record/recovery/recovery.ts';
import { byLength } from '../../peers/programs/peers.ts';
import { random } from '../../support/base/random.ts';
import { openRecording } from '../../support/disks/read-recording.ts';
import { disagreements, type Piece, viewsOf } from '../../support/disks/recording-views.ts';
import { feed, opusSound, opusTrack, startRecorder, temporaryFolder, WALL } from '../../support/disks/recordings.ts';
import { type Clip, clipOf, LATER } from '../../support/disks/unfinished-clips.ts';
import { openPlayback } from '../../support/harness/playback.ts';
import { tinyH264, tinyVideo } from '../../support/media/tiny-h264.ts';

const PAGE_BYTES = 4_096;
/** The start of a PES packet with video. */
const PICTURE = Buffer.of(0, 0, 1, 0xe0);
/** In the short length every twelfth page, others for each length of groups and each fill. */
const STEP = byLength(12, 1);
const SECONDS = 7;
const FPS = 10;
/** The last part, and two that share the lost page. */
const MAX_CUT_BYTES = 80_000;
/** Pictures in a group: each part has a key frame, only some have one, or one begins in the middle of a part. */
const GROUPS = [10, 20, 25] as const;
const FILLS = {
  zeros: (bytes: Buffer) => bytes.fill(0),
  'old bytes': (bytes: Buffer, next: () => number) => {
    for (let i = 0; i < bytes.length; i += 1) {
      bytes[i] = next() * 256;
    }
  },
} as const;
type Fill = keyof typeof FILLS;

/** A tiny picture with filler data (NAL unit type 12), as long as a small one. */
function grown(picture: Uint8Array, next: () => number): Uint8Array {
  const filler = Uint8Array.from({ length: 1_100 }, () => 1 + next() * 255);
  new DataView(filler.buffer).setUint32(0, filler.length - 4);
  filler[4] = 12;
  return Buffer.concat([picture, filler]);
}

interface LargeClip extends Clip {
  /** By picture: the index of its part. */
  readonly parts: readonly number[];
  /** Bytes at the end of a part that carry nothing. */
  readonly paddingBytes: number;
}

/** As a power cut leaves a recording of parts of several pages, without its end. */
async function recordLarge(format: 'fmp4' | 'mpegts', group: number): Promise<LargeClip> {
  using folder = temporaryFolder();
  const next = random(group);
  await using running = startRecorder(folder.path, { format }, [tinyH264, opusTrack]);
  const video = tinyVideo(SECONDS * FPS, FPS, group, 900_000, WALL).map((sample) => ({
    ...sample,
    data: grown(sample.data, next),
  }));
  feed(running.stream, [video, opusSound(SECONDS * 50, 480_000, WALL)]);
  running.stream.close();
  await running.recorder.stop();
  const name = running.log.names[0] ?? '';
  if (format === 'mpegts') {
    return { ...streamClip(readFileSync(name)), file: name.slice(folder.path.length + 1) };
  }
  const clip = await clipOf(name);
  const { fragments } = await openRecording(clip.file);
  const parts = fragments.flatMap(({ runs }, part) => {
    const count = runs.filter(({ trackId }) => trackId === 1).reduce((sum, run) => sum + run.count, 0);
    return new Array<number>(count).fill(part);
  });
  return { ...clip, file: clip.file.slice(folder.path.length + 1), parts, paddingBytes: 0 };
}

function streamClip(whole: Buffer): Omit<LargeClip, 'file'> {
  const bytes = whole.subarray(0, -PACKET_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ends: number[] = [];
  const parts: number[] = [];
  for (let at = 0; at < bytes.length; at += PACKET_BYTES) {
    const isPicture = view.getUint32(at + 4) !== 0 && bytes.subarray(at, at + PACKET_BYTES).includes(PICTURE);
    if (isPicture) {
      parts.push(ends.length);
    }
    if (readChecksum(view, at)) {
      ends.push(at + PACKET_BYTES);
    }
  }
  return {
    bytes: Buffer.from(bytes),
    whole,
    layout: { initBytes: 0, durationOffset: 0, ends },
    parts,
    paddingBytes: PACKET_BYTES - 25,
  };
}

/** The pieces that are left, by the parts that lost no byte: computed from times alone. */
function piecesLeft(
  { layout, parts, paddingBytes }: LargeClip,
  group: number,
  sizeBytes: number,
  lost: readonly [number, number],
): Piece[] {
  const { ends, initBytes } = layout;
  const isWhole = ends.map((end, i) => {
    const start = i === 0 ? initBytes : (ends[i - 1] as number);
    return end <= sizeBytes && !(lost[0] < end - paddingBytes && lost[1] > start);
  });
  // The marks of a stream are in its first packets.
  if (lost[0] < Math.max(1, initBytes)) {
    return [];
  }
  const pieces: { start: number; seconds: number }[] = [];
  let isDecodable = false;
  for (let picture = 0; picture < SECONDS * FPS; picture += 1) {
    const isThere = isWhole[parts[picture] ?? -1] === true;
    const isKey = picture % group === 0;
    const begins = isThere && isKey && !isDecodable;
    isDecodable = isThere && (isDecodable || isKey);
    if (begins) {
      pieces.push({ start: WALL / 1000 + picture / FPS, seconds: 0 });
    }
    const last = pieces.at(-1);
    if (isDecodable && last) {
      last.seconds += 1 / FPS;
    }
  }
  return pieces;
}

/** The longest track counts: audio may end a frame later. */
const TOLERANCE_SECONDS = 1.2 / FPS;
const isLike = (pieces: readonly Piece[], others: readonly Piece[]): boolean =>
  pieces.length === others.length &&
  pieces.every(
    ({ start, seconds }, i) =>
      Math.abs(start - (others[i]?.start ?? 0)) < 0.001 &&
      Math.abs(seconds - (others[i]?.seconds ?? 0)) < TOLERANCE_SECONDS,
  );
const textOf = (pieces: readonly Piece[]): string =>
  pieces.map(({ start, seconds }) => `${(start - WALL / 1000).toFixed(1)}+${seconds.toFixed(1)}`).join();

const CASES = [
  ...GROUPS.map((group) => ['fmp4', group] as const),
  ...GROUPS.map((group) => ['mpegts', group] as const),
];

const firstPage = (group: number, fill: Fill): number => (group + (fill === 'zeros' ? 0 : 3)) % STEP;

const clips = new Map<string, Promise<LargeClip>>();
function clipOnce(format: 'fmp4' | 'mpegts', group: number): Promise<LargeClip> {
  const clip = clips.get(`${format} ${group}`) ?? recordLarge(format, group);
  clips.set(`${format} ${group}`, clip);
  return clip;
}

for (const [format, group] of CASES) {
  for (const fill of Object.keys(FILLS) as Fill[]) {
    test.for([
      ['whole otherwise', 0],
      ['truncated in its last part', 6_000],
    ] as const)(
      `a recording in ${format} with groups of ${group} pictures and a page of ${fill}, %s, is the same in all views`,
      { timeout: 120_000 },
      async ([, missingBytes]) => {
        const clip = await clipOnce(format, group);
        const sizeBytes = clip.bytes.length - missingBytes;
        const faults: string[] = [];
        for (let page = firstPage(group, fill) * PAGE_BYTES; page < sizeBytes; page += STEP * PAGE_BYTES) {
          const lost = [page, Math.min(page + PAGE_BYTES, sizeBytes)] as const;
          const left = Buffer.from(clip.bytes.subarray(0, sizeBytes));
          FILLS[fill](left.subarray(...lost), random(page + 1));
          const expected = piecesLeft(clip, group, sizeBytes, lost);
          faults.push(
            ...(await faultsOf(clip.file, left, expected)).map((fault) => `page ${page / PAGE_BYTES}: ${fault}`),
          );
          expect(faults.slice(0, 5)).toEqual([]);
        }
      },
    );
  }
}

async function faultsOf(name: string, left: Buffer, expected: readonly Piece[]): Promise<string[]> {
  using folder = temporaryFolder();
  const file = join(folder.path, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, left);
  const faults: string[] = [];
  await using playback = openPlayback(folder.path);
  for (const when of ['before', 'after'] as const) {
    if (when === 'after') {
      await recoverFile(file, LATER);
    }
    const views = await viewsOf(playback, 'cam', WALL * 1000);
    // An unfinished file lacks its last segment in playlists.
    const hls = when === 'before' ? views.list : views.hls;
    const found = disagreements({ ...views, hls }, TOLERANCE_SECONDS);
    if (!isLike(views.list, expected)) {
      found.push(`/list has ${textOf(views.list)}, left are ${textOf(expected)}`);
    }
    faults.push(...found.map((fault) => `${when} recovery: ${fault}`));
  }
  const kept = readFileSync(file);
  if (kept.length < left.length - MAX_CUT_BYTES) {
    faults.push(`${left.length - kept.length} bytes were deleted`);
  }
  return faults;
}
