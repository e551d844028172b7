import { PerchError } from '../../base/errors.ts';
import type { Config } from '../../config/load/load.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import type { ReadConfig } from '../../config/store/read-config.ts';
import { remotePathOf } from '../../config/values/remote-path.ts';
import type { Member } from './bus/credential.ts';
import { FLEET } from './keys.ts';

/** Boxes and servers have other rights on the bus. @param box id of this Perch, if it has one already @throws PerchError */
export function checkMember({ role, id }: Member, { name, config }: ReadConfig, box: string | undefined): void {
  const settings = settingsIn(config, FLEET);
  // A box may show cameras of others, too.
  const key = (['databaseURL', 'replicaAddress'] as const).find((one) => settings[one] !== '');
  if (role === 'server' && key === undefined && !config.server && !showsOthers(config)) {
    throw new PerchError(
      'badInput',
      `this is the credential of server ${id}, which reads what all boxes publish, and this Perch is no server: for a box use that of perch fleet box; for a server set databaseURL, replicaAddress or server: yes in ${name} first, or name the file that has it: perch fleet join CREDENTIAL FILE.yml`,
    );
  }
  if (role === 'box' && key !== undefined) {
    throw new PerchError(
      'badInput',
      `this is the credential of box ${id}, and this Perch is a server (${key}): use that of perch fleet server`,
    );
  }
  if (role === 'box' && box !== undefined && box !== id) {
    throw new PerchError(
      'badInput',
      `this is the credential of box ${id}, and this is box ${box}: use that of perch fleet box FOLDER ${box}`,
    );
  }
}

/** Whether this Perch has cameras of other boxes. */
const showsOthers = ({ paths }: Config): boolean =>
  [...paths.values()].some(({ settings }) => settings !== undefined && remotePathOf(settings.source) !== undefined);
