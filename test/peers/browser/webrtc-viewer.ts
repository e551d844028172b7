import type { PerchViewer, WatchOptions, WatchReport } from './in-page/viewer.ts';
import { type AnyPage, callInPage } from './page-script.ts';

export type { Shown, WatchReport } from './in-page/viewer.ts';

/** One WHEP viewer in a page. */
export interface Watching {
  report(): Promise<WatchReport>;
  /** Waits until this many pictures have been shown since the start, or the server has rejected the viewer. */
  shown(pictures: number): Promise<WatchReport>;
  /** The longest gap counts from now on. */
  settle(): Promise<void>;
  /** @returns the status of the server's response */
  restartIce(): Promise<number>;
  /** @returns the status of the DELETE */
  close(): Promise<number>;
}

/** Makes the page a viewer of a stream; it may play several. Resolves when the server has responded. */
export async function watch(page: AnyPage, options: WatchOptions): Promise<Watching> {
  const call = <T>(method: keyof PerchViewer, argument: unknown) => callInPage<T>(page, 'viewer', method, argument);
  const number = await call<number>('watch', options);
  const report = () => call<WatchReport>('report', number);
  return {
    report,
    shown: async (pictures) => {
      for (;;) {
        const now = await report();
        if (now.pictures >= pictures || now.error !== '') {
          return now;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    settle: () => call('settle', number),
    restartIce: () => call('restartIce', number),
    close: () => call('close', number),
  };
}
