import { ReplayWindow } from './replay-window.ts';
import { CLEAR_BYTES, ENCRYPTED_FLAG, type SrtcpCipher } from './srtcp-cipher.ts';
import { SrtcpCm } from './srtcp-cm.ts';
import { SrtcpGcm } from './srtcp-gcm.ts';
import { AEAD_AES_128_GCM, type SrtpKeys } from './srtp-keys.ts';

/** A browser uses the SSRC of each sent track, or one of its own. */
const MAX_SSRCS = 16;

/** Both directions and profiles. */
export class Srtcp {
  readonly #cipher: SrtcpCipher;
  #nextIndex = 1;
  /** Per sender SSRC. */
  readonly #windows = new Map<number, ReplayWindow>();

  constructor(keys: SrtpKeys) {
    this.#cipher = keys.profile === AEAD_AES_128_GCM ? new SrtcpGcm(keys) : new SrtcpCm(keys);
  }

  protect(compound: Uint8Array): Buffer {
    const index = this.#nextIndex;
    this.#nextIndex += 1;
    const ssrc = new DataView(compound.buffer, compound.byteOffset, compound.byteLength).getUint32(4);
    return this.#cipher.seal(compound, ssrc, index);
  }

  /** @returns the compound packet; undefined if damaged, forged or repeated */
  unprotect(packet: Buffer): Buffer | undefined {
    if (packet.length < CLEAR_BYTES + this.#cipher.overheadBytes) {
      return undefined;
    }
    const ssrc = packet.readUInt32BE(4);
    const trailer = this.#cipher.trailerOf(packet);
    const index = trailer % ENCRYPTED_FLAG;
    const window = this.#windows.get(ssrc);
    if (window ? !window.isNew(index) : this.#windows.size >= MAX_SSRCS) {
      return undefined;
    }
    const compound = this.#cipher.open(packet, ssrc, trailer);
    if (compound) {
      if (window) {
        window.accept(index);
      } else {
        this.#windows.set(ssrc, new ReplayWindow(index));
      }
    }
    return compound;
  }
}
