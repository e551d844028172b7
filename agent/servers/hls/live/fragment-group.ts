import { hold, release } from '../../../media/sample/slab.ts';
import { MAX_REPLAY_BYTES } from '../../../stream/gop-cache.ts';
import type { LiveFragment } from './live-fragment.ts';

export interface FragmentSink {
  /** @returns whether the fragment is needed after the call */
  onFragment(fragment: LiveFragment): boolean;
}

/** The fragments since the last key frame, bounded, without copies. */
export class FragmentGroup {
  #fragments: LiveFragment[] = [];
  #bytes = 0;
  #isOpen = false;

  /** The first fragment; undefined without a group. */
  get first(): LiveFragment | undefined {
    return this.#fragments[0];
  }

  /** The newest fragment with video. */
  get newest(): LiveFragment | undefined {
    return this.#fragments.findLast(({ hasVideo }) => hasVideo);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Starts a group with a key frame. */
  open(): void {
    this.clear();
    this.#isOpen = true;
  }

  add(fragment: LiveFragment): void {
    if (!this.#isOpen) {
      return;
    }
    this.#bytes += fragment.message.length;
    if (this.#bytes > MAX_REPLAY_BYTES || this.#fragments.length === 20_000) {
      // A partial group is useless: wait for the next one.
      this.clear();
      return;
    }
    hold(fragment.message);
    this.#fragments.push(fragment);
  }

  /** Delivers the fragments in order, starting with the key frame. Stops if the sink causes the group to be dropped. */
  replay(sink: FragmentSink): void {
    const fragments = this.#fragments;
    for (let i = 0; i < fragments.length && fragments === this.#fragments; i += 1) {
      const fragment = fragments[i] as LiveFragment;
      // A hold that the sink keeps, or may keep because it threw, is left to the garbage collector.
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
