import { PerchError } from '../../base/errors.ts';
import { freePathName } from '../../cameras/adoption/plan.ts';
import type { ApiEdits } from '../../config/edit/api-edits.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { ImportRequest } from '../../http/api/recordings/transfer-routes.ts';

interface TransferPathsDeps {
  readonly config: () => Config;
  readonly edits: Pick<ApiEdits, 'addPath'>;
  readonly recordings: { settled(): Promise<void> };
}

interface Item {
  readonly group: string;
  readonly path: string;
}

/** Adds new cameras. @throws PerchError badInput */
export async function withPaths(items: ImportRequest['items'], deps: TransferPathsDeps): Promise<Item[]> {
  for (const { path, name } of items) {
    if (path === undefined ? name === undefined : !resolvePath(deps.config(), path)?.settings) {
      throw new PerchError('badInput', `path '${path ?? ''}' is not configured: add the camera first`, { path });
    }
  }
  const paths: Item[] = [];
  for (const { group, path, name } of items) {
    paths.push({ group, path: path ?? (await addCamera(name ?? '', deps)) });
  }
  return paths;
}

/** Turned off: it has no stream. @returns its path */
async function addCamera(name: string, { config, edits, recordings }: TransferPathsDeps): Promise<string> {
  const path = freePathName([name], (taken) => config().paths.has(taken));
  const settings = { recordDeleteAfter: '0s', camera: { name, paused: true } };
  await edits.addPath(path, settings, { hasAllRights: true });
  await recordings.settled();
  return path;
}
