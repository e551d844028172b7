import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const PAGE = join(import.meta.dirname, '../../../webui');

/** Builds the page from its sources, once for all workers: it takes some seconds of a core. */
export async function setup(): Promise<void> {
  await promisify(execFile)(process.execPath, [join(PAGE, 'build.ts')]);
  process.env['BUILT_PAGE'] = join(PAGE, 'dist');
}
