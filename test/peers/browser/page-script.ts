import { join } from 'node:path';
import { build } from 'esbuild';

/** The common interface of both browsers' drivers. */
export interface AnyPage {
  // biome-ignore lint/suspicious/noExplicitAny: each driver has its own types for the same call
  evaluate(run: any, argument?: any): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: the same
  addScriptTag(options: { content: string }): Promise<any>;
}

const bundles = new Map<string, Promise<string>>();
const prepared = new WeakMap<AnyPage, Map<string, Promise<unknown>>>();

/** A script of in-page/ with all that it imports, once per process. */
function pageScript(name: string): Promise<string> {
  const file = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const entry = join(import.meta.dirname, 'in-page', `${file}.ts`);
  const made =
    bundles.get(name) ??
    build({ entryPoints: [entry], bundle: true, write: false, format: 'iife', logLevel: 'silent' }).then(
      ({ outputFiles }) => outputFiles[0]?.text ?? '',
    );
  bundles.set(name, made);
  return made;
}

/** The object of each script in the page. */
const OBJECTS = {
  viewer: 'perchViewer',
  publisher: 'perchPublisher',
  listener: 'perchListener',
  hlsPlayer: 'perchHlsPlayer',
  livePlayer: 'perchLivePlayer',
} as const;

/** Calls a method of the object that in-page/`script`.ts adds to the page as `perch…`. */
export async function callInPage<T>(
  page: AnyPage,
  script: keyof typeof OBJECTS,
  method: string,
  argument: unknown,
): Promise<T> {
  const scripts = prepared.get(page) ?? new Map<string, Promise<unknown>>();
  prepared.set(page, scripts);
  const ready = scripts.get(script) ?? pageScript(script).then((content) => page.addScriptTag({ content }));
  scripts.set(script, ready);
  await ready;
  return (await page.evaluate(
    ([object, call, value]: [string, string, unknown]) =>
      (globalThis as unknown as Record<string, Record<string, (value: unknown) => unknown>>)[object]?.[call]?.(value),
    [OBJECTS[script], method, argument],
  )) as T;
}
