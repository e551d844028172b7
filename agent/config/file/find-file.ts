import { resolve } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import { placesOf, signatureOf } from './file.ts';

/** An absolute name; nothing when no file is there. The argument's file must be there. */
export async function findFile({
  file,
  cwd,
  dataDir,
}: {
  readonly file?: string;
  readonly cwd: string;
  readonly dataDir: string;
}): Promise<string | undefined> {
  if (file !== undefined) {
    const named = resolve(cwd, file);
    if ((await signatureOf(named)) === undefined) {
      throw new PerchError('notFound', `the configuration file ${file} does not exist`, { file: named });
    }
    return named;
  }
  for (const place of placesOf(cwd, dataDir)) {
    if ((await signatureOf(place)) !== undefined) {
      return place;
    }
  }
  return undefined;
}
