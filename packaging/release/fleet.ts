import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DebOptions } from '../debian.ts';
import { inTemporaryFolder } from '../stage.ts';
import { fill, pack } from './home-assistant.ts';

const FROM = join(import.meta.dirname, '../fleet');

/** `perch-fleet_VERSION.tar.gz`: the compose file of a fleet and what it mounts. @param address of the containers */
export function makeFleet(address: string, { version, time, folder }: DebOptions): Promise<string> {
  return inTemporaryFolder(async (stage) => {
    await cp(FROM, join(stage, 'perch-fleet'), { recursive: true });
    const file = join(stage, 'perch-fleet/env.example');
    await writeFile(file, fill(await readFile(file, 'utf8'), address, version));
    return pack(stage, join(folder, `perch-fleet_${version}.tar.gz`), time);
  });
}
