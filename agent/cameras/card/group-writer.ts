import { keyDigestOf, releaseAll, TakenGroups } from './card-groups.ts';
import { isSameTime } from './comparison.ts';
import type { CardGroup, GapRecorder } from './gap-recorder.ts';

/** Groups of two recordings that overlap by more are the same, or parts of it. */
const OVERLAP_MS = 100;

/** Writes the groups of the recordings of one source. */
export class GroupWriter {
  readonly taken = new TakenGroups();
  groups = 0;
  seconds = 0;
  /** Begin of the first group. */
  beginMs: number | undefined;
  /** End of the last group, or begin of the gap. */
  endMs: number;
  readonly #recorder: GapRecorder;
  readonly #onGroup: ((group: CardGroup) => void) | undefined;
  #last: CardGroup | undefined;

  constructor(recorder: GapRecorder, fromMs: number, onGroup: ((group: CardGroup) => void) | undefined) {
    this.#recorder = recorder;
    this.endMs = fromMs;
    this.#onGroup = onGroup;
  }

  write(group: CardGroup): void {
    this.#settleLast(group);
    this.#write(group);
  }

  /** The end of one recording is often the begin of the next one, which has the whole group: the last one waits for that. */
  keep(group: CardGroup | undefined): void {
    this.#settleLast(group);
    this.#last = group;
  }

  /** Nothing follows. @param isFailed what waits is not written */
  end(isFailed = false): void {
    if (isFailed && this.#last) {
      releaseAll(this.#last.units);
      this.#last = undefined;
    }
    this.#settleLast(undefined);
  }

  #settleLast(next: CardGroup | undefined): void {
    const before = this.#last;
    this.#last = undefined;
    const isPart =
      before && next && isSameTime(before.startMs, next.startMs) && keyDigestOf(before) === keyDigestOf(next);
    if (before && (isPart || (next && next.startMs < before.endMs - OVERLAP_MS))) {
      releaseAll(before.units);
    } else if (before && !this.taken.has(keyDigestOf(before), before.startMs)) {
      this.taken.add(keyDigestOf(before), before.startMs);
      this.#write(before);
    }
  }

  #write(group: CardGroup): void {
    this.#recorder.write(group);
    this.#onGroup?.(group);
    this.beginMs ??= group.startMs;
    this.groups += 1;
    this.seconds += (group.endMs - group.startMs) / 1_000;
    this.endMs = group.endMs;
  }
}
