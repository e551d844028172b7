import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from '../call.ts';
import type { DebOptions } from '../debian.ts';
import { inTemporaryFolder } from '../stage.ts';
import { UsageError } from '../usage-error.ts';

const ADD_ON = join(import.meta.dirname, '../home-assistant');
const FLEET = join(import.meta.dirname, '../fleet');
const ROOT = join(import.meta.dirname, '../..');
const HEADING = /^## (\S+) \(([^)]+)\)$/m;

/** `perch-home-assistant_VERSION.tar.gz`: a repository of one add-on. @param address of the containers */
export function makeAddOn(address: string, { version, time, folder }: DebOptions): Promise<string> {
  return inTemporaryFolder(async (stage) => {
    const addOn = join(stage, 'perch');
    await cp(join(ADD_ON, 'repository'), stage, { recursive: true });
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
async function pack(stage: string, file: string, time: number): Promise<string> {
  const plain = ['--numeric-owner', '--owner=0', '--group=0', '--mode=u=rwX,go=rX', '--sort=name'];
  await call('tar', [...plain, `--mtime=@${time}`, '--use-compress-program=gzip -n', '-cf', file, '-C', stage, '.']);
  return file;
}

/** Fills `@IMAGE@` and `@VERSION@`. Tags of containers have no `~`. */
export const fill = (text: string, address: string, version: string): string =>
  text.replaceAll('@IMAGE@', address).replaceAll('@VERSION@', version.replace('~', '-'));

/** `perch-fleet_VERSION.tar.gz`: the compose file of a fleet and what it mounts. @param address of the containers */
export function makeFleet(address: string, { version, time, folder }: DebOptions): Promise<string> {
  return inTemporaryFolder(async (stage) => {
    await cp(FLEET, join(stage, 'perch-fleet'), { recursive: true });
    const file = join(stage, 'perch-fleet/env.example');
    await writeFile(file, fill(await readFile(file, 'utf8'), address, version));
    return pack(stage, join(folder, `perch-fleet_${version}.tar.gz`), time);
  });
}

/**
 * The section of a version in CHANGELOG.md, without its heading.
 * @param tag of the release; without one the version need not have a date yet
 * @throws UsageError if there is no such section, or the tag belongs to another version
 */
export function releaseNotes(changelog: string, version: string, tag: string | undefined): string {
  if (tag !== undefined && tag !== `v${version}`) {
    throw new UsageError(`the tag ${tag} is not of version ${version} in package.json, whose tag is v${version}`);
  }
  const sections = changelog.split(/^(?=## )/m);
  const section = sections.find((one) => HEADING.exec(one)?.[1] === version);
  if (section === undefined) {
    throw new UsageError(`CHANGELOG.md has no section "## ${version} (DATE)"`);
  }
  const date = HEADING.exec(section)?.[2] ?? '';
  if (tag !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(date)) {
    throw new UsageError(`CHANGELOG.md has "${date}" instead of a date such as 2026-12-24 for version ${version}`);
  }
  return `${section.replace(HEADING, '').trim()}\n`;
}
