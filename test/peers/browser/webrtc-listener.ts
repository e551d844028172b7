import type { HeardReport, ListenOptions, PerchListener } from './in-page/listener.ts';
import { type AnyPage, callInPage } from './page-script.ts';

export type { HeardReport } from './in-page/listener.ts';

/** A WHEP viewer in a page that measures its audio. */
export interface Listener {
  report(): Promise<HeardReport>;
  /** Waits until the report meets the condition. */
  heard(is: (report: HeardReport) => boolean): Promise<HeardReport>;
  close(): Promise<void>;
}

export async function listen(page: AnyPage, options: ListenOptions): Promise<Listener> {
  const call = <T>(method: keyof PerchListener, argument: unknown) => callInPage<T>(page, 'listener', method, argument);
  const number = await call<number>('listen', options);
  const report = () => call<HeardReport>('report', number);
  return {
    report,
    heard: async (is) => {
      for (;;) {
        const now = await report();
        if (is(now)) {
          return now;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    close: () => call('close', number),
  };
}
