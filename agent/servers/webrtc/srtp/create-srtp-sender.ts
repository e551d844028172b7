import type { SrtpSender } from './srtp.ts';
import { SrtpCmSender } from './srtp-cm.ts';
import { SrtpGcmSender } from './srtp-gcm.ts';
import { AEAD_AES_128_GCM, type SrtpKeys } from './srtp-keys.ts';

export function createSrtpSender(keys: SrtpKeys): SrtpSender {
  return keys.profile === AEAD_AES_128_GCM ? new SrtpGcmSender(keys) : new SrtpCmSender(keys);
}
