import { read16, read32 } from '../../media/rtp/header.ts';

/** A sender whose SSRC another one may follow is silent for this long; until then the other one's packets wait. */
const SILENT_MS = 1_000;
/** The same for an SSRC that has sent next to the track's own one before. */
const SILENT_FOR_FOREIGN_MS = 5_000;
/** At the start, packets of other SSRCs wait this long for the announced one: cameras announce wrong ones, too. */
const START_WAIT_MS = 500;
/** Largest distance of sequence numbers between a sender's last packet and its next one, which may have another SSRC. */
const MAX_STEP = 16;
/** Largest distance from the sequence number of RTP-Info: some cameras name their last packet, and the first ones may be lost. */
const MAX_INFO_DISTANCE = 100;
const MAX_FOREIGN = 16;
/** From the first packet after the reply to PLAY: later ones have any sequence number. */
const DOUBT_MS = 5_000;

interface HeldPacket {
  readonly ssrc: number;
  readonly packet: Uint8Array;
  readonly atMs: number;
}

/** Packets of new SSRCs, oldest first. */
class HeldPackets {
  #packets: HeldPacket[] = [];
  #bytes = 0;

  get first(): HeldPacket | undefined {
    return this.#packets[0];
  }

  get isFull(): boolean {
    // A second of 32 Mbit/s.
    // The same for small packets, whose objects are larger than their bytes.
    return this.#bytes > 4 << 20 || this.#packets.length > 4_096;
  }

  /** @returns the oldest one */
  add(packet: HeldPacket): HeldPacket {
    this.#packets.push(packet);
    this.#bytes += packet.packet.length;
    return this.#packets[0] as HeldPacket;
  }

  take(ssrc: number): readonly HeldPacket[] {
    const taken = this.#packets.filter((packet) => packet.ssrc === ssrc);
    this.#packets = this.#packets.filter((packet) => packet.ssrc !== ssrc);
    this.#bytes -= taken.reduce((sum, { packet }) => sum + packet.length, 0);
    return taken;
  }

  takeAll(): readonly HeldPacket[] {
    const taken = this.#packets;
    this.#packets = [];
    this.#bytes = 0;
    return taken;
  }
}

/**
 * The SSRC of a track. Servers send packets of a former session between those of the present one (live555 before 2017), and senders
 * change their SSRC. So packets of a new SSRC wait until the former one has been silent for a while, and are dropped if it was not.
 */
export class SsrcChoice {
  /** -1: not known yet. */
  ssrc = -1;
  /** Dropped packets of other SSRCs. */
  foreignPackets = 0;
  readonly #clockRate: number;
  readonly #replay: (packet: Uint8Array, atMs: number) => void;
  readonly #onForeign: (ssrc: number) => void;
  /** SSRC of SETUP's Transport; -1: none. */
  #announced = -1;
  /** Sequence number of RTP-Info; -1: none. */
  #first = -1;
  /** The sender to begin with; -1: any. */
  #start = -1;
  /** The reply to PLAY came after the first packets: the next one shows whether they are of this session. */
  #isDoubtful = false;
  /** NaN: no packet since. */
  #doubtedAtMs = Number.NaN;
  #lastMs = 0;
  #lastSequence = 0;
  #lastTimestamp = 0;
  readonly #foreign = new Set<number>();
  #reports = 0;
  readonly #held = new HeldPackets();

  /**
   * @param replay takes packets that have waited, as the track's own
   * @param onForeign called once for each of the first foreign SSRCs
   */
  constructor(
    clockRate: number,
    replay: (packet: Uint8Array, atMs: number) => void,
    onForeign: (ssrc: number) => void,
  ) {
    this.#clockRate = clockRate;
    this.#replay = replay;
    this.#onForeign = onForeign;
  }

  /** Called before the first packet, by a client of RTSP. @param ssrc from SETUP's Transport */
  announce(ssrc: number | undefined): void {
    this.#announced = ssrc ?? -1;
  }

  /** PLAY was answered. @param sequence from RTP-Info */
  begin(sequence: number | undefined): void {
    this.#first = sequence ?? -1;
    this.#isDoubtful = this.ssrc >= 0 && this.ssrc !== this.#announced;
    this.#doubtedAtMs = Number.NaN;
  }

  /** Called before the first packet, if its sender is known. */
  startWith(ssrc: number): void {
    this.#start = ssrc;
  }

  get isAnnounced(): boolean {
    return this.#announced >= 0 || this.#first >= 0;
  }

  /** Whether the announcements name the sender of this packet. */
  isNamed(packet: Uint8Array): boolean {
    return read32(packet, 8) === this.#announced || this.#isFirst(packet, 0);
  }

  isForeign(ssrc: number): boolean {
    return this.#foreign.has(ssrc);
  }

  /**
   * @param hasLeft the track's sender has said BYE
   * @returns whether the packet in `chunk[start, end)` is the track's; others are dropped or replayed later
   */
  takes(chunk: Uint8Array, start: number, end: number, atMs: number, hasLeft: boolean): boolean {
    const ssrc = read32(chunk, start + 8);
    if (this.#isDoubtful) {
      this.#confirm(ssrc, chunk, start, atMs);
    }
    if (ssrc !== this.ssrc && !this.#follows(ssrc, chunk, start, atMs, hasLeft)) {
      this.#hold(ssrc, chunk, start, end, atMs);
      return false;
    }
    this.#lastMs = atMs;
    this.#lastSequence = read16(chunk, start + 2);
    this.#lastTimestamp = read32(chunk, start + 4);
    const { first } = this.#held;
    if (first && atMs - first.atMs >= SILENT_MS) {
      this.#dropHeld();
    }
    return true;
  }

  /** Called at intervals: ends waits when no packet arrives. */
  tick(nowMs: number): void {
    const { first } = this.#held;
    if (first && (this.ssrc < 0 ? nowMs - first.atMs >= START_WAIT_MS : nowMs - this.#lastMs >= SILENT_MS)) {
      this.#become(first.ssrc, first.atMs);
    }
  }

  /** Whether the packet's SSRC is the track's from now on. */
  #follows(ssrc: number, chunk: Uint8Array, start: number, atMs: number, hasLeft: boolean): boolean {
    const isAnnounced = ssrc === this.#announced;
    const silentMs = atMs - this.#lastMs;
    const isFollowed =
      isAnnounced ||
      (this.ssrc < 0
        ? ssrc === this.#start || this.#isFirst(chunk, start) || !this.isAnnounced
        : this.#continues(chunk, start) ||
          (this.#foreign.has(ssrc) ? silentMs >= SILENT_FOR_FOREIGN_MS : hasLeft || silentMs >= SILENT_MS));
    if (isFollowed) {
      this.#become(ssrc, atMs);
    }
    return isFollowed;
  }

  /** With RTP-Info the packet that it names is of this session, without it the first one after the reply to PLAY. */
  #confirm(ssrc: number, chunk: Uint8Array, start: number, atMs: number): void {
    if (Number.isNaN(this.#doubtedAtMs)) {
      this.#doubtedAtMs = atMs;
    }
    if (atMs - this.#doubtedAtMs > DOUBT_MS) {
      this.#isDoubtful = false;
    } else if (this.#first >= 0 ? this.#isFirst(chunk, start) : this.#announced < 0) {
      this.#isDoubtful = false;
      if (ssrc !== this.ssrc) {
        this.#become(ssrc, atMs);
      }
    }
  }

  /** Whether it is near the packet that RTP-Info names. */
  #isFirst(chunk: Uint8Array, start: number): boolean {
    return this.#first >= 0 && Math.abs(signed16(read16(chunk, start + 2) - this.#first)) <= MAX_INFO_DISTANCE;
  }

  /** Some senders change the SSRC with each packet, and only that. */
  #continues(chunk: Uint8Array, start: number): boolean {
    const step = signed16(read16(chunk, start + 2) - this.#lastSequence);
    const ticks = (read32(chunk, start + 4) - this.#lastTimestamp) | 0;
    return step > 0 && step <= MAX_STEP && Math.abs(ticks) <= this.#clockRate;
  }

  /** Replays the packets of this SSRC. Those of others still wait: one of them may be next. */
  #become(ssrc: number, atMs: number): void {
    this.ssrc = ssrc;
    this.#lastMs = atMs;
    this.#foreign.delete(ssrc);
    if (!this.#held.first) {
      return;
    }
    for (const { packet, atMs: arrivedMs } of this.#held.take(ssrc)) {
      this.#lastMs = arrivedMs;
      this.#lastSequence = read16(packet, 2);
      this.#lastTimestamp = read32(packet, 4);
      this.#replay(packet, arrivedMs);
    }
  }

  #hold(ssrc: number, chunk: Uint8Array, start: number, end: number, atMs: number): void {
    if (this.#foreign.has(ssrc)) {
      this.foreignPackets += 1;
      return;
    }
    const first = this.#held.add({ ssrc, packet: chunk.slice(start, end), atMs });
    if (this.#held.isFull) {
      const isOwnSilent = this.ssrc < 0 || this.#lastMs <= first.atMs;
      if (isOwnSilent) {
        this.#become(first.ssrc, first.atMs);
      } else {
        this.#dropHeld();
      }
    } else {
      this.tick(atMs);
    }
  }

  /** Their senders are foreign: the track's own one sends, too. */
  #dropHeld(): void {
    for (const { ssrc } of this.#held.takeAll()) {
      this.foreignPackets += 1;
      if (!this.#foreign.has(ssrc)) {
        if (this.#foreign.size >= MAX_FOREIGN) {
          this.#foreign.clear();
        }
        this.#foreign.add(ssrc);
        if (this.#reports < MAX_FOREIGN) {
          this.#reports += 1;
          this.#onForeign(ssrc);
        }
      }
    }
  }
}

const signed16 = (difference: number): number => (difference << 16) >> 16;
