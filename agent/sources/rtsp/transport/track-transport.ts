import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';

/** How one track's RTP comes from the camera to its receiver, and RTCP goes back. */
export interface TrackTransport {
  readonly receiver: TrackReceiver;
  readonly kind: 'TCP' | 'UDP' | 'UDP-multicast';
  /** Packets dropped as duplicates or as too late. */
  readonly late: number;
  readonly reordered: number;
  /** Datagrams of other senders than the camera. */
  readonly strangers: number;
  /** @param packet RTCP */
  sendControl(packet: Uint8Array): void;
  /** Starts to receive. Called before PLAY, because some cameras send before they answer it, and again after it. */
  open(): void;
  /** Called at regular intervals. */
  tick(nowMs: number): void;
  close(): void;
}

/** Sends RTP to the camera. */
export interface RtpSender {
  /** @param packet RTP; must not change afterwards */
  send(packet: Uint8Array): void;
  close(): void;
}
