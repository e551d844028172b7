import type { SrtpSender } from './srtp.ts';
import { SrtpCmSender } from './srtp-cm.ts';
import type { SrtpKeys } from './srtp-keys.ts';

/** The sender of the profile that the handshake has agreed on. */
export function createSrtpSender(keys: SrtpKeys): SrtpSender {
  return new SrtpCmSender(keys);
}
