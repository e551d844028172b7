import type { ReadRounds } from '../../../base/time/read-rounds.ts';
import type { ReceivedTrack } from '../../../stream/ingest/source-statistics.ts';

/** Carries one track's RTP from the camera to its receiver, and RTCP back. */
export interface TrackTransport extends ReceivedTrack {
  /** @param packet RTCP */
  sendControl(packet: Uint8Array): void;
  /** For UDP: opens firewalls on the route. Called before PLAY, because some cameras send before they answer it, and after it. */
  punch?(): void;
  /** For RTP with its own sockets: from now on they are read in rounds, or undefined to read when data arrive. */
  readInRounds?(rounds: ReadRounds | undefined): void;
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
