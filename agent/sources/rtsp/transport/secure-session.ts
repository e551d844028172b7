import { PerchError } from '../../../base/errors.ts';
import { parseKeyMgmt } from '../../../media/mikey/key-mgmt.ts';
import type { MikeyMessage } from '../../../media/mikey/message.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import { createMasterKey, mikeyOf, srtpKeys } from '../../../transports/webrtc/srtp/master-key.ts';
import { MediaDecryptor } from '../../../transports/webrtc/srtp/media-decryptor.ts';
import { Srtcp } from '../../../transports/webrtc/srtp/srtcp.ts';

/** SRTP of one track. */
export interface SecureTrack {
  readonly session: SecureSession;
  readonly decryptor: MediaDecryptor;
}

/** Takes packets of a track, valid during the call only. */
export type TrackInput = Pick<TrackReceiver, 'packet' | 'control'>;

/** SRTP of one session: the keys of the camera's tracks, and one for our reports. */
export class SecureSession {
  readonly #master = createMasterKey();
  readonly #reports = new Srtcp(srtpKeys(this.#master, this.#master));

  /** @param ssrc SSRC of our reports @param wallMs current time */
  ownKey(ssrc: number, wallMs: number): MikeyMessage {
    return mikeyOf(this.#master, [{ ssrc, rollOverCounter: 0 }], wallMs);
  }

  /**
   * @param announced the key of the description
   * @param keyMgmt of the reply to SETUP, which comes first
   * @throws PerchError
   */
  trackOf(announced: MikeyMessage | undefined, keyMgmt: string | undefined): SecureTrack {
    const key = keyMgmt === undefined ? announced : parseKeyMgmt(keyMgmt);
    if (!key) {
      throw new PerchError('unsupported', 'camera encrypts its media (RTP/SAVP) and gives no key that is supported');
    }
    return { session: this, decryptor: new MediaDecryptor(key) };
  }

  encryptReport(report: Uint8Array): Buffer {
    return this.#reports.protect(report);
  }
}

export class SecureInput implements TrackInput {
  readonly #receiver: TrackReceiver;
  readonly #decryptor: MediaDecryptor;

  constructor(receiver: TrackReceiver, decryptor: MediaDecryptor) {
    this.#receiver = receiver;
    this.#decryptor = decryptor;
  }

  packet(chunk: Uint8Array, start: number, end: number, atMs: number): boolean {
    const packet = this.#decryptor.rtp(chunk, start, end);
    return packet !== undefined && this.#receiver.packet(packet, 0, packet.length, atMs);
  }

  control(chunk: Uint8Array, start: number, end: number): void {
    const packet = this.#decryptor.rtcp(chunk, start, end);
    if (packet) {
      this.#receiver.control(packet, 0, packet.length);
    }
  }
}
