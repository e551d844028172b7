import { openDatagramReceiver } from '../../../agent/native/native.ts';
import { bound } from '../cameras/udp-camera.ts';

const BUFFER_BYTES = 2 << 20;

/** Without native functions, and where the system grants a small receive buffer, no datagram waits for a round. */
export async function canReadInRounds(): Promise<boolean> {
  const socket = await bound(0);
  try {
    socket.setRecvBufferSize(BUFFER_BYTES);
  } catch {
    // Some systems refuse instead of granting less.
  }
  const grantedBytes = socket.getRecvBufferSize();
  socket.close();
  return (await openDatagramReceiver()) !== undefined && grantedBytes >= BUFFER_BYTES;
}
