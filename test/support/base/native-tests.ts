import { describe } from 'vitest';
import { openDatagramReceiver } from '../../../agent/native/native.ts';
import { bound } from '../cameras/udp-camera.ts';

const BUFFER_BYTES = 2 << 20;
const IS_OFF = (process.env['PERCH_NO_FFI'] ?? '') !== '';

/** Tests of native functions: not defined where `PERCH_NO_FFI` turns these off, skipped where Node has none. */
export function describeNative(name: string, defineTests: () => void): void {
  if (!IS_OFF) {
    describe.runIf(process.getBuiltinModule('node:ffi') !== undefined)(name, defineTests);
  }
}

/** The same for datagrams that wait for a round: skipped where the system grants a small receive buffer, too. */
export async function describeInRounds(name: string, defineTests: () => void): Promise<void> {
  if (!IS_OFF) {
    describe.runIf(await canReadInRounds())(name, defineTests);
  }
}

async function canReadInRounds(): Promise<boolean> {
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
