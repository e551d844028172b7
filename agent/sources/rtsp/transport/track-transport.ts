import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';

/** One track's way from the camera to its receiver, and back for what we tell about it. */
export interface Lane {
  readonly receiver: TrackReceiver;
  readonly transport: 'TCP' | 'UDP' | 'UDP-multicast';
  /** Packets that did not reach the receiver because they came twice or too late. */
  readonly late: number;
  readonly reordered: number;
  /** Datagrams of others than the camera, where nobody else should send. */
  readonly strangers: number;
  /** @param packet RTCP */
  sendControl(packet: Uint8Array): void;
  /** Takes what comes from now on. Called before PLAY, because some cameras send before they answer it, and again after it. */
  open(): void;
  /** Called now and then. */
  tick(nowMs: number): void;
  close(): void;
}

/** A way for RTP to the camera. */
export interface Outlet {
  /** @param packet RTP; not to be changed afterwards */
  send(packet: Uint8Array): void;
  close(): void;
}
