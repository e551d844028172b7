import { join } from 'node:path';
import { build } from 'esbuild';
import type { PerchViewer, WatchOptions, WatchReport } from './in-page/viewer.ts';

export type { Shown, WatchReport } from './in-page/viewer.ts';

/** What pages of both browsers' drivers can do. */
export interface AnyPage {
  // biome-ignore lint/suspicious/noExplicitAny: each driver has its own types for the same call
  evaluate(run: any, argument?: any): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: the same
  addScriptTag(options: { content: string }): Promise<any>;
}

const bundles = new Map<string, Promise<string>>();

/** A script of in-page/ with all that it imports, once per process. */
export function pageScript(name: string): Promise<string> {
  const entry = join(import.meta.dirname, 'in-page', `${name}.ts`);
  const made =
    bundles.get(name) ??
    build({ entryPoints: [entry], bundle: true, write: false, format: 'iife', logLevel: 'silent' }).then(
      ({ outputFiles }) => outputFiles[0]?.text ?? '',
    );
  bundles.set(name, made);
  return made;
}

/** One WHEP viewer in a page. */
export interface Watching {
  report(): Promise<WatchReport>;
  /** Waits until so many pictures have been shown since the beginning, or the server has refused. */
  shown(pictures: number): Promise<WatchReport>;
  /** The longest gap counts from now on. */
  settle(): Promise<void>;
  /** @returns the status that the server answers with */
  restartIce(): Promise<number>;
  /** @returns the status of the DELETE */
  close(): Promise<number>;
}

const prepared = new WeakMap<AnyPage, Promise<unknown>>();

/** Makes the page a viewer of a stream; it may watch several. Resolves when the server has answered. */
export async function watch(page: AnyPage, options: WatchOptions): Promise<Watching> {
  const ready = prepared.get(page) ?? pageScript('viewer').then((content) => page.addScriptTag({ content }));
  prepared.set(page, ready);
  await ready;
  const call = <T>(method: keyof PerchViewer, argument: unknown): Promise<T> =>
    page.evaluate(
      ([name, value]: [keyof PerchViewer, never]) =>
        (globalThis as unknown as { perchViewer: PerchViewer }).perchViewer[name](value),
      [method, argument],
    );
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
