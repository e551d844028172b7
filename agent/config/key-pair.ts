import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { FileWatch } from './file-watch.ts';

/** Files of private key and certificate chain, absolute. */
export interface KeyFiles {
  readonly key: string;
  readonly cert: string;
}

export interface KeyPair {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/**
 * @param server `rtsp`, `hls`: its settings are named in messages
 * @throws PerchError unavailable when one cannot be read, badInput when they do not belong together
 */
export async function readKeyPair(server: string, files: KeyFiles): Promise<KeyPair> {
  // One after the other: of two that are missing the same one is named at each try, which the log then tells once.
  const key = await readNamed(`${server}ServerKey`, files.key);
  const cert = await readNamed(`${server}ServerCert`, files.cert);
  try {
    createSecureContext({ key, cert });
  } catch (error) {
    const message = `${server}ServerKey and ${server}ServerCert are no key and its certificate`;
    throw new PerchError('badInput', message, { ...files }, error);
  }
  return { key, cert };
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
  const watches = [files.key, files.cert].map((file) => new FileWatch(() => file, renew, clock, log));
  return () => {
    for (const watch of watches) {
      watch.close();
    }
  };
}
