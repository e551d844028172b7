import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { loadPrivate, savePrivate } from '../../../base/files/durable-file.ts';
import { silentLogger } from '../../../base/log.ts';
import { Database } from './database.ts';
import { type DatabaseAddress, placeOf } from './database-url.ts';
import { SHARED_DOCUMENTS } from './documents.ts';

interface Transfer {
  readonly address: DatabaseAddress;
  readonly dataDir: string;
  write(text: string): void;
}

/** Copies the documents of a data folder to an empty database, all or none. @throws PerchError */
export async function importDocuments({ address, dataDir, write }: Transfer): Promise<void> {
  const documents = await documentsIn(dataDir);
  await using database = await openDatabase(address);
  await database.saveFirst(documents);
  const names = [...documents.keys()].join(', ');
  write(`Imported ${names} into the ${placeOf(address)}. The files stay, and are not used any more\n`);
}

/** The documents of a data folder by name. @throws PerchError notFound without people */
export async function documentsIn(dataDir: string): Promise<ReadonlyMap<string, unknown>> {
  const names = SHARED_DOCUMENTS.filter((name) => existsSync(join(dataDir, name)));
  if (!names.includes('users.json')) {
    throw new PerchError('notFound', `${dataDir} has no users.json: there are no people to import`);
  }
  return new Map(await Promise.all(names.map(async (name) => [name, await loadPrivate(join(dataDir, name))] as const)));
}

/** Copies the documents of the database to the files of a data folder that has none of them. @throws PerchError */
export async function exportDocuments({ address, dataDir, write }: Transfer): Promise<void> {
  const there = SHARED_DOCUMENTS.filter((name) => existsSync(join(dataDir, name)));
  if (there.length > 0) {
    throw new PerchError(
      'conflict',
      `${dataDir} has ${there.join(', ')} already: move them away, nothing was exported`,
    );
  }
  await using database = await openDatabase(address);
  const names = await namesIn(database);
  for (const name of names) {
    await savePrivate(join(dataDir, name), (await database.load(name)).value);
  }
  const what = names.length === 0 ? 'nothing: it has no documents' : names.join(', ');
  write(`Exported from the ${placeOf(address)} to ${dataDir}: ${what}\n`);
}

/** For a command. @throws PerchError */
export async function openDatabase(address: DatabaseAddress): Promise<Database & AsyncDisposable> {
  const database = await Database.open({ address, clock: systemClock, log: silentLogger });
  return Object.assign(database, { [Symbol.asyncDispose]: () => database.close() });
}

async function namesIn(database: Database): Promise<readonly string[]> {
  const found = await Promise.all(SHARED_DOCUMENTS.map(async (name) => [name, await database.load(name)] as const));
  return found.flatMap(([name, { value }]) => (value === undefined ? [] : [name]));
}
