import { RTCP_RECEIVER_REPORT } from '../../../media/rtcp/parse.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../media/rtp/header.ts';
import type { Pair } from '../../../media/rtsp/transport.ts';
import { ReorderBuffer } from '../../../stream/ingest/reorder-buffer.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import type { RtspConnection } from '../request/connection.ts';
import { KeptPackets } from './kept-packets.ts';
import type { Lane } from './track-transport.ts';
import type { UdpPair } from './udp-ports.ts';

/** Where the camera's side of a lane is. */
export interface FarEnd {
  /** Canonical addresses that media may come from. */
  readonly ips: readonly string[];
  /** Where our own packets go. */
  readonly sendTo: readonly string[];
  /** RTP and RTCP; undefined: not told. */
  readonly ports: Pair | undefined;
  /** Media may come from any port. */
  readonly isAnyPort: boolean;
}

/** A track over a pair of UDP ports, to us alone or to a group. */
export class UdpLane implements Lane {
  readonly receiver: TrackReceiver;
  readonly transport: 'UDP' | 'UDP-multicast';
  readonly #pair: UdpPair;
  readonly #order: ReorderBuffer;
  readonly #farEnd: FarEnd;
  readonly #ssrc: number;
  readonly #connection: Pick<RtspConnection, 'fail'>;
  /** Undefined: all tracks are set up. */
  #kept: KeptPackets | undefined = new KeptPackets();

  /**
   * @param ssrc of ours
   * @param connection ends with what goes wrong with media beside it, as it does with media within it
   */
  constructor(
    receiver: TrackReceiver,
    pair: UdpPair,
    transport: 'UDP' | 'UDP-multicast',
    farEnd: FarEnd,
    ssrc: number,
    connection: Pick<RtspConnection, 'fail'>,
  ) {
    this.receiver = receiver;
    this.transport = transport;
    this.#pair = pair;
    this.#farEnd = farEnd;
    this.#ssrc = ssrc;
    this.#connection = connection;
    this.#order = new ReorderBuffer(receiver, receiver.format.payloadType);
    // There are cameras that send RTCP from the port of RTP.
    const peers = { ips: farEnd.ips, ports: farEnd.isAnyPort ? [] : (farEnd.ports ?? []) };
    pair.rtp.listenTo(peers);
    pair.rtcp.listenTo(peers);
    pair.rtp.sink = { onDatagram: (datagram, atMs) => this.#takeMedia(datagram, atMs) };
    pair.rtcp.sink = { onDatagram: (datagram) => this.#takeControl(datagram) };
  }

  get late(): number {
    return this.#order.late;
  }

  get reordered(): number {
    return this.#order.reordered;
  }

  get strangers(): number {
    // Other cameras may send to the same group, and the system hands us their packets too.
    return this.transport === 'UDP' ? this.#pair.rtp.strangers + this.#pair.rtcp.strangers : 0;
  }

  sendControl(packet: Uint8Array): void {
    const { ports, sendTo } = this.#farEnd;
    for (const ip of sendTo) {
      this.#pair.rtcp.send(packet, ports?.[1] ?? 0, ip);
    }
  }

  open(): void {
    const kept = this.#kept?.take() ?? [];
    this.#kept = undefined;
    for (const { packet, atMs } of kept) {
      this.#takeMedia(packet, atMs);
    }
    this.#punch();
  }

  tick(nowMs: number): void {
    this.#order.flush(nowMs);
  }

  close(): void {
    this.#pair.rtp.close();
    this.#pair.rtcp.close();
  }

  #takeMedia(datagram: Uint8Array, atMs: number): void {
    if (this.#kept) {
      this.#kept.keep(0, datagram, atMs);
      return;
    }
    try {
      this.#order.push(datagram, 0, datagram.length, atMs);
    } catch (cause) {
      this.#connection.fail(cause);
    }
  }

  #takeControl(datagram: Uint8Array): void {
    try {
      this.receiver.control(datagram, 0, datagram.length);
    } catch (cause) {
      this.#connection.fail(cause);
    }
  }

  /** A firewall or router on the way lets in what answers our own packets: an empty one of each kind goes out. */
  #punch(): void {
    const { ports, sendTo } = this.#farEnd;
    if (this.transport === 'UDP') {
      const rtp = new Uint8Array(RTP_HEADER_BYTES);
      writeRtpHeader(rtp, 0, false, 0, 0, 0, this.#ssrc);
      for (const ip of sendTo) {
        this.#pair.rtp.send(rtp, ports?.[0] ?? 0, ip);
      }
      // A receiver report without blocks, RFC 3550 §6.4.2.
      const report = Uint8Array.of(0x80, RTCP_RECEIVER_REPORT, 0, 1, 0, 0, 0, 0);
      new DataView(report.buffer).setUint32(4, this.#ssrc);
      this.sendControl(report);
    }
  }
}
