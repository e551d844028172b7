/** A group of pictures has a few MB; a browser that is farther behind does not catch up. */
const MAX_QUEUED_BYTES = 64 << 20;
const KEPT_BEHIND_S = 2;
/** Minimum to remove at once. */
const WORTH_REMOVING_S = 8;

interface Fragment {
  readonly bytes: ArrayBuffer;
  readonly isKey: boolean;
  /** MIME type of the buffer. */
  readonly type?: string;
}

type Ranges = readonly (readonly [startS: number, endS: number])[];

interface MseBufferListener {
  onAppended(): void;
  /** Nothing can be appended any more. */
  onFailed(reason: string): void;
}

/** A queue for a SourceBuffer, which holds only the last seconds. */
export class MseBuffer {
  readonly #buffer: SourceBuffer;
  readonly #video: HTMLVideoElement;
  readonly #listener: MseBufferListener;
  readonly #queue: Fragment[] = [];
  /** Media times of key frames in seconds: removal ends at one of them. */
  readonly #keysS: number[] = [];
  #queuedBytes = 0;
  #isOver = false;
  #wasFull = false;

  constructor(buffer: SourceBuffer, video: HTMLVideoElement, listener: MseBufferListener) {
    this.#buffer = buffer;
    this.#video = video;
    this.#listener = listener;
    buffer.addEventListener('updateend', () => this.#onUpdated());
    buffer.addEventListener('error', () => this.#fail('the browser rejects the media'));
  }

  /** @param type of the following init segment: `video/mp4; codecs="…"` */
  push(bytes: ArrayBuffer, isKey: boolean, type?: string): void {
    this.#queue.push(type === undefined ? { bytes, isKey } : { bytes, isKey, type });
    this.#queuedBytes += bytes.byteLength;
    if (this.#queuedBytes > MAX_QUEUED_BYTES) {
      this.#fail('the browser is too slow');
      return;
    }
    this.#pump();
  }

  /** Buffered ranges, oldest first. */
  get ranges(): Ranges {
    if (this.#isOver) {
      return [];
    }
    const { buffered } = this.#buffer;
    return Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)] as const);
  }

  close(): void {
    this.#isOver = true;
    this.#queue.length = 0;
  }

  #onUpdated(): void {
    if (this.#isOver) {
      return;
    }
    this.#listener.onAppended();
    this.#pump();
  }

  #pump(): void {
    if (this.#isOver || this.#buffer.updating || this.#queue.length === 0 || this.#removeOld(WORTH_REMOVING_S)) {
      return;
    }
    const fragments = this.#take();
    const [first] = fragments;
    const endS = this.ranges.at(-1)?.[1];
    try {
      if (first?.type !== undefined) {
        this.#buffer.changeType(first.type);
      }
      this.#buffer.appendBuffer(first && fragments.length === 1 ? first.bytes : joined(fragments));
    } catch (error) {
      this.#onRefusal(error, fragments);
      return;
    }
    this.#wasFull = false;
    if (first?.isKey && endS !== undefined) {
      this.#keysS.push(endS);
    }
    for (const { bytes } of fragments) {
      this.#queuedBytes -= bytes.byteLength;
    }
  }

  /** Joins the queued data up to the next segment that needs its own append: each call has a fixed cost. */
  #take(): Fragment[] {
    const isApart = ({ isKey, type }: Fragment) => isKey || type !== undefined;
    const next = this.#queue.findIndex((fragment, i) => i > 0 && isApart(fragment));
    return this.#queue.splice(0, next < 0 ? this.#queue.length : next);
  }

  #onRefusal(error: unknown, fragments: readonly Fragment[]): void {
    const isFull = error instanceof DOMException && error.name === 'QuotaExceededError';
    if (isFull && !this.#wasFull) {
      this.#wasFull = true;
      this.#queue.unshift(...fragments);
      if (this.#removeOld(0)) {
        return;
      }
    }
    this.#fail(isFull ? 'the browser has no room for more' : `the browser rejects the media: ${error}`);
  }

  /**
   * Removes played data. Browsers extend a removal up to the next key frame, which may not be buffered yet, so the end
   * is right before a buffered one.
   *
   * @returns whether the buffer is busy removing
   */
  #removeOld(worthS: number): boolean {
    const oldestS = this.ranges[0]?.[0];
    const playedS = this.#video.currentTime - KEPT_BEHIND_S;
    const at = this.#keysS.findLastIndex((keyS) => keyS <= playedS);
    const keyS = this.#keysS[at];
    if (oldestS === undefined || keyS === undefined || keyS - oldestS <= worthS) {
      return false;
    }
    this.#keysS.splice(0, at);
    // A rounded end must not be after the key frame.
    this.#buffer.remove(0, keyS - 0.01);
    return true;
  }

  #fail(reason: string): void {
    if (!this.#isOver) {
      this.close();
      this.#listener.onFailed(reason);
    }
  }
}

function joined(fragments: readonly Fragment[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(fragments.reduce((sum, { bytes }) => sum + bytes.byteLength, 0));
  let at = 0;
  for (const { bytes } of fragments) {
    all.set(new Uint8Array(bytes), at);
    at += bytes.byteLength;
  }
  return all;
}
