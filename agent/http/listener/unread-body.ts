import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** The unread part of a request's body. */
export type UnreadBody = Pick<
  IncomingMessage,
  'httpVersionMajor' | 'complete' | 'destroyed' | 'on' | 'once' | 'off' | 'resume'
>;

interface SkipLimits {
  readonly maxBytes?: number;
  readonly onSkipped?: (bytes: number) => void;
}

/**
 * The reply to a request with too large a body. It is sent at once, and ends when the rest of the body has been read and dropped: closing a
 * connection with unread bytes resets it with the reply (RFC 9112 §9.6), and proxies that are still sending report a bad gateway.
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
 * Reads and drops the rest of a body. Resolves at its end, when the connection closes (limited by the request time), or after `maxBytes`
 * (16 MiB). HTTP/2 ends single streams instead (RFC 9113 §8.1).
 */
export function skipBody(request: UnreadBody, { maxBytes = 16 << 20, onSkipped }: SkipLimits = {}): Promise<void> {
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
