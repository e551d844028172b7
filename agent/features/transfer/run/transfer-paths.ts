import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import { freePathName } from '../../../cameras/adoption/plan.ts';
import type { ApiEdits } from '../../../config/edit/api-edits.ts';
import { type Config, resolvePath } from '../../../config/load/load.ts';
import type { TransferItems } from '../../../recordings/copy/transfer-kind.ts';

const Added = Type.Object({
  /** Box or folder that the recordings come from. */
  source: Type.String(),
  group: Type.String(),
  name: Type.String(),
  path: Type.String(),
});
type Added = Static<typeof Added>;
const Stored = Type.Object({ version: Type.Literal(1), cameras: Type.Array(Added) });

/** The cameras that transfers have added: a repeated transfer adds none. */
export class AddedCameras {
  readonly #document: StoredDocument<typeof Stored>;
  readonly #config: () => Config;

  constructor(file: string, config: () => Config) {
    this.#document = new StoredDocument(file, Stored);
    this.#config = config;
  }

  /** Path of an added camera, or undefined if there is none yet, or it was deleted. */
  async pathOf({ source, group, name }: Omit<Added, 'path'>): Promise<string | undefined> {
    const found = (await this.#all()).find((one) => one.source === source && one.group === group && one.name === name);
    return found && this.#config().paths.has(found.path) ? found.path : undefined;
  }

  async add(camera: Added): Promise<void> {
    const others = (await this.#all()).filter(({ path }) => path !== camera.path);
    await this.#document.save(() => ({ version: 1, cameras: [...others, camera].slice(-1_000) }));
  }

  /** A damaged file costs only that a repeated transfer adds a camera. */
  async #all(): Promise<readonly Added[]> {
    return (await this.#document.load().catch(() => undefined))?.cameras ?? [];
  }
}

interface TransferPathsDeps {
  readonly config: () => Config;
  readonly edits: Pick<ApiEdits, 'addPath'>;
  readonly recordings: { settled(): Promise<void> };
  readonly added: AddedCameras;
  /** Box or folder that the recordings come from. */
  readonly source: string;
}

interface Item {
  readonly group: string;
  readonly path: string;
}

/** Adds a camera for each item without a path. @throws PerchError badInput */
export async function withPaths(items: TransferItems, deps: TransferPathsDeps): Promise<Item[]> {
  for (const { path, name } of items) {
    if (path === undefined ? name === undefined : !resolvePath(deps.config(), path)?.settings) {
      throw new PerchError('badInput', `path '${path ?? ''}' is not configured: add the camera first`, { path });
    }
  }
  const { added, source } = deps;
  const paths: Item[] = [];
  for (const { group, path: wanted, name = '' } of items) {
    const path = wanted ?? (await added.pathOf({ source, group, name })) ?? (await addCamera(group, name, deps));
    paths.push({ group, path });
  }
  return paths;
}

/** Adds a camera that is turned off, because it has no stream. @returns its path */
async function addCamera(
  group: string,
  name: string,
  { config, edits, recordings, added, source }: TransferPathsDeps,
): Promise<string> {
  const path = freePathName([name], (taken) => config().paths.has(taken));
  const settings = { recordDeleteAfter: '0s', camera: { name, paused: true } };
  await edits.addPath(path, settings, { hasAllRights: true });
  await recordings.settled();
  await added.add({ source, group, name, path });
  return path;
}
