import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext, type TlsOptions } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { FileWatch } from './file-watch.ts';

/** Chooses the certificate for the name that a client asks for (RFC 6066 §3); none: that of the port. */
export type SniCallback = NonNullable<TlsOptions['SNICallback']>;

/** Files of private key and certificate chain, absolute. */
export interface KeyFiles {
  readonly key: string;
  readonly cert: string;
  /** Key and certificate made by Perch, in one file: used while neither of the others exists. */
  readonly own?: string;
  readonly sni?: SniCallback | undefined;
}

export interface KeyPair {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** Made by Perch. */
  readonly isOwn?: boolean;
  readonly sni?: SniCallback | undefined;
}

/** The certificate that Perch makes on first use. */
export interface OwnKeys {
  file(): Promise<string>;
  /** Certificates of some names, which every port has besides its own. */
  readonly sni?: SniCallback;
}

/** Defaults of `…ServerKey` and `…ServerCert`. */
const DEFAULT_NAMES = { key: 'server.key', cert: 'server.crt' } as const;

/**
 * The files of a server's settings, relative to `cwd`. With default names and no such files Perch uses its own.
 */
export async function keyFilesOf(
  server: string,
  names: { readonly key: string; readonly cert: string },
  { cwd, own, log }: { readonly cwd: string; readonly own: OwnKeys; readonly log: Logger },
): Promise<KeyFiles> {
  const files = { ...absoluteKeyFiles(names, cwd), sni: own.sni };
  if (!isLeftToUs(names) || existsSync(files.key) || existsSync(files.cert)) {
    return files;
  }
  const file = await own.file();
  // Not above debug: a port that is taken is retried.
  log.debug({ server, file }, "no certificate is configured, using Perch's own");
  return { ...files, own: file };
}

/** The settings have their default names. */
export const isLeftToUs = ({ key, cert }: { readonly key: string; readonly cert: string }): boolean =>
  (key === '' || key === DEFAULT_NAMES.key) && (cert === '' || cert === DEFAULT_NAMES.cert);

export const absoluteKeyFiles = (names: { readonly key: string; readonly cert: string }, cwd: string): KeyFiles => ({
  key: resolve(cwd, names.key || DEFAULT_NAMES.key),
  cert: resolve(cwd, names.cert || DEFAULT_NAMES.cert),
});

/**
 * @param server `rtsp`, `hls`: messages name its settings
 * @throws PerchError unavailable when one cannot be read, badInput when they do not belong together
 */
export async function readKeyPair(server: string, files: KeyFiles): Promise<KeyPair> {
  const { own, sni } = files;
  if (own !== undefined && !existsSync(files.key) && !existsSync(files.cert)) {
    const both = await readNamed(`${server}ServerKey`, own);
    return checkedPair(server, files, { key: both, cert: both, isOwn: true, sni });
  }
  // In turn: with both missing every try names the same file, so the log reports it once.
  const key = await readNamed(`${server}ServerKey`, files.key);
  const cert = await readNamed(`${server}ServerCert`, files.cert);
  return checkedPair(server, files, { key, cert, isOwn: false, sni });
}

function checkedPair(server: string, files: KeyFiles, pair: KeyPair): KeyPair {
  try {
    createSecureContext({ key: pair.key, cert: pair.cert });
  } catch (error) {
    const message = `${server}ServerKey and ${server}ServerCert are not a key and its certificate`;
    const { sni: _, ...named } = files;
    throw new PerchError('badInput', message, named, error);
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
 * Passes the pair to `use` after one of its files has changed, for new connections. While key and certificate do not match, the
 * old pair stays.
 * @returns a function that ends it
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
