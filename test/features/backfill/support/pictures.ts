import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Host } from '../../../../agent/features/contract.ts';
import type { SdCard } from '../../../onvif-camera/card/sd-card.ts';

/** Time in Unix milliseconds, and digest of its bytes without parameter sets. */
export type Dated = readonly [ms: number, hash: string];

/** Pictures of card and recording that are the same differ by less: times of live pictures are those of their arrival. */
export const SAME_MS = 600;

export const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

/** Pictures of the card, without their parameter sets, as recordings have them. */
export const picturesOf = ({ units, tracks }: SdCard): readonly Dated[] =>
  units
    .filter(({ track }) => track === 0)
    .map(({ unixMs, data }) => [unixMs, digest(withoutSets(data, tracks[0].codec))]);

export function withoutSets(unit: Uint8Array, codec: 'h264' | 'h265' = 'h264'): Uint8Array {
  const bytes = Buffer.from(unit);
  const isSet = (first = 0) =>
    codec === 'h264' ? [7, 8].includes(first & 0x1f) : [32, 33, 34].includes((first >> 1) & 0x3f);
  let at = 0;
  while (isSet(bytes[at + 4])) {
    at += 4 + bytes.readUInt32BE(at);
  }
  return bytes.subarray(at);
}

/** All recorded pictures of a path, as they are played. */
export async function recordedPictures({ recordings }: Pick<Host, 'recordings'>, path = 'door'): Promise<Dated[]> {
  const pictures: Dated[] = [];
  const range = { fromUs: 0, toUs: Date.now() * 1_000, signal: new AbortController().signal, wants: () => true };
  for await (const { data, timesUs } of recordings.playback.video(path, range)) {
    for (const [i, sample] of data.entries()) {
      pictures.push([(timesUs[i] ?? 0) / 1_000, digest(sample)]);
    }
  }
  return pictures;
}

interface Difference {
  /** Runs of pictures of the card that are not recorded. */
  readonly missing: readonly (readonly Dated[])[];
  /** Recorded pictures that are doubled, out of their order, of another time, or not of the card. */
  readonly wrong: readonly Dated[];
}

/** Compares what is recorded, in its order, with the card. */
export function differenceOf(recorded: readonly Dated[], card: readonly Dated[], sameMs = SAME_MS): Difference {
  const missing: Dated[][] = [];
  const wrong: Dated[] = [];
  let at = 0;
  for (const picture of recorded) {
    const [ms, hash] = picture;
    let found = at;
    while (found < card.length && (card[found]?.[0] ?? 0) < ms + sameMs && !isSame(card[found], picture, sameMs)) {
      found += 1;
    }
    const isFound = isSame(card[found], picture, sameMs);
    if (!isFound) {
      wrong.push([ms, hash]);
      continue;
    }
    if (found > at) {
      missing.push(card.slice(at, found));
    }
    at = found + 1;
  }
  return { missing: at < card.length ? [...missing, card.slice(at)] : missing, wrong };
}

export const isSame = (one: Dated | undefined, other: Dated | undefined, sameMs = SAME_MS): boolean =>
  one !== undefined && other !== undefined && one[1] === other[1] && Math.abs(one[0] - other[0]) < sameMs;

type Range = readonly [fromMs: number, untilMs: number];

/** Where less than a group of pictures is missing: at both ends of a gap. */
export const endsOf = ([fromMs, untilMs]: Range, groupMs: number, sameMs = SAME_MS): readonly Range[] => [
  [fromMs - sameMs, fromMs + groupMs + sameMs],
  [untilMs - groupMs - sameMs, untilMs + sameMs],
];

/** The recordings are those of the card, picture for picture: none is doubled or moved, and none is missing elsewhere. */
export function expectSame(
  recorded: readonly Dated[],
  card: readonly Dated[],
  mayMiss: readonly Range[],
  sameMs = SAME_MS,
): void {
  const { missing, wrong } = differenceOf(recorded, card, sameMs);
  const seconds = (ms = 0) => Number(((ms - (card[0]?.[0] ?? 0)) / 1_000).toFixed(2));
  const lost = missing.filter((run) => {
    const [from = 0, until = 0] = [run[0]?.[0], run.at(-1)?.[0]];
    return !mayMiss.some((range) => from >= range[0] && until <= range[1]);
  });
  const timesOf = (pictures: readonly Dated[], wanted: string) =>
    pictures.flatMap(([ms, hash]) => (hash === wanted ? [seconds(ms)] : [])).join(', ') || 'never';
  expect({
    wrong: wrong.map(
      ([ms, hash]) => `at ${seconds(ms)} s; recorded: ${timesOf(recorded, hash)}; on the card: ${timesOf(card, hash)}`,
    ),
    lost: lost.map((run) => `${run.length} pictures from ${seconds(run[0]?.[0])} to ${seconds(run.at(-1)?.[0])} s`),
  }).toEqual({ wrong: [], lost: [] });
}
