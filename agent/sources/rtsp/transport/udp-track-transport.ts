import type { ReadRounds } from '../../../base/time/read-rounds.ts';
import { RTCP_RECEIVER_REPORT } from '../../../media/rtcp/parse.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../media/rtp/header.ts';
import type { Pair } from '../../../media/rtsp/transport.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import type { RtspConnection } from '../../../transports/rtsp/request/connection.ts';
import type { EarlyPackets, EarlyTarget } from './early-packets.ts';
import type { SecureTrack } from './secure-session.ts';
import type { TrackTransport } from './track-transport.ts';
import type { UdpPair } from './udp-ports.ts';

/** The camera's addresses and ports for one track. */
export interface RemoteEnd {
  /** Canonical addresses that media may come from. */
  readonly ips: readonly string[];
  /** Addresses for our packets. */
  readonly sendTo: readonly string[];
  /** RTP and RTCP, or undefined if unknown. */
  readonly ports: Pair | undefined;
  /** Media may come from any port. */
  readonly isAnyPort: boolean;
}

/** Channels of early packets. */
const RTP = 0;
const RTCP = 1;

/** A track over a pair of UDP ports, unicast or multicast. */
export class UdpTrackTransport implements TrackTransport, EarlyTarget {
  readonly receiver: TrackReceiver;
  readonly kind: 'UDP' | 'UDP-multicast';
  readonly #pair: UdpPair;
  readonly #remoteEnd: RemoteEnd;
  readonly #ssrc: number;
  readonly #connection: Pick<RtspConnection, 'fail'>;
  /** Undefined: plain RTP. */
  readonly #secure: SecureTrack | undefined;
  readonly #early: EarlyPackets;

  /**
   * @param ssrc SSRC of our reports
   * @param connection fails with errors of the media, as with interleaved media
   * @param secure undefined for plain RTP
   */
  constructor(
    receiver: TrackReceiver,
    pair: UdpPair,
    kind: 'UDP' | 'UDP-multicast',
    remoteEnd: RemoteEnd,
    ssrc: number,
    connection: Pick<RtspConnection, 'fail'>,
    early: EarlyPackets,
    secure?: SecureTrack,
  ) {
    this.#secure = secure;
    this.#early = early;
    this.receiver = receiver;
    this.kind = kind;
    this.#pair = pair;
    this.#remoteEnd = remoteEnd;
    this.#ssrc = ssrc;
    this.#connection = connection;
    receiver.reorder();
    // Some cameras send RTCP from the port of RTP.
    const peers = { ips: remoteEnd.ips, ports: remoteEnd.isAnyPort ? [] : (remoteEnd.ports ?? []) };
    pair.rtp.listenTo(peers);
    pair.rtcp.listenTo(peers);
    pair.rtp.sink = { onDatagram: (bytes, start, end, atMs) => this.#take(bytes, RTP, start, end, atMs) };
    pair.rtcp.sink = {
      onDatagram: (bytes, start, end, atMs) => {
        // A BYE ends the track, so the RTP packets before it are read first.
        pair.rtp.read();
        this.#take(bytes, RTCP, start, end, atMs);
      },
    };
  }

  get strangers(): number {
    // Other cameras may send to the same multicast group.
    return this.kind === 'UDP' ? this.#pair.rtp.strangers + this.#pair.rtcp.strangers : 0;
  }

  sendControl(packet: Uint8Array): void {
    const { ports, sendTo } = this.#remoteEnd;
    const sent = this.#secure?.session.encryptReport(packet) ?? packet;
    for (const ip of sendTo) {
      this.#pair.rtcp.send(sent, ports?.[1] ?? 0, ip);
    }
  }

  readInRounds(rounds: ReadRounds | undefined): void {
    this.#pair.rtp.readInRounds(rounds);
  }

  tick(nowMs: number): void {
    this.receiver.flush(nowMs);
  }

  close(): void {
    this.#pair.rtp.close();
    this.#pair.rtcp.close();
  }

  receiverOf(channel: number): TrackReceiver | undefined {
    return channel === RTP ? this.receiver : undefined;
  }

  dispatch(bytes: Uint8Array, channel: number, start: number, end: number, atMs: number): void {
    if (channel === RTP) {
      this.#takeMedia(bytes, start, end, atMs);
    } else {
      this.#takeControl(bytes, start, end);
    }
  }

  #take(bytes: Uint8Array, channel: number, start: number, end: number, atMs: number): void {
    if (this.#early.isOver) {
      this.dispatch(bytes, channel, start, end, atMs);
    } else {
      this.#early.keep(this, channel, bytes.slice(start, end), atMs);
    }
  }

  #takeMedia(bytes: Uint8Array, start: number, end: number, atMs: number): void {
    try {
      if (!this.#secure) {
        this.receiver.packet(bytes, start, end, atMs);
        return;
      }
      const packet = this.#secure.decryptor.rtp(bytes, start, end);
      if (packet) {
        this.receiver.packet(packet, 0, packet.length, atMs);
      }
    } catch (cause) {
      this.#connection.fail(cause);
    }
  }

  #takeControl(bytes: Uint8Array, start: number, end: number): void {
    try {
      const packet = this.#secure ? this.#secure.decryptor.rtcp(bytes, start, end) : bytes.subarray(start, end);
      if (packet) {
        this.receiver.control(packet, 0, packet.length);
      }
    } catch (cause) {
      this.#connection.fail(cause);
    }
  }

  /** Firewalls let in replies to our packets, here an empty one of RTP and RTCP. */
  punch(): void {
    const { ports, sendTo } = this.#remoteEnd;
    if (this.kind === 'UDP') {
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
