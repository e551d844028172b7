import { hold, release } from '../../../media/sample/slab.ts';
import { MAX_REPLAY_BYTES } from '../../../stream/gop-cache.ts';
import type { LiveFragment } from './live-fragment.ts';

/** What a replay is given to. */
export interface FragmentSink {
  /** @returns whether the fragment has to stay as it is beyond the call */
  onFragment(fragment: LiveFragment): boolean;
}

const LIMIT_FRAGMENTS = 20_000;

/** The fragments since the last key picture, bounded. Copies nothing. */
export class FragmentGroup {
  #fragments: LiveFragment[] = [];
  #bytes = 0;
  #isOpen = false;

  /** Nothing while no group is kept. */
  get first(): LiveFragment | undefined {
    return this.#fragments[0];
  }

  /** The newest with a picture. */
  get newest(): LiveFragment | undefined {
    return this.#fragments.findLast(({ hasVideo }) => hasVideo);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A key picture comes: a group begins with it. */
  open(): void {
    this.clear();
    this.#isOpen = true;
  }

  add(fragment: LiveFragment): void {
    if (!this.#isOpen) {
      return;
    }
    this.#bytes += fragment.message.length;
    if (this.#bytes > MAX_REPLAY_BYTES || this.#fragments.length === LIMIT_FRAGMENTS) {
      // Half a group is of no use to anybody: wait for the next.
      this.clear();
      return;
    }
    hold(fragment.message);
    this.#fragments.push(fragment);
  }

  /** All in their order; the first begins with the key picture. Ends early when the sink brings it about that the group is let go. */
  replay(sink: FragmentSink): void {
    const fragments = this.#fragments;
    for (let i = 0; i < fragments.length && fragments === this.#fragments; i += 1) {
      const fragment = fragments[i] as LiveFragment;
      // A hold on what is kept, or may be because the sink threw, is never released: left to the collector.
      hold(fragment.message);
      if (!sink.onFragment(fragment)) {
        release(fragment.message);
      }
    }
  }

  clear(): void {
    for (const { message } of this.#fragments) {
      release(message);
    }
    this.#fragments = [];
    this.#bytes = 0;
    this.#isOpen = false;
  }
}
