import type { ProtectedTimes } from '../serving/paired-recording-routes.ts';
import type { BoxRecordings, FetchRange } from './box-recordings.ts';

/** Recordings of a box that are never deleted there. */
export type BoxProtection = ProtectedTimes['items'][number];

/** Ranges of the wanted recordings that are protected on their box, by path there. */
export class BoxProtections {
  readonly #of = new Map<string, readonly BoxProtection[]>();

  async read(
    groups: readonly string[],
    { sinceUs = 0, untilUs = Number.POSITIVE_INFINITY }: FetchRange,
    source: Pick<BoxRecordings, 'protectedTimes'>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const group of groups) {
      const ranges: BoxProtection[] = [];
      for await (const range of source.protectedTimes(group, signal)) {
        if (range.endUs > sinceUs && range.startUs < untilUs) {
          ranges.push(range);
        }
      }
      this.#of.set(group, ranges);
    }
  }

  of(group: string): readonly BoxProtection[] {
    return this.#of.get(group) ?? [];
  }

  covers(group: string, fromUs: number, toUs: number): boolean {
    return this.of(group).some(({ startUs, endUs }) => startUs < toUs && endUs > fromUs);
  }
}
