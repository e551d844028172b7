import type { IncomingMessage } from 'node:http';

/** Beyond this nobody is listened to who is refused anyway. */
const MAX_BYTES = 16 << 20;

/** A request's body, as far as it has not been read. */
export type UnreadBody = Pick<
  IncomingMessage,
  'headers' | 'httpVersionMajor' | 'complete' | 'destroyed' | 'on' | 'once' | 'off' | 'resume'
>;

/**
 * Reads what is left of a body that is too large, and throws it away: a connection that is closed with bytes in it is reset, and
 * takes the answer along (RFC 9112 §9.6). Proxies and browsers that are still sending then tell their users of a bad gateway.
 * Ends with the body, with the connection (the listener's time for requests goes on), or when it is far too much. HTTP/2 has streams for it.
 */
export function skipBody(request: UnreadBody, maxBytes = MAX_BYTES): Promise<void> {
  const { headers, httpVersionMajor, complete, destroyed } = request;
  const announced = Number(headers['content-length'] ?? 0);
  if (httpVersionMajor > 1 || complete || destroyed || announced > maxBytes) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    let bytes = 0;
    const take = (piece: Uint8Array): void => {
      bytes += piece.length;
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
