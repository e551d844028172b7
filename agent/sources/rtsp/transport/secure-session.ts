import { randomBytes } from 'node:crypto';
import { PerchError } from '../../../base/errors.ts';
import { parseKeyMgmt, writeKeyMgmt } from '../../../media/mikey/key-mgmt.ts';
import type { MikeyMessage } from '../../../media/mikey/message.ts';
import { AUTH_TAG_BYTES } from '../../../media/rtp/header.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import { createMasterKey, mikeyOf, srtpKeys } from '../../../transports/webrtc/srtp/master-key.ts';
import { MediaDecryptor } from '../../../transports/webrtc/srtp/media-decryptor.ts';
import { Srtcp } from '../../../transports/webrtc/srtp/srtcp.ts';

/** Axis takes no other length. */
const MKI_BYTES = 4;

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
  readonly #ownKey: MikeyMessage;
  readonly #isForMedia: boolean;

  /**
   * @param ssrc SSRC of our reports
   * @param wallMs current time
   * @param isForMedia the camera encrypts its media with our key, which has an identifier (Axis)
   */
  constructor(ssrc: number, wallMs: number, isForMedia: boolean) {
    const key = mikeyOf(this.#master, [{ ssrc, rollOverCounter: 0 }], wallMs);
    this.#ownKey = isForMedia ? { ...key, mki: randomBytes(MKI_BYTES) } : key;
    this.#isForMedia = isForMedia;
  }

  /** KeyMgmt of SETUP. */
  keyMgmt(uri: string): string {
    return writeKeyMgmt(uri, this.#ownKey);
  }

  /**
   * @param announced the key of the description
   * @param keyMgmt of the reply to SETUP, which comes first
   * @throws PerchError
   */
  trackOf(announced: MikeyMessage | undefined, keyMgmt: string | undefined): SecureTrack {
    const key = this.#isForMedia ? this.#ownKey : keyMgmt === undefined ? announced : parseKeyMgmt(keyMgmt);
    if (!key) {
      throw new PerchError('unsupported', 'camera encrypts its media (RTP/SAVP) and gives no key that is supported');
    }
    return { session: this, decryptor: new MediaDecryptor(key) };
  }

  encryptReport(report: Uint8Array): Buffer {
    const packet = this.#reports.protect(report);
    const { mki } = this.#ownKey;
    const tagAt = packet.length - AUTH_TAG_BYTES;
    return mki.length === 0 ? packet : Buffer.concat([packet.subarray(0, tagAt), mki, packet.subarray(tagAt)]);
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
