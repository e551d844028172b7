import { constants, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { isAwaited } from './slow-body.ts';

/** Longer than any wait within a connection. */
const STILL_SESSION_MS = 120_000;

/**
 * Ends idle HTTP/2 connections, and requests whose body does not complete in time: Node does that only for HTTP/1.1. Otherwise slow clients
 * could block all others.
 */
export function limitPatience(
  server: Http2SecureServer,
  { requestTimeoutMs, keepAliveMs }: { requestTimeoutMs(): number; readonly keepAliveMs: number },
): void {
  server.on('session', (session: ServerHttp2Session) => {
    // `close` would wait for a client that does not read.
    const end = () => session.destroy();
    session.setTimeout(STILL_SESSION_MS, end);
    let open = 0;
    let idle = setTimeout(end, keepAliveMs).unref();
    session.on('stream', (stream: ServerHttp2Stream) => {
      open += 1;
      clearTimeout(idle);
      const late = stream.endAfterHeaders ? undefined : endLate(stream, requestTimeoutMs());
      stream.once('close', () => {
        clearTimeout(late);
        open -= 1;
        if (open === 0 && !session.destroyed) {
          idle = setTimeout(end, keepAliveMs).unref();
        }
      });
    });
    session.once('close', () => clearTimeout(idle));
  });
}

function endLate(stream: ServerHttp2Stream, requestTimeoutMs: number): NodeJS.Timeout {
  const end = (): void => {
    if (!isAwaited(stream)) {
      stream.close(constants.NGHTTP2_CANCEL);
    }
  };
  const late = setTimeout(end, requestTimeoutMs).unref();
  stream.once('end', () => clearTimeout(late));
  return late;
}
