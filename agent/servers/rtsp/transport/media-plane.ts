import type { Pair, Transport } from '../../../media/rtsp/transport.ts';
import type { SdpMedia } from '../../../media/sdp/parse.ts';
import type { StreamSink } from '../../../stream/ingest/stream-sink.ts';
import type { Stream } from '../../../stream/stream.ts';

/** How a session's media travel; all its tracks the same way. */
export type TransportKind = 'tcp' | 'udp' | 'multicast';

/** What has gone to a reader, and what it says about it. */
export interface Sent {
  readonly bytes: number;
  readonly rtpPackets: number;
  readonly rtcpPackets: number;
  /** Of the reader's receiver reports. */
  readonly reportedLost: number;
  /** Never sent, because the reader or its network took too little. */
  readonly discarded: number;
}

/** What has come from a peer: a publisher's media, a reader's reports. */
export interface Received {
  readonly bytes: number;
  readonly rtpPackets: number;
  readonly lost: number;
  readonly inError: number;
  /** RFC 3550 §6.4.1, in ticks; the mean of the tracks. */
  readonly jitterTicks: number;
  readonly rtcpPackets: number;
  readonly rtcpInError: number;
}

/** Where a track begins for a reader: RTP-Info, RFC 2326 §12.33. */
export interface TrackStart {
  readonly track: number;
  /** Of the first packet that the reader gets. */
  readonly sequence: number;
  /** RTP time of one moment, the same for all tracks of an answer: the start of the oldest packet among them. */
  readonly rtpTime: number;
}

/** Takes a session's packets to its reader: through the connection, by UDP, or through a multicast group. */
export interface Delivery {
  readonly kind: TransportKind;
  readonly sent: Sent;
  readonly received: Received;
  /** Monotonic time of the last RTCP packet of the reader; 0 while there is none. */
  readonly heardMs: number;
  /**
   * One track is set up. @returns what the answer's Transport header says
   * @throws PerchError `unsupported` when the reader's wish cannot be fulfilled (461)
   */
  setUp(track: number, wanted: Transport): Transport;
  /** Joins the stream; what comes is held back until `flow` (in the same turn). @returns the tracks that carry data already */
  start(): readonly TrackStart[];
  /** The answer to PLAY is on its way: packets may follow it. */
  flow(): void;
  /** PAUSE: nothing is sent any more; `start` may come again. */
  stop(): void;
  /** Frees what was set up. */
  close(): void;
}

/** Takes a publisher's packets to a stream. */
export interface Intake {
  readonly kind: TransportKind;
  readonly received: Received;
  /** RTCP that we sent. */
  readonly sent: Sent;
  /** Monotonic time of the last packet of any kind; 0 while there is none. */
  readonly heardMs: number;
  /** As `Delivery.setUp`; `media` counts from 0 in the announced SDP. */
  setUp(media: number, wanted: Transport): Transport;
  /** RECORD: what comes from now on goes to the path. */
  start(sink: StreamSink): void;
  /** PAUSE: what comes is passed over; `start` may come again. */
  stop(): void;
  /** One interleaved frame of the session's connection: its payload is `chunk[start, end)`, valid during the call only. */
  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void;
  close(): void;
}

/** What a delivery or an intake tells its session. */
export interface MediaOwner {
  /** Nothing more will come or go, and why: ends the session. */
  onMediaEnd(reason: string): void;
  /** Writes interleaved frames to the session's connection; nothing happens when there is none. */
  writeFrames(frames: Uint8Array): void;
}

/** Of one whose media come through the connection, it can make the publisher wait. */
export interface PublisherOwner extends MediaOwner {
  /** Nothing more is read from the session's connection until `resumeReading`: neither frames nor requests. */
  pauseReading(): void;
  resumeReading(): void;
}

export interface ReaderRequest {
  /** Of the path. */
  readonly name: string;
  readonly stream: Stream;
  /** Of the reader, without port. */
  readonly ip: string;
  /** It is libavformat, which needs placeholders ahead of the first key frame (`stream/placeholders.ts`). */
  readonly wantsPlaceholders: boolean;
  readonly owner: MediaOwner;
}

export interface PublisherRequest {
  /** Of the path. */
  readonly name: string;
  readonly medias: readonly SdpMedia[];
  /** Of the publisher, without port. */
  readonly ip: string;
  readonly owner: PublisherOwner;
}

/** Where a stream's multicast packets go, for a description that says it (`?vlcmulticast`). */
export interface MulticastPlace {
  readonly group: string;
  /** By track: players listen at a port on all groups at once, so tracks that shared one would be mixed up. */
  readonly ports: readonly Pair[];
  readonly ttl: number;
}

/** Media that do not go through the connection: the UDP ports and the multicast groups. */
export interface MediaPlane {
  listen(): Promise<void>;
  close(): Promise<void>;
  /** @throws PerchError `unsupported` when this transport is off */
  reader(kind: 'udp' | 'multicast', request: ReaderRequest): Delivery;
  /** Over TCP too: the packets' way from the frames to the stream is the same. */
  publisher(kind: 'tcp' | 'udp', request: PublisherRequest): Intake;
  /** @throws PerchError `unsupported` when multicast is off */
  multicastPlace(stream: Stream): MulticastPlace;
}
