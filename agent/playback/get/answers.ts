import { PerchError } from '../../base/errors.ts';
import type { Answer } from './get.ts';

/** Answers are kept as long as a player that seeks may come back, within these limits. */
const MAX_KEPT_ANSWERS = 16;
const MAX_KEPT_BYTES = 64 << 20;
/** An answer that is being made or sent stays in memory until its client has it: room for seven of six hours as plain MP4. */
const MAX_SENT_BYTES = 192 << 20;
const RETRY_SECONDS = 10;

/** The answers that are being made and sent, and some for those who come back. */
export class Answers {
  readonly #maxSentBytes: number;
  /** The newest last. */
  readonly #kept = new Map<string, Answer>();
  /** To how many requests each is being sent. */
  readonly #sent = new Map<Answer, number>();
  /** Set aside for those that are being made. */
  #reservedBytes = 0;

  constructor(maxSentBytes = MAX_SENT_BYTES) {
    this.#maxSentBytes = maxSentBytes;
  }

  kept(key: string): Answer | undefined {
    return this.#kept.get(key);
  }

  /**
   * @param likelyBytes what it will take in memory
   * @param done aborts when the request is over, whether its client has the answer or not
   * @throws PerchError 'exhausted' when there is no room for another
   */
  async make(key: string, likelyBytes: number, build: () => Promise<Answer>, done?: AbortSignal): Promise<Answer> {
    const usedBytes = this.#sentBytes + this.#reservedBytes;
    // A single one, however large, is answered.
    if (usedBytes > 0 && usedBytes + likelyBytes > this.#maxSentBytes) {
      const limits = `${usedBytes} bytes of tables in use, at most ${this.#maxSentBytes}`;
      throw new PerchError('exhausted', `too many recordings are being sent: ${limits}: try again, or ask for less`, {
        retryAfterS: RETRY_SECONDS,
      });
    }
    this.#reservedBytes += likelyBytes;
    try {
      const built = await build();
      const kept = this.#kept.get(key);
      return this.lend(key, kept?.etag === built.etag ? kept : built, done);
    } finally {
      this.#reservedBytes -= likelyBytes;
    }
  }

  /** Keeps the answer, and counts it as being sent until the request is over. */
  lend(key: string, answer: Answer, done?: AbortSignal): Answer {
    this.#keep(key, answer);
    if (done && !done.aborted) {
      this.#sent.set(answer, (this.#sent.get(answer) ?? 0) + 1);
      done.addEventListener('abort', () => this.#giveBack(answer), { once: true });
    }
    return answer;
  }

  clear(): void {
    this.#kept.clear();
  }

  get #sentBytes(): number {
    return bytesOf(this.#sent.keys());
  }

  #giveBack(answer: Answer): void {
    const left = (this.#sent.get(answer) ?? 0) - 1;
    if (left > 0) {
      this.#sent.set(answer, left);
    } else {
      this.#sent.delete(answer);
    }
  }

  #keep(key: string, answer: Answer): void {
    this.#kept.delete(key);
    this.#kept.set(key, answer);
    let bytes = bytesOf(this.#kept.values());
    for (const [oldest, { file }] of this.#kept) {
      if (this.#kept.size <= MAX_KEPT_ANSWERS && bytes <= MAX_KEPT_BYTES) {
        return;
      }
      this.#kept.delete(oldest);
      bytes -= file.memoryBytes;
    }
  }
}

function bytesOf(answers: Iterable<Answer>): number {
  let bytes = 0;
  for (const { file } of answers) {
    bytes += file.memoryBytes;
  }
  return bytes;
}
