import type { Watch } from './packet-link.ts';

const HEADER_BYTES = 12;
/** RFC 6184 §5.2. */
const STAP_A = 24;
const FU_A = 28;
/** Rec. ITU-T H.264 §7.4.1: slices are 1 to 5, and 5 is that of a key picture. */
const IDR = 5;

/** Counts the packets of one RTP stream as they are sent, and what becomes of them. They are sent in the order of their numbers. */
export class Packets {
  /** Packets of which at least one copy arrives. */
  arrived = 0;
  /** Packets lost between two that arrive. */
  lost = 0;
  /** Second copies. */
  extra = 0;
  #lostSince = 0;

  readonly watch: Watch = (packet, copies, isRtp) => {
    if (isRtp) {
      this.count(packet, copies);
    }
  };

  protected count(_packet: Uint8Array, copies: number): void {
    if (copies === 0) {
      this.#lostSince += 1;
      return;
    }
    this.lost += this.arrived > 0 ? this.#lostSince : 0;
    this.#lostSince = 0;
    this.arrived += 1;
    this.extra += copies - 1;
  }
}

/**
 * Also counts the pictures of an H.264 stream that can be played with the packets that arrive: whole ones whose key picture,
 * and every picture since, is whole too. The sender marks the last packet of each picture.
 */
export class Pictures extends Packets {
  sent = 0;
  playable = 0;
  #isPlayable = false;
  #isKey = false;
  #isWhole = true;
  #lacksSlices = false;

  protected override count(packet: Uint8Array, copies: number): void {
    super.count(packet, copies);
    const types = nalTypes(packet);
    this.#isKey ||= types.includes(IDR);
    if (copies === 0) {
      this.#isWhole = false;
      this.#lacksSlices ||= types.some((type) => type <= IDR);
    }
    const isMarked = ((packet[1] ?? 0) & 0x80) !== 0;
    if (isMarked) {
      this.#finish();
    }
  }

  #finish(): void {
    // A key picture needs nothing but its slices: its parameter sets are in the SDP too.
    this.#isPlayable = this.#isKey ? !this.#lacksSlices : this.#isPlayable && this.#isWhole;
    this.sent += 1;
    this.playable += this.#isPlayable ? 1 : 0;
    this.#isKey = false;
    this.#isWhole = true;
    this.#lacksSlices = false;
  }
}

/** Types of the NAL units that a packet holds, or that it holds a part of. The sender uses neither CSRCs nor extensions. */
function nalTypes(packet: Uint8Array): number[] {
  const first = (packet[HEADER_BYTES] ?? 0) & 0x1f;
  if (first === FU_A) {
    return [(packet[HEADER_BYTES + 1] ?? 0) & 0x1f];
  }
  if (first !== STAP_A) {
    return [first];
  }
  const types: number[] = [];
  for (let at = HEADER_BYTES + 1; at + 2 < packet.length; ) {
    types.push((packet[at + 2] ?? 0) & 0x1f);
    at += 2 + (((packet[at] ?? 0) << 8) | (packet[at + 1] ?? 0));
  }
  return types;
}
