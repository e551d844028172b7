import { PerchError } from '../../base/errors.ts';
import type { Download, DownloadQuery } from './download.ts';

const RETRY_SECONDS = 10;

export class DownloadCache {
  readonly #maxSentBytes: number;
  readonly #cached = new Map<string, Download>();
  /** Number of requests per download. */
  readonly #sent = new Map<Download, number>();
  /** Memory reserved for downloads being built. */
  #reservedBytes = 0;

  /** A download stays in memory while it is built or sent: room for seven plain MP4 files of six hours. */
  constructor(maxSentBytes = 192 << 20) {
    this.#maxSentBytes = maxSentBytes;
  }

  cached(key: string): Download | undefined {
    return this.#cached.get(key);
  }

  /**
   * @param estimatedBytes expected memory
   * @param done aborts when the request ends
   * @throws PerchError 'exhausted' without room
   */
  async make(
    key: string,
    estimatedBytes: number,
    build: () => Promise<Download>,
    done?: AbortSignal,
  ): Promise<Download> {
    const usedBytes = this.#sentBytes + this.#reservedBytes;
    // A single download of any size is allowed.
    if (usedBytes > 0 && usedBytes + estimatedBytes > this.#maxSentBytes) {
      const limits = `${usedBytes} bytes of tables in use, at most ${this.#maxSentBytes}`;
      throw new PerchError('exhausted', `too many recordings are being sent: ${limits}: try again, or ask for less`, {
        retryAfterS: RETRY_SECONDS,
      });
    }
    this.#reservedBytes += estimatedBytes;
    try {
      const built = await build();
      const cached = this.#cached.get(key);
      return this.share(key, cached?.etag === built.etag ? cached : built, done);
    } finally {
      this.#reservedBytes -= estimatedBytes;
    }
  }

  /** Caches the download and counts it as being sent until the request ends. */
  share(key: string, download: Download, done?: AbortSignal): Download {
    this.#keep(key, download);
    if (done && !done.aborted) {
      this.#sent.set(download, (this.#sent.get(download) ?? 0) + 1);
      done.addEventListener('abort', () => this.#release(download), { once: true });
    }
    return download;
  }

  clear(): void {
    this.#cached.clear();
  }

  get #sentBytes(): number {
    return bytesOf(this.#sent.keys());
  }

  #release(download: Download): void {
    const left = (this.#sent.get(download) ?? 0) - 1;
    if (left > 0) {
      this.#sent.set(download, left);
    } else {
      this.#sent.delete(download);
    }
  }

  #keep(key: string, download: Download): void {
    this.#cached.delete(key);
    this.#cached.set(key, download);
    let bytes = bytesOf(this.#cached.values());
    for (const [oldest, { file }] of this.#cached) {
      // Downloads that are cached for players that seek.
      if (this.#cached.size <= 16 && bytes <= 64 << 20) {
        return;
      }
      this.#cached.delete(oldest);
      bytes -= file.memoryBytes;
    }
  }
}

function bytesOf(answers: Iterable<Download>): number {
  let bytes = 0;
  for (const { file } of answers) {
    bytes += file.memoryBytes;
  }
  return bytes;
}

/** The same for queries with the same answer. */
export const queryKey = (query: DownloadQuery): string =>
  JSON.stringify([
    query.path,
    query.startUs,
    query.durationUs,
    query.format,
    query.speed,
    query.skipsGaps,
    query.keepsGaps,
  ]);
