import { access, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { CACHE } from './root.ts';
import { call } from './tools.ts';

/**
 * The boards' first programs, as Debian packs them. Only taken out: its package would look for a boot partition that is not there.
 * @param folder for unpacking @returns where they lie in it
 */
export async function raspberryFirmware(suite: string, folder: string, say: (text: string) => void): Promise<string> {
  const file = join(CACHE, `firmware-${suite}.tar`);
  if (
    !(await access(file).then(
      () => true,
      () => false,
    ))
  ) {
    say('downloading the firmware of the Raspberry Pi');
    await mkdir(CACHE, { recursive: true });
    await call('mmdebstrap', [
      ...['--mode=root', '--format=tar', '--architectures=arm64', '--variant=extract'],
      ...['--components=main,non-free-firmware', '--aptopt=Apt::Install-Recommends "false"'],
      ...['--include=raspi-firmware', suite, `${file}.new`],
    ]);
    await rename(`${file}.new`, file);
  }
  await mkdir(folder);
  await call('tar', ['-xf', file, '-C', folder, './usr/lib/raspi-firmware']);
  return join(folder, 'usr/lib/raspi-firmware');
}
