import { until } from '../agent/agent.ts';
import type { LiveOptions, LiveReport } from './in-page/live-player.ts';
import { type AnyPage, callInPage } from './page-script.ts';

export type { LiveReport } from './in-page/live-player.ts';

/** Live fMP4 in a page: our own player over a WebSocket, or the browser's over HTTP. */
export interface LivePlaying {
  report(): Promise<LiveReport>;
  /** Waits until this many seconds of pictures have been shown, or the player has failed. */
  played(seconds: number): Promise<LiveReport>;
  close(): Promise<void>;
}

export async function playLive(page: AnyPage, options: LiveOptions): Promise<LivePlaying> {
  await callInPage<void>(page, 'livePlayer', 'play', options);
  const report = () => callInPage<LiveReport>(page, 'livePlayer', 'report', undefined);
  return {
    report,
    played: (seconds) =>
      until(async () => {
        const now = await report();
        const playedMs = (now.pictures.at(-1)?.wallMs ?? 0) - (now.pictures[0]?.wallMs ?? 0);
        return playedMs >= seconds * 1000 || now.errors.length > 0 ? now : undefined;
      }),
    close: () => callInPage<void>(page, 'livePlayer', 'close', undefined),
  };
}
