import type { MikeyMessage } from '../../../media/mikey/message.ts';
import type { Pair, Transport } from '../../../media/rtsp/transport.ts';
import type { SdpMedia } from '../../../media/sdp/parse.ts';
import type { StreamSink } from '../../../stream/contracts.ts';
import type { Stream } from '../../../stream/stream.ts';

/** The same for all tracks of a session. */
export type TransportKind = 'tcp' | 'udp' | 'multicast';

export interface SendCounts {
  readonly bytes: number;
  readonly rtpPackets: number;
  readonly rtcpPackets: number;
  /** Packets lost according to receiver reports. */
  readonly reportedLost: number;
  /** Packets dropped because the reader or its network was too slow. */
  readonly discarded: number;
}

/** Received from a publisher or, as reports, from a reader. */
export interface ReceiveCounts {
  readonly bytes: number;
  readonly rtpPackets: number;
  readonly lost: number;
  readonly inError: number;
  /** Interarrival jitter (RFC 3550 §6.4.1) in ticks; the mean of the tracks. */
  readonly jitterTicks: number;
  readonly rtcpPackets: number;
  readonly rtcpInError: number;
}

export const NOTHING_SENT: SendCounts = { bytes: 0, rtpPackets: 0, rtcpPackets: 0, reportedLost: 0, discarded: 0 };
export const NOTHING_RECEIVED: ReceiveCounts = {
  bytes: 0,
  rtpPackets: 0,
  lost: 0,
  inError: 0,
  jitterTicks: 0,
  rtcpPackets: 0,
  rtcpInError: 0,
};

/** A track's start for RTP-Info, RFC 2326 §12.33. */
export interface TrackStart {
  readonly track: number;
  /** Sequence number of the reader's first packet. */
  readonly sequence: number;
  /** RTP time of the same moment for all tracks of a response: the start of the oldest packet. */
  readonly rtpTime: number;
}

/** Sends a session's packets to its reader: interleaved, over UDP, or multicast. */
export interface Delivery {
  readonly kind: TransportKind;
  readonly isSecure: boolean;
  readonly sent: SendCounts;
  readonly received: ReceiveCounts;
  /** Monotonic time of the reader's last RTCP packet; 0: none. */
  readonly lastReceivedMs: number;
  /**
   * @param key of the reader's RTCP, with SRTP; without it its RTCP is ignored
   * @returns the response's Transport header
   * @throws PerchError `unsupported` if the request cannot be met (461)
   */
  setUp(track: number, wanted: Transport, key?: MikeyMessage): Transport;
  /** The key of what is sent to the peer, or undefined for plain RTP. */
  keyOf(track: number): MikeyMessage | undefined;
  /** Joins the stream; packets wait for `flow` in the same turn. @returns the tracks that carry data already */
  start(): readonly TrackStart[];
  /** The response to PLAY is written: packets may follow. */
  flow(): void;
  /** PAUSE; `start` may follow. */
  stop(): void;
  close(): void;
}

/** Receives a publisher's packets: interleaved or over UDP. */
export interface MediaReceiver {
  readonly kind: TransportKind;
  readonly isSecure: boolean;
  readonly received: ReceiveCounts;
  /** Counts of sent RTCP. */
  readonly sent: SendCounts;
  /** Monotonic time of the last packet; 0: none. */
  readonly lastReceivedMs: number;
  /** As `Delivery.setUp`; `media` counts from 0 in the announced SDP. Without the key of SRTP, that of the SDP applies. */
  setUp(media: number, wanted: Transport, key?: MikeyMessage): Transport;
  /** As `Delivery.keyOf`. */
  keyOf(media: number): MikeyMessage | undefined;
  /** RECORD. */
  start(sink: StreamSink): void;
  /** PAUSE: drops packets; `start` may follow. */
  stop(): void;
  /** An interleaved frame: its payload is `chunk[start, end)`, valid during the call only. */
  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void;
  close(): void;
}

/** The session of a delivery or receiver. */
export interface MediaOwner {
  /** Ends the session. */
  onMediaEnd(reason: string): void;
  /** Writes interleaved frames to the session's connection, if any. */
  writeFrames(frames: Uint8Array): void;
}

/** Over TCP a publisher that is too fast is slowed down by not reading its connection. */
export interface PublisherOwner extends MediaOwner {
  /** Stops reading the connection until `resumeReading`: neither frames nor requests. */
  pauseReading(): void;
  resumeReading(): void;
}

export interface ReaderRequest {
  /** Name of the path. */
  readonly name: string;
  readonly stream: Stream;
  /** IP address without port. */
  readonly ip: string;
  /** libavformat needs placeholders before the first key frame (`stream/placeholders.ts`). */
  readonly wantsPlaceholders: boolean;
  readonly owner: MediaOwner;
}

export interface DeliveryOptions {
  /** `maxPayloadBytesOf` the settings. */
  readonly maxPayloadBytes: number;
  readonly isSecure: boolean;
}

export interface PublisherRequest {
  /** Name of the path. */
  readonly name: string;
  readonly medias: readonly SdpMedia[];
  /** IP address without port. */
  readonly ip: string;
  readonly owner: PublisherOwner;
}

/** A stream's multicast address for DESCRIBE (`?vlcmulticast`). */
export interface MulticastAddress {
  readonly group: string;
  /** By track: players listen on a port of all groups at once, so tracks must not share one. */
  readonly ports: readonly Pair[];
  readonly ttl: number;
}

/** Carries the media of RTSP sessions, or of RTSPS sessions with SRTP; the sessions themselves are signalling. */
export interface MediaPlane {
  close(): Promise<void>;
  /** @throws PerchError `unsupported` if the transport is off */
  reader(kind: 'udp' | 'multicast', request: ReaderRequest): Delivery;
  /** Also over TCP: interleaved frames take the same route. */
  publisher(kind: 'tcp' | 'udp', request: PublisherRequest): MediaReceiver;
  /** SRTP keys for SDP, by track, or undefined for plain RTP. */
  keysOf(stream: Stream): readonly MikeyMessage[] | undefined;
  /** @throws PerchError `unsupported` if multicast is off */
  multicastAddress(stream: Stream): MulticastAddress;
}
