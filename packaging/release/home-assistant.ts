import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from '../call.ts';
import type { DebOptions } from '../debian.ts';
import { inTemporaryFolder } from '../stage.ts';

const FROM = join(import.meta.dirname, '../home-assistant');
const ROOT = join(import.meta.dirname, '../..');

/** `perch-home-assistant_VERSION.tar.gz`: a repository of one add-on. @param address of the containers */
export function makeAddOn(address: string, { version, time, folder }: DebOptions): Promise<string> {
  return inTemporaryFolder(async (stage) => {
    const addOn = join(stage, 'perch');
    await cp(join(FROM, 'repository'), stage, { recursive: true });
    await cp(join(ROOT, 'CHANGELOG.md'), join(addOn, 'CHANGELOG.md'));
    await cp(join(ROOT, 'webui/icons/icon-192.png'), join(addOn, 'icon.png'));
    for (const name of (await readdir(addOn)).filter((one) => one.endsWith('.yaml'))) {
      const text = await readFile(join(addOn, name), 'utf8');
      await writeFile(join(addOn, name), fill(text, address, version));
    }
    return pack(stage, join(folder, `perch-home-assistant_${version}.tar.gz`), time);
  });
}

/** A folder as an archive that depends on its contents and the time alone. @param time Unix seconds @returns the file */
export async function pack(stage: string, file: string, time: number): Promise<string> {
  const plain = ['--numeric-owner', '--owner=0', '--group=0', '--mode=u=rwX,go=rX', '--sort=name'];
  await call('tar', [...plain, `--mtime=@${time}`, '--use-compress-program=gzip -n', '-cf', file, '-C', stage, '.']);
  return file;
}

/** Fills `@IMAGE@` and `@VERSION@`. Tags of containers have no `~`. */
export const fill = (text: string, address: string, version: string): string =>
  text.replaceAll('@IMAGE@', address).replaceAll('@VERSION@', version.replace('~', '-'));
