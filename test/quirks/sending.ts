import { writeSenderReport } from '../../agent/media/rtcp/write.ts';
import { rtpFrame } from '../support/cameras/scripted-camera.ts';
import { payloadsOf, sampleOf } from '../support/media/units.ts';
import { FRAME_MS, FRAME_TICKS, type QuirkClip } from './clip.ts';

const FIRST_SEQUENCE = 1001;
const FIRST_TICKS = 50_000;
const SSRC = 0x1234_5678;
const FIRST_SOUND_TICKS = 9_000;
export const SOUND_MS = 20;
const SOUND_TICKS = 160;
/** Code words of G.711 with different values; 127 and 255 both mean 0. */
const CODES = 254;
/** The sound repeats after this time. */
export const SOUND_PERIOD_MS = CODES * SOUND_MS;
const REPORT_MS = 1_000;
const FRAME_HEADER_BYTES = 4;
export const PICTURE_TYPE = 96;

/** One RTP packet of a picture, before it is sent. */
export interface QuirkPacket {
  readonly payload: Uint8Array;
  readonly marker: boolean;
  readonly ticks: number;
  readonly sequence: number;
  readonly ssrc: number;
  readonly type: number;
  /** It is numbered and never sent. */
  readonly isLost?: boolean;
}

export interface Reports {
  /** Time of each track's first report after the camera's start; 0: before the first packet. */
  readonly firstMs: number;
  /** The offset of the camera's wall clock. */
  readonly clockOffMs?: number;
}

/** A camera's deviations from others. Made for one camera, because some count. */
export interface Quirk {
  /** Changes the packets of picture `i`, in decoding order. */
  packets?(packets: readonly QuirkPacket[], i: number): readonly QuirkPacket[];
  /** It begins with a burst of the pictures captured within this time before. */
  readonly keptMs?: number;
  /** When a packet that is due at `dueMs` after the camera's start is sent. */
  sentMs?(dueMs: number): number;
  /** Parameter sets are sent ahead of each key picture. */
  readonly sendsSets?: boolean;
  readonly reports?: Reports;
}

/** G.711 next to the picture. */
export interface Sound {
  /** Sound from this time before the start is sent at once; default: as the picture. */
  readonly keptMs?: number;
  /** It begins later than the picture by this. */
  readonly afterMs?: number;
}

/** A track's transport to the client. */
export interface TrackSender {
  rtp(packet: Uint8Array): void;
  rtcp(packet: Uint8Array): void;
}

/** A camera's stream to one client, from its first packet on. All times are of its capture clock: 0 is the first picture's capture. */
export class Sending {
  /** Pictures whose last packet has gone out. */
  sent = 0;
  /** Pictures with packets lost in transit. */
  readonly damaged = new Set<number>();
  /** The first picture's capture as Unix time, and by `performance.now()`. */
  capturedWallMs = 0;
  capturedMs = 0;
  /** The most by which a picture has gone out late: what a busy machine held this process up for. */
  lateMs = 0;
  readonly #clip: QuirkClip;
  readonly #quirk: Quirk;
  readonly #sound: Sound | undefined;
  readonly #senders: readonly TrackSender[];
  readonly #count: number;
  #beganMs = 0;
  readonly #keptMs: number;
  #sequence = FIRST_SEQUENCE;
  #dueMs = 0;
  #nextSound: number;
  readonly #firstSound: number;
  #nextReportMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param senders of the video, and of the audio */
  constructor(clip: QuirkClip, quirk: Quirk, sound: Sound | undefined, senders: readonly TrackSender[], count: number) {
    this.#clip = clip;
    this.#quirk = quirk;
    this.#sound = sound;
    this.#senders = senders;
    this.#count = count;
    this.#keptMs = quirk.keptMs ?? 0;
    const soundFromMs = this.#keptMs - (sound?.keptMs ?? this.#keptMs) + (sound?.afterMs ?? 0);
    this.#firstSound = Math.ceil(soundFromMs / SOUND_MS);
    this.#nextSound = this.#firstSound;
    this.#nextReportMs = quirk.reports?.firstMs ?? Number.POSITIVE_INFINITY;
  }

  start(): void {
    this.#beganMs = performance.now();
    this.capturedWallMs = Date.now() - this.#keptMs;
    this.capturedMs = this.#beganMs - this.#keptMs;
    this.#pump();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** A track in RTP-Info: its next packet, and the time of that packet or of now. */
  next(track: number, isNow: boolean): { readonly sequence: number; readonly ticks: number } {
    const nowMs = this.#keptMs + (this.#beganMs === 0 ? 0 : performance.now() - this.#beganMs);
    if (track === 0) {
      const shown = this.#clip.pictures[this.sent]?.shown ?? this.sent;
      return {
        sequence: this.#sequence & 0xffff,
        ticks: FIRST_TICKS + Math.round(90 * (isNow ? nowMs : shown * FRAME_MS)),
      };
    }
    const soundMs = isNow ? nowMs : this.#nextSound * SOUND_MS;
    return {
      sequence: (this.#nextSound - this.#firstSound) & 0xffff,
      ticks: FIRST_SOUND_TICKS + Math.round(8 * soundMs),
    };
  }

  #pump(): void {
    const nowMs = performance.now() - this.#beganMs;
    for (; this.#nextReportMs <= nowMs; this.#nextReportMs += REPORT_MS) {
      this.#report(nowMs + this.#keptMs);
    }
    let nextMs = this.#nextReportMs;
    for (; this.sent < this.#count; this.sent += 1) {
      const atMs = this.#pictureDueMs();
      if (atMs > nowMs) {
        nextMs = Math.min(nextMs, atMs);
        break;
      }
      this.lateMs = Math.max(this.lateMs, nowMs - atMs);
      this.#sendPicture(this.sent);
    }
    if (this.#sound) {
      for (; this.#soundDueMs() <= nowMs; this.#nextSound += 1) {
        this.#sendSound(this.#nextSound);
      }
      nextMs = Math.min(nextMs, this.#soundDueMs());
    }
    if (this.sent < this.#count) {
      this.#timer = setTimeout(() => this.#pump(), Math.max(0, nextMs - nowMs));
    }
  }

  /** A picture goes out when all before it in decoding order, and itself, are captured. */
  #pictureDueMs(): number {
    this.#dueMs = Math.max(this.#dueMs, (this.#clip.pictures[this.sent]?.shown ?? 0) * FRAME_MS);
    return this.#sentMs(this.#dueMs);
  }

  #soundDueMs(): number {
    return this.#sentMs(this.#nextSound * SOUND_MS);
  }

  #sentMs(capturedMs: number): number {
    const dueMs = Math.max(0, capturedMs - this.#keptMs);
    return this.#quirk.sentMs?.(dueMs) ?? dueMs;
  }

  #sendPicture(i: number): void {
    const { codec, pictures, sets } = this.#clip;
    const picture = pictures[i];
    if (!picture) {
      return;
    }
    const nals = this.#quirk.sendsSets && picture.isKey ? [...sets, ...picture.nals] : picture.nals;
    const plain = nals.flatMap((nal, n) =>
      payloadsOf((sink) => codec.packetize(sampleOf(nal), 1200, n === nals.length - 1, sink)).map(
        ({ bytes, marker }): QuirkPacket => {
          const ticks = FIRST_TICKS + picture.shown * FRAME_TICKS;
          const packet = { payload: bytes, marker, ticks, sequence: this.#sequence, ssrc: SSRC, type: PICTURE_TYPE };
          this.#sequence += 1;
          return packet;
        },
      ),
    );
    for (const { payload, isLost, ...header } of this.#quirk.packets?.(plain, i) ?? plain) {
      if (isLost) {
        this.damaged.add(i);
      } else {
        this.#senders[0]?.rtp(
          packetOf(payload, { ...header, sequence: header.sequence & 0xffff, ticks: header.ticks >>> 0 }),
        );
      }
    }
  }

  #sendSound(n: number): void {
    const header = { sequence: (n - this.#firstSound) & 0xffff, ticks: FIRST_SOUND_TICKS + n * SOUND_TICKS, type: 0 };
    this.#senders[1]?.rtp(packetOf(new Uint8Array(SOUND_TICKS).fill(codeOf(n)), header));
  }

  #report(capturedMs: number): void {
    const unixMs = Date.now() + (this.#quirk.reports?.clockOffMs ?? 0);
    const report = { ssrc: SSRC, unixMs, packets: this.sent, payloadBytes: 0 };
    const ticks = [FIRST_TICKS + Math.round(90 * capturedMs), FIRST_SOUND_TICKS + Math.round(8 * capturedMs)];
    for (const [track, sender] of this.#senders.entries()) {
      sender.rtcp(writeSenderReport({ ...report, ticks: ticks[track] as number }, 'camera'));
    }
  }
}

/** The value of all samples of the `n`th packet. */
function codeOf(n: number): number {
  const place = n % CODES;
  return place < CODES / 2 ? place : place + 1;
}

/** When the sound with this code word was captured, modulo `SOUND_PERIOD_MS`. */
export const soundMs = (code: number): number => (code < CODES / 2 ? code : code - 1) * SOUND_MS;

const packetOf = (payload: Uint8Array, header: Parameters<typeof rtpFrame>[2]): Uint8Array =>
  rtpFrame(0, payload, header).subarray(FRAME_HEADER_BYTES);
