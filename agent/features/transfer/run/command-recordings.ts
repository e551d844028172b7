import { join, resolve } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { type Config, resolvePath } from '../../../config/load/load.ts';
import { KnownTemplates } from '../../../playback/index/known-templates.ts';
import { Playback } from '../../../playback/playback.ts';
import { machineDisks } from '../../../record/space/disk-probe.ts';
import { identityOf, KnownDisks } from '../../../record/space/known-disks.ts';
import { configuredTemplate, recordPathsOf } from '../../../recordings/record-path-templates.ts';

/** The recordings on all disks, former ones included. Their index is in memory: a running Perch has its own. */
export function recordingsOf(config: Config, dataDir: string, clock: Clock): Playback {
  const former = new KnownTemplates(join(dataDir, 'record-paths.json'), () => {}).with([]);
  const all = [...new Set([...recordPathsOf(config).map((template) => resolve(template)), ...former])];
  const recordPathOf = (path: string) => {
    const { recordPath, recordFormat } = resolvePath(config, path)?.settings ?? {};
    return recordPath === undefined || recordFormat === undefined ? undefined : { recordPath, format: recordFormat };
  };
  const paths = { recordPathOf, recordPaths: () => all, hasRecorded: configuredTemplate(config) };
  return new Playback({ file: ':memory:', paths, logger: silentLogger, clock });
}

/** @throws PerchError while the disk of the recordings is away: the disk below its folder would fill up */
export async function requireDisk(folder: string, dataDir: string, needsDisk: boolean): Promise<void> {
  const known = new KnownDisks(join(dataDir, 'disks.json'), () => {});
  await known.load();
  const reading = await machineDisks(dataDir).read(folder);
  if (identityOf(reading, known.find(folder)) === 'vanished' || (needsDisk && !reading.isOwnDisk)) {
    throw new PerchError('unavailable', `the disk of ${folder} is not mounted`, { folder });
  }
}
