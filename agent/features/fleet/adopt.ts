import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { becomeOwnerOf } from '../../../system/data-folder.ts';
import { systemClock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { isReadByAll } from '../../config/file/file.ts';
import { variableOf } from '../../config/load/environment.ts';
import type { Config } from '../../config/load/load.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { checkSyntax } from '../../config/schema/syntax.ts';
import { readLastStart } from '../../config/store/last-start.ts';
import { ConfigStore } from '../../config/store/store.ts';
import { portOf } from '../../config/values/address.ts';
import { problemText } from '../../config/yaml/problem.ts';
import type { CommandCall } from '../contract.ts';
import { openBus, serversOf } from './bus/connection.ts';
import { type Credential, credentialIn, memberOf, nameOf } from './bus/credential.ts';
import { openStores } from './bus/stores.ts';
import type { StoredDocuments } from './database/database.ts';
import { placeOf, readDatabaseURL } from './database/database-url.ts';
import { documentsIn, openDatabase } from './database/transfer-command.ts';
import { isConfigFile, readCredentialOf, readText } from './issue/fleet-command.ts';
import { FLEET } from './keys.ts';

/** Empty: as the configuration has it. */
interface AdoptedSettings {
  readonly databaseURL: string;
  readonly natsURL: string;
  readonly replicaAddress: string;
}

/**
 * Takes a server with people in files into a fleet. All is checked before documents are written (tables, streams and buckets are made), and the configuration comes last: until
 * then Perch starts as before, and the command can be run again.
 * @returns the exit code @throws PerchError
 */
export async function adoptServer(
  call: CommandCall,
  input: AsyncIterable<Uint8Array | string> = process.stdin,
): Promise<number> {
  const { dataDir, cwd, env, write } = call;
  const credential = await readCredentialOf(call, input);
  const given = await givenBy(call);
  const member = memberOf(credential.jwt);
  if (member.role !== 'server') {
    throw new PerchError(
      'badInput',
      `this is the credential of box ${member.id}: perch fleet server issues that of a server`,
    );
  }
  becomeOwnerOf(dataDir);
  const named = call.words.find(isConfigFile);
  const { file: started } = (await readLastStart(dataDir, named)) ?? {};
  const file = named ?? (started !== undefined && existsSync(started) ? started : undefined);
  const place = { dataDir, cwd, env, ...(file !== undefined && { file }) };
  const config = await ConfigStore.open({ ...place, clock: systemClock, log: silentLogger, keys: await call.keys() });
  try {
    const { settings, edits } = planned(config, given, env);
    checkReplica(settings.replicaAddress, credential, config.current, write);
    const address = readDatabaseURL(settings.databaseURL);
    await using database = await openDatabase(address);
    const isUsed = edits.every(([key]) => key !== 'databaseURL');
    const isThere = (found: StoredDocuments, documents: ReadonlyMap<string, unknown>): boolean =>
      isAdopted(found, documents, isUsed, placeOf(address));
    isThere(await database.stored(), await documentsIn(dataDir));
    write(`The ${placeOf(address)} answers, and has nothing of another server.\n`);
    write(`The bus answers at ${await tryBus(settings.natsURL, credential)}, and lets ${nameOf(member)} in.\n`);

    const folder = call.hold('all is well so far, and no data has changed: stop Perch, and run this again');
    try {
      if (edits.some(([key]) => key === 'databaseURL')) {
        await closeToOthers(config.file, write);
      }
      // Perch may have changed them until it was stopped.
      const documents = await documentsIn(dataDir);
      if (isThere(await database.stored(), documents)) {
        write(
          'Its people are in the database already, and were changed there: the files are older, and stay as they are.\n',
        );
      } else {
        await database.saveFirst(documents, (found) => !isThere(found, documents));
        write(`Imported ${[...documents.keys()].join(', ')}. The files stay.\n`);
      }
      await credentialIn(dataDir).save(() => credential);
      write(`Saved the credential of ${nameOf(member)}.\n`);
      await config.revise(() => edits.map(([key, value]) => ({ keyPath: [key], value })));
      if (config.unsaved) {
        throw new PerchError('unavailable', `${problemText(config.unsaved)}: Perch starts as before`);
      }
      const written =
        edits.length === 0 ? 'The configuration had all keys.' : `Wrote ${edits.map(([key]) => key).join(', ')}.`;
      write(`${written} This Perch is a server of the fleet from its next start on.\n`);
    } finally {
      folder.release();
    }
  } finally {
    config.close();
  }
  return 0;
}

/** The URL has a password. A mode that keeps others out stays, also if a group may read the file. */
export async function closeToOthers(
  file: string | undefined,
  write: CommandCall['write'],
  setMode: (file: string, mode: number) => Promise<void> = chmod,
): Promise<void> {
  if (file === undefined || !(await isReadByAll(file))) {
    return;
  }
  try {
    await setMode(file, 0o600);
  } catch (cause) {
    const owned = `as root run chown ${process.getuid?.()} ${file} and chmod 600 ${file}`;
    const advice = `${owned}, or give it the group of Perch and mode 640; then run this again`;
    throw new PerchError('unavailable', `every user of this machine may read ${file}: ${advice}`, {}, cause);
  }
  write(`${file} gets the password of the database: its mode is 0600 from now on.\n`);
}

async function givenBy(call: CommandCall): Promise<AdoptedSettings> {
  const database = call.text('database') ?? '';
  const isURL = /^(?:postgres(?:ql)?:|$)/.test(database);
  return {
    // Lists of processes show the password of a URL, and not that of a file.
    databaseURL: isURL ? database : (await readText(resolve(call.cwd, database))).trim(),
    natsURL: call.text('nats') ?? '',
    replicaAddress: call.text('replica') ?? '',
  };
}

/** The settings of the fleet, and those that the file lacks. @throws PerchError if something is missing, or would have no effect */
function planned(config: ConfigStore, given: AdoptedSettings, env: CommandCall['env']) {
  const present = settingsIn(config.current, FLEET);
  const edits = (['databaseURL', 'natsURL', 'replicaAddress'] as const)
    .map((key) => [key, given[key]] as const)
    .filter(([key, value]) => value !== '' && value !== present[key]);
  for (const [key] of edits) {
    const variable = variableOf([key], env);
    if (variable !== undefined) {
      throw new PerchError('badInput', `${variable} is set to another ${key}, and counts more than the file`);
    }
  }
  const settings = { ...present, ...Object.fromEntries(edits) };
  for (const [key, option] of [
    ['databaseURL', 'database'],
    ['natsURL', 'nats'],
  ] as const) {
    if (settings[key] === '') {
      throw new PerchError('badInput', `the configuration has no ${key}: name it with --${option}`);
    }
  }
  checkSyntax('natsUrl', settings.natsURL);
  checkSyntax('boxAddress', settings.replicaAddress);
  return { settings, edits };
}

/** @throws PerchError badInput for an address to which no box of the fleet connects */
function checkReplica(
  address: string,
  { list, hosts = [] }: Credential,
  { address: plain }: Pick<Config, 'address'>,
  write: CommandCall['write'],
): void {
  if (address === '') {
    return;
  }
  const known = list?.hosts ?? hosts;
  if (known.length === 0) {
    write('The fleet has no hosts: no box connects to this server (perch fleet hosts).\n');
  } else if (!known.includes(address)) {
    const advice =
      'name one of them, or have all listed by perch fleet hosts and take a new credential of perch fleet server';
    throw new PerchError('badInput', `boxes connect to ${known.join(', ')}, and not to ${address}: ${advice}`);
  }
  if (Number(address.slice(address.lastIndexOf(':') + 1)) === portOf(plain)) {
    write(
      `Port ${portOf(plain)} of this Perch is plain http: boxes connect to ${address} only if it is https there.\n`,
    );
  }
}

/**
 * Whether the documents are those of this server and newer than its files. They are its own if their key for sessions is.
 * @param isUsed this Perch starts with the database already: its files have not changed since
 * @throws PerchError conflict
 */
function isAdopted(
  { values, isUntouched }: StoredDocuments,
  documents: ReadonlyMap<string, unknown>,
  isUsed: boolean,
  place: string,
): boolean {
  if (values.size === 0) {
    return false;
  }
  const key = documents.get('secret.json');
  if (key === undefined || !isDeepStrictEqual(values.get('secret.json'), key)) {
    throw new PerchError('conflict', `the ${place} has the people of another server: nothing was changed`);
  }
  if (isUsed || isUntouched) {
    // Untouched: of an interrupted run. Perch may have started with its files since.
    return isUsed;
  }
  const advice = 'empty it, or set databaseURL to go on with what it has';
  throw new PerchError('conflict', `the ${place} has the people of this server, and was changed since: ${advice}`);
}

/** Connects as Perch does, and makes the stores unless they are there. @returns the server that answers @throws PerchError of all */
async function tryBus(natsURL: string, credential: Credential): Promise<string> {
  const failures: string[] = [];
  for (const server of serversOf(natsURL)) {
    try {
      const { client, close } = await openBus(server, credential, memberOf(credential.jwt));
      try {
        await openStores(client, silentLogger);
      } finally {
        await close();
      }
      return server;
    } catch (error) {
      failures.push(explain(error));
    }
  }
  throw new PerchError('unavailable', failures.join('; '));
}
