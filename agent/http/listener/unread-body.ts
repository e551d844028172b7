import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** Of a client that is logged in. */
const MAX_SKIPPED_BYTES = 16 << 20;

/** A request's body, as far as it has not been read. */
export type UnreadBody = Pick<
  IncomingMessage,
  'httpVersionMajor' | 'complete' | 'destroyed' | 'on' | 'once' | 'off' | 'resume'
>;

export interface SkipLimits {
  readonly maxBytes?: number;
  readonly onSkipped?: (bytes: number) => void;
}

/**
 * The answer to a request whose body is too large. The client gets all of it at once; it ends when the rest of the body has been
 * read and thrown away. A connection that is closed with unread bytes is reset, which takes the answer along (RFC 9112 §9.6), and
 * proxies that are still sending then report a bad gateway.
 */
export const refusal = (text: string, body: UnreadBody, limits: SkipLimits): Readable =>
  Readable.from(
    (async function* () {
      yield Buffer.from(text);
      await skipBody(body, limits);
    })(),
    { objectMode: false },
  );

/**
 * Reads and drops the rest of a body. Resolves at its end, when the connection closes (the listener limits the time of a request),
 * or after `maxBytes` (16 MiB). HTTP/2 ends single streams instead (RFC 9113 §8.1).
 */
export function skipBody(
  request: UnreadBody,
  { maxBytes = MAX_SKIPPED_BYTES, onSkipped }: SkipLimits = {},
): Promise<void> {
  const { httpVersionMajor, complete, destroyed } = request;
  if (httpVersionMajor > 1 || complete || destroyed) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    let bytes = 0;
    const take = (piece: Uint8Array): void => {
      bytes += piece.length;
      onSkipped?.(piece.length);
      if (bytes > maxBytes) {
        finish();
      }
    };
    const finish = (): void => {
      request.off('data', take).off('end', finish).off('close', finish);
      resolve();
    };
    request.on('data', take).once('end', finish).once('close', finish);
    request.resume();
  });
}
