import { join } from 'node:path';
import { extract } from './extract.ts';

const PATH = 'usr/lib/raspi-firmware';

/**
 * The boards' first programs, as Debian packs them. Only taken out: its package would look for a boot partition that is not there.
 * @param folder for unpacking @returns where they lie in it
 */
export async function raspberryFirmware(suite: string, folder: string): Promise<string> {
  await extract({ name: `firmware-${suite}.tar`, suite, packages: ['raspi-firmware'], path: PATH }, folder);
  return join(folder, PATH);
}
