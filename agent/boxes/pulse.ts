import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { everyTogether } from '../base/time/shared-timer.ts';

const PING_MS = 5_000;
/** RFC 6455 §5.5.2, masked as all frames of clients; without a payload the key does not matter. */
const PING = Uint8Array.of(0x89, 0x80, 0, 0, 0, 0);

/**
 * Pings a box through a WebSocket that carries nothing else.
 * @param onLost called when a ping has no answer by the time the next one is due, or when the connection has ended
 */
export function keepPulse(socket: Socket, clock: Clock, onLost: () => void): void {
  let isAnswered = true;
  const stop = everyTogether(clock, PING_MS, () => {
    if (isAnswered) {
      isAnswered = false;
      socket.write(PING);
    } else {
      socket.destroy();
    }
  });
  socket.on('data', () => {
    isAnswered = true;
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    stop();
    onLost();
  });
}
