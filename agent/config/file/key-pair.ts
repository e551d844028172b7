import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { FileWatch } from './file-watch.ts';

/** Files of private key and certificate chain, absolute. */
export interface KeyFiles {
  readonly key: string;
  readonly cert: string;
  /** Key and certificate that the box has made itself, in one file: used while neither of the others is there. */
  readonly own?: string;
}

export interface KeyPair {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** The box has made them itself. */
  readonly isOwn?: boolean;
}

/** The certificate that the box makes itself, on first use. */
export interface OwnKeys {
  file(): Promise<string>;
}

/** What `…ServerKey` and `…ServerCert` are called when nobody has given them a name. */
const DEFAULT_NAMES = { key: 'server.key', cert: 'server.crt' } as const;

/**
 * The files of a server's settings: relative to `cwd`. Where nobody has named any and none have the names that MediaMTX's have
 * by default, the box's own are made.
 */
export async function keyFilesOf(
  server: string,
  names: { readonly key: string; readonly cert: string },
  { cwd, own, log }: { readonly cwd: string; readonly own: OwnKeys; readonly log: Logger },
): Promise<KeyFiles> {
  const files = absoluteKeyFiles(names, cwd);
  if (!isLeftToUs(names) || existsSync(files.key) || existsSync(files.cert)) {
    return files;
  }
  const file = await own.file();
  // Not above debug: a port that is taken is tried again and again.
  log.debug({ server, file }, 'no certificate is configured: the own one is used');
  return { ...files, own: file };
}

/** Nobody has named any files. */
export const isLeftToUs = ({ key, cert }: { readonly key: string; readonly cert: string }): boolean =>
  (key === '' || key === DEFAULT_NAMES.key) && (cert === '' || cert === DEFAULT_NAMES.cert);

export const absoluteKeyFiles = (names: { readonly key: string; readonly cert: string }, cwd: string): KeyFiles => ({
  key: resolve(cwd, names.key || DEFAULT_NAMES.key),
  cert: resolve(cwd, names.cert || DEFAULT_NAMES.cert),
});

/**
 * @param server `rtsp`, `hls`: its settings are named in messages
 * @throws PerchError unavailable when one cannot be read, badInput when they do not belong together
 */
export async function readKeyPair(server: string, files: KeyFiles): Promise<KeyPair> {
  const { own } = files;
  if (own !== undefined && !existsSync(files.key) && !existsSync(files.cert)) {
    const both = await readNamed(`${server}ServerKey`, own);
    return checkedPair(server, files, { key: both, cert: both, isOwn: true });
  }
  // One after the other: of two that are missing the same one is named at each try, which the log then tells once.
  const key = await readNamed(`${server}ServerKey`, files.key);
  const cert = await readNamed(`${server}ServerCert`, files.cert);
  return checkedPair(server, files, { key, cert, isOwn: false });
}

function checkedPair(server: string, files: KeyFiles, pair: KeyPair): KeyPair {
  try {
    createSecureContext({ key: pair.key, cert: pair.cert });
  } catch (error) {
    const message = `${server}ServerKey and ${server}ServerCert are no key and its certificate`;
    throw new PerchError('badInput', message, { ...files }, error);
  }
  return pair;
}

async function readNamed(setting: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new PerchError('unavailable', `${setting} cannot be read`, { file }, error);
  }
}

/**
 * Gives the pair anew whenever one of its files has changed, for the connections to come. While they do not belong together the old
 * ones stay.
 * @returns what ends it
 */
export function watchKeyPair(
  server: string,
  files: KeyFiles,
  use: (pair: KeyPair) => void,
  clock: Clock,
  log: Logger,
): () => void {
  const renew = async (): Promise<void> => {
    try {
      use(await readKeyPair(server, files));
    } catch (error) {
      log.warn({ cause: explain(error) }, 'new certificate cannot be used yet');
    }
  };
  const named = [files.key, files.cert, ...(files.own === undefined ? [] : [files.own])];
  const watches = named.map((file) => new FileWatch(() => file, renew, clock, log));
  return () => {
    for (const watch of watches) {
      watch.close();
    }
  };
}
