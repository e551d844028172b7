import type { PerchPublisher, PublishOptions, PublishReport } from './in-page/publisher.ts';
import { type AnyPage, callInPage } from './page-script.ts';

export type { PublishReport } from './in-page/publisher.ts';

/** Small: its encoder shares two cores with everything under test. */
export const PUBLISHED_SIZE = [320, 180] as const;

/** A page that sends its fake camera and microphone. */
export interface Sending {
  report(): Promise<PublishReport>;
  /** @returns the status of the DELETE */
  close(): Promise<number>;
}

/** Makes the page a publisher, or a speaker. Resolves when the server has responded. */
export async function send(page: AnyPage, options: Omit<PublishOptions, 'size'>): Promise<Sending> {
  const call = <T>(method: keyof PerchPublisher, argument: unknown) =>
    callInPage<T>(page, 'publisher', method, argument);
  const number = await call<number>('publish', { ...options, size: PUBLISHED_SIZE });
  return { report: () => call('report', number), close: () => call('close', number) };
}
