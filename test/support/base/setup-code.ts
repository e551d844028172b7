import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The setup code of an unclaimed box. */
export const setupCodeOf = ({ dataDir }: { readonly dataDir: string }): string =>
  JSON.parse(readFileSync(join(dataDir, 'setup.json'), 'utf8')).code;
