import type { MikeyMessage } from '../../../media/mikey/message.ts';
import { createMasterKey, mikeyOf, srtpKeys } from '../../../transports/webrtc/srtp/master-key.ts';
import { MediaDecryptor } from '../../../transports/webrtc/srtp/media-decryptor.ts';
import { Srtcp } from '../../../transports/webrtc/srtp/srtcp.ts';

/** SRTP of a publisher: each of its media has a key, our reports have one together. */
export class SecureReception {
  /** Packets that were damaged, forged or repeated. */
  rejected = 0;
  readonly #decryptors: (MediaDecryptor | undefined)[] = [];
  readonly #master = createMasterKey();
  readonly #reports = new Srtcp(srtpKeys(this.#master, this.#master));

  setUp(media: number, key: MikeyMessage): void {
    this.#decryptors[media] = new MediaDecryptor(key);
  }

  /** @param ssrc SSRC of our reports @param wallMs current time */
  ownKey(ssrc: number, wallMs: number): MikeyMessage {
    return mikeyOf(this.#master, [{ ssrc, rollOverCounter: 0 }], wallMs);
  }

  /** Decrypts in place. @returns the packet, a view; undefined: rejected */
  rtp(media: number, chunk: Uint8Array, start: number, end: number): Uint8Array | undefined {
    const packet = this.#decryptors[media]?.rtp(chunk, start, end);
    this.rejected += packet ? 0 : 1;
    return packet;
  }

  /** @returns the compound packet; undefined: rejected */
  rtcp(media: number, chunk: Uint8Array, start: number, end: number): Buffer | undefined {
    return this.#decryptors[media]?.rtcp(chunk, start, end);
  }

  encryptReport(report: Uint8Array): Buffer {
    return this.#reports.protect(report);
  }
}
