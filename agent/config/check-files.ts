import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { explain } from '../base/errors.ts';
import type { Config } from './load.ts';
import type { Fault } from './rules.ts';

/** A server's TLS: what switches it on, and its files. */
interface TlsKeys {
  readonly server: string;
  /** As the message tells it, or undefined where no file is wanted. */
  readonly why: string | undefined;
  readonly key: readonly [setting: string, file: string];
  readonly cert: readonly [setting: string, file: string];
}

/**
 * Files that the configuration names and that a server could not use now. The configuration is right all the same:
 * a running Perch tries again until they are there.
 */
export async function fileFaults(config: Config, cwd: string): Promise<readonly Fault[]> {
  const servers: readonly TlsKeys[] = [
    {
      server: 'RTSP',
      why: config.rtsp && config.rtspEncryption !== 'no' ? `rtspEncryption is ${config.rtspEncryption}` : undefined,
      key: ['rtspServerKey', resolve(cwd, config.rtspServerKey)],
      cert: ['rtspServerCert', resolve(cwd, config.rtspServerCert)],
    },
    {
      server: 'HLS',
      why: config.hls && config.hlsEncryption ? 'hlsEncryption is on' : undefined,
      key: ['hlsServerKey', resolve(cwd, config.hlsServerKey)],
      cert: ['hlsServerCert', resolve(cwd, config.hlsServerCert)],
    },
  ];
  return (await Promise.all(servers.map(pairFaults))).flat();
}

async function pairFaults({ server, why, key, cert }: TlsKeys): Promise<readonly Fault[]> {
  if (why === undefined) {
    return [];
  }
  const faults: Fault[] = [];
  const read = async ([setting, file]: readonly [string, string]): Promise<Buffer | undefined> => {
    try {
      return await readFile(file);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? explain(error);
      const message = `${file} cannot be read (${code}): without it there is no ${server} server, as ${why}`;
      faults.push({ key: setting, message });
      return undefined;
    }
  };
  const [keyBytes, certBytes] = [await read(key), await read(cert)];
  try {
    createSecureContext(keyBytes && certBytes ? { key: keyBytes, cert: certBytes } : {});
  } catch (error) {
    const message = `${key[1]} and ${cert[1]} are no key and its certificate (${explain(error)})`;
    faults.push({ key: key[0], message });
  }
  return faults;
}
