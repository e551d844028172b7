import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { PORT_CONTROL_PORT, type PortControlAnswer, parsePortControl } from './port-control.ts';

/** When a request is sent again, since the first time: RFC 6886 §3.1, cut after two seconds, because the router is in the same network. */
const AGAIN_MS = [250, 500, 1_000, 1_500];

export interface AskOptions {
  readonly clock: Pick<Clock, 'sleep'>;
  /** Address of this box. */
  readonly own: string;
  readonly gateway: string;
  /** Default: that of the RFCs. */
  readonly port?: number;
}

/**
 * Sends a request until an answer fits. The socket is connected, so the kernel drops what others than the router send.
 * @param fits called with each answer; others are ignored
 * @throws PerchError `timeout`, with `why` unanswered
 */
export async function askRouter(
  { clock, own, gateway, port = PORT_CONTROL_PORT }: AskOptions,
  request: Uint8Array,
  fits: (answer: PortControlAnswer) => boolean,
  signal: AbortSignal,
): Promise<PortControlAnswer> {
  const socket = createSocket(isIPv6(own) ? 'udp6' : 'udp4');
  const over = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<PortControlAnswer>();
  const fail = (cause?: unknown): void =>
    reject(
      new PerchError(
        'timeout',
        `the router ${gateway} does not answer at UDP port ${port}`,
        { why: 'unanswered' },
        cause,
      ),
    );
  let others = 0;
  socket.on('message', (datagram) => {
    const answer = parsePortControl(datagram);
    others += 1;
    if (answer && fits(answer)) {
      resolve(answer);
    } else if (others > 64) {
      fail();
    }
  });
  // ECONNREFUSED: the router has no such port.
  socket.on('error', fail);
  const abort = (): void => fail(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const sendAgain = async (): Promise<void> => {
    let passedMs = 0;
    for (const atMs of AGAIN_MS) {
      socket.send(request, (error) => error && fail(error));
      await clock.sleep(atMs - passedMs, over.signal);
      passedMs = atMs;
      if (over.signal.aborted) {
        return;
      }
    }
    fail();
  };
  try {
    signal.throwIfAborted();
    socket.bind(0, own, () => socket.connect(port, gateway, () => void sendAgain()));
    return await promise;
  } finally {
    over.abort();
    signal.removeEventListener('abort', abort);
    socket.removeAllListeners().on('error', () => {});
    socket.close();
  }
}
