import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import { Database, type DatabaseOptions } from './database.ts';
import { placeOf } from './database-url.ts';
import { SHARED_DOCUMENTS } from './documents.ts';

/** @throws PerchError also if the people of this server are in files alone: with an empty database it would belong to whoever claims it */
export async function openDocuments({ dataDir, ...options }: DatabaseOptions & { readonly dataDir: string }) {
  const database = await Database.open(options);
  const files = SHARED_DOCUMENTS.filter((name) => existsSync(join(dataDir, name)));
  try {
    if (files.includes('users.json') && (await database.versionOf('users.json')) === 0) {
      const advice = 'run perch database import, or move the file away';
      throw new PerchError(
        'badInput',
        `${placeOf(options.address)} has no people, but ${dataDir} has users.json: ${advice}`,
      );
    }
  } catch (error) {
    await database.close();
    throw error;
  }
  if (files.length > 0) {
    options.log.warn({ files }, 'these files of the data folder are not used: their contents are in the database');
  }
  return database;
}
