import { constants, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { isAwaited } from './slow-body.ts';

/** Longer than anything is waited for within a connection. */
const STILL_SESSION_MS = 120_000;

/**
 * Ends connections of HTTP/2 on which nothing moves, those that ask for nothing, and requests whose body does not come to an
 * end in time: what Node does for HTTP/1.1 and leaves out here. Without it whoever opens many and lets a byte drop now and
 * then keeps everybody else out.
 */
export function limitPatience(
  server: Http2SecureServer,
  { requestTimeoutMs, keepAliveMs }: { requestTimeoutMs(): number; readonly keepAliveMs: number },
): void {
  server.on('session', (session: ServerHttp2Session) => {
    // Not closed: that would wait for whoever does not take his answers.
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
