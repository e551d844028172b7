import { join } from 'node:path';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { PerchError } from '../base/errors.ts';
import { StoredDocument } from '../base/files/stored-document.ts';
import type { Context } from '../config/load/context.ts';
import type { Config } from '../config/load/load.ts';
import type { PathEntry } from '../config/load/path-entry.ts';
import {
  type Layout,
  type LayoutBody,
  type LayoutPatch,
  type LayoutStore,
  layoutNamed,
  MAX_LAYOUT_CAMERAS,
  MAX_LAYOUT_NAME_CHARS,
} from '../http/api/cameras/layouts.ts';
import { isSubStream } from './path-entries.ts';

export const LAYOUTS_FILE = 'layouts.json';
const MAX_LAYOUTS = 50;
/** Former names that a layout keeps: the oldest is forgotten. */
const MAX_FORMER_NAMES = 8;

const Name = Type.String({ minLength: 1, maxLength: MAX_LAYOUT_NAME_CHARS });
const LayoutsFile = Type.Object({
  layouts: Type.Array(
    Type.Object({
      name: Name,
      kind: Type.Enum(['group', 'wall']),
      cameras: Type.Array(
        Type.Object({
          // Longest name of a path in the file.
          path: Type.String({ minLength: 1, maxLength: 4_096 }),
          size: Type.Enum(['small', 'large']),
        }),
        { maxItems: MAX_LAYOUT_CAMERAS },
      ),
      formerNames: Type.Array(Name, { maxItems: MAX_FORMER_NAMES }),
    }),
    { maxItems: MAX_LAYOUTS },
  ),
});

/** @throws PerchError badInput for other contents */
export function readLayouts(json: unknown): readonly Layout[] {
  if (!Check(LayoutsFile, json)) {
    throw new PerchError('badInput', 'it has other contents');
  }
  return json.layouts;
}

interface LayoutsDeps extends Pick<Context, 'dataDir' | 'log'> {
  readonly paths: { find(name: string): unknown };
  /** The configuration that was last read or written. */
  config(): Config;
}

/** Groups and walls, in one small file of the data folder. */
export class Layouts implements LayoutStore {
  readonly #deps: LayoutsDeps;
  readonly #document: StoredDocument<typeof LayoutsFile>;
  #loaded: Promise<readonly Layout[]> | undefined;

  constructor(deps: LayoutsDeps) {
    this.#deps = deps;
    this.#document = new StoredDocument(join(deps.dataDir, LAYOUTS_FILE), LayoutsFile, deps.log);
    this.#document.follow((stored) => {
      this.#loaded = Promise.resolve(stored?.layouts ?? []);
    });
  }

  list(): Promise<readonly Layout[]> {
    this.#loaded ??= this.#document
      .openReadable('the file of layouts is damaged, groups and walls are lost')
      .then((stored) => stored?.layouts ?? [])
      .catch((error: unknown) => {
        this.#loaded = undefined;
        throw error;
      });
    return this.#loaded;
  }

  /** A configured path is not active for a moment after each change. */
  isKnown(path: string): boolean {
    const entry = this.#deps.config().paths.get(path);
    return (entry !== undefined && !isPattern(entry)) || this.#deps.paths.find(path) !== undefined;
  }

  async replace(wanted: string, { kind, cameras }: LayoutBody): Promise<Layout> {
    const name = checkedName(wanted);
    this.#checkPaths(cameras);
    const { formerNames = [] } = (await this.list()).find((one) => one.name === name) ?? {};
    const layout = { name, kind, cameras: cameras.map(sized), formerNames };
    await this.#change((all) => {
      const isNew = all.every((one) => one.name !== name);
      if (isNew && all.length >= MAX_LAYOUTS) {
        throw new PerchError('exhausted', `there are ${all.length} layouts, the limit is ${MAX_LAYOUTS}: delete one`);
      }
      return isNew ? [...without(name, all), layout] : all.map((one) => (one.name === name ? layout : one));
    });
    return layout;
  }

  async patch(wanted: string, { name: given, cameras }: LayoutPatch): Promise<Layout> {
    const name = given === undefined ? undefined : checkedName(given);
    this.#checkPaths(cameras ?? []);
    const all = await this.#change((before) => {
      const { name: now } = existing(wanted, layoutNamed(wanted, before));
      if (name !== undefined && name !== now && before.some((one) => one.name === name)) {
        throw new PerchError('badInput', `another layout is named '${name}'`, { isTaken: true });
      }
      const patched = (one: Layout): Layout => ({
        ...(name === undefined || name === now ? one : renamed(one, name)),
        ...(cameras && { cameras: cameras.map(sized) }),
      });
      const others = name === undefined ? before : without(name, before, now);
      return others.map((one) => (one.name === now ? patched(one) : one));
    });
    return existing(wanted, layoutNamed(name ?? wanted, all));
  }

  async delete(name: string): Promise<void> {
    await this.#change((all) => {
      const deleted = existing(
        name,
        all.find((one) => one.name === name),
      );
      return all.filter((one) => one !== deleted);
    });
  }

  async order(names: readonly string[]): Promise<void> {
    await this.#change((all) => {
      const first = [...new Set(names)].map((name) =>
        existing(
          name,
          all.find((one) => one.name === name),
        ),
      );
      return [...first, ...all.filter((one) => !first.includes(one))];
    });
  }

  async close(): Promise<void> {
    await this.#document.change(() => {});
  }

  /** @throws PerchError badInput */
  #checkPaths(cameras: readonly { readonly path: string }[]): void {
    const seen = new Set<string>();
    for (const { path } of cameras) {
      const shown = path.slice(0, 64);
      if (!this.isKnown(path)) {
        throw new PerchError('badInput', `there is no path '${shown}'`);
      }
      if (isSubStream(path, this.#deps.config())) {
        throw new PerchError('badInput', `path '${shown}' is a sub stream: name its camera`);
      }
      if (seen.has(path)) {
        throw new PerchError('badInput', `path '${shown}' is listed twice`);
      }
      seen.add(path);
    }
  }

  #change(change: (before: readonly Layout[]) => readonly Layout[]): Promise<readonly Layout[]> {
    return this.#document.change(async () => {
      const layouts = change(await this.list());
      await this.#document.save(() => ({ layouts }));
      this.#loaded = Promise.resolve(layouts);
      return layouts;
    });
  }
}

const isPattern = ({ pattern }: PathEntry): boolean => pattern !== undefined;

const sized = ({ path, size = 'small' }: LayoutBody['cameras'][number]): Layout['cameras'][number] => ({ path, size });

function existing(name: string, found: Layout | undefined): Layout {
  if (!found) {
    throw new PerchError('notFound', 'no layout has this name', { name });
  }
  return found;
}

/** A screen with the former name in its address still shows it. */
const renamed = (layout: Layout, name: string): Layout => ({
  ...layout,
  name,
  formerNames: [...layout.formerNames.filter((one) => one !== name), layout.name].slice(-MAX_FORMER_NAMES),
});

/** Removes a former name from all layouts, because one of them gets this name. @param except keeps its former names */
const without = (name: string, all: readonly Layout[], except?: string): Layout[] =>
  all.map((one) =>
    one.name === except ? one : { ...one, formerNames: one.formerNames.filter((former) => former !== name) },
  );

/** @throws PerchError badInput */
function checkedName(given: string): string {
  const name = given.normalize('NFC').trim();
  if (name === '' || name.length > MAX_LAYOUT_NAME_CHARS || /\p{C}/u.test(name)) {
    throw new PerchError('badInput', `a layout needs a name of 1 to ${MAX_LAYOUT_NAME_CHARS} printable characters`);
  }
  return name;
}
