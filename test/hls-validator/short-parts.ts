import type { Media, Part } from './playlist.ts';
import { ROUNDING_S } from './playlist-rules.ts';

/** A part has at least this share of the part target (RFC 8216bis §4.4.4.9). */
const MIN_PART = 0.85;
/**
 * A camera that changed is noticed when its segment ends, and the part target falls only when the longer parts have gone from the list: those of
 * the segment itself and of two target durations after it. Segments are up to 1.44 target durations long, so a change excuses the parts
 * of this many before it.
 */
const EXCUSED_TARGETS = 6;

/** Neither independent nor the last of its segment, and shorter than this share of the target. */
export function shortOnes(parts: readonly Part[], targetS: number, isWhole: boolean): Part[] {
  return parts.filter((part, i) => {
    const isExcused = (isWhole && i === parts.length - 1) || part.isIndependent || part.isGap;
    // The newest part of an unfinished segment may be its last one.
    const isNewest = !isWhole && i === parts.length - 1;
    return !isExcused && !isNewest && part.durationS > 0 && part.durationS < MIN_PART * targetS - ROUNDING_S;
  });
}

/** Parts too short for the part target at their first listing, and for every part target soon after. */
export class ShortParts {
  readonly #seen = new Set<string>();
  #suspects: { readonly text: string; readonly wallMs: number }[] = [];
  #lastTargetS: number | undefined;

  take({ segments, running, partTargetS, targetDurationS }: Media): void {
    if (partTargetS === undefined) {
      return;
    }
    const all = [...segments, ...(running ? [running] : [])];
    const lastMs = all.findLast(({ parts, wallMs }) => parts.length > 0 && wallMs !== undefined)?.wallMs ?? 0;
    const isChange = this.#lastTargetS !== undefined && this.#lastTargetS !== partTargetS;
    if (isChange) {
      const sinceMs = lastMs - EXCUSED_TARGETS * targetDurationS * 1000;
      this.#suspects = this.#suspects.filter(({ wallMs }) => wallMs < sinceMs);
    }
    for (const segment of all) {
      const isWhole = segment !== running;
      const short = new Set(shortOnes(segment.parts, partTargetS, isWhole));
      for (const [i, part] of segment.parts.entries()) {
        const isNewest = !isWhole && i === segment.parts.length - 1;
        if (this.#seen.has(part.uri) || isNewest) {
          continue;
        }
        this.#seen.add(part.uri);
        // Parts listed with a change were made before it.
        if (short.has(part) && !isChange) {
          const text = `short part: part ${i} of segment ${segment.number} has ${part.durationS} s, target ${partTargetS} s`;
          this.#suspects.push({ text, wallMs: segment.wallMs ?? 0 });
        }
      }
    }
    this.#lastTargetS = partTargetS;
  }

  /** Parts that no change has excused. */
  end(): string[] {
    return this.#suspects.map(({ text }) => text);
  }
}
