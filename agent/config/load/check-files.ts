import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { explain } from '../../base/errors.ts';
import { absoluteKeyFiles, isLeftToUs } from '../file/key-pair.ts';
import type { Fault } from '../schema/rules.ts';
import type { Config } from './load.ts';

type ServerPrefix = 'tls' | 'rtsp' | 'api' | 'playback' | 'metrics' | 'pprof' | 'hls' | 'webrtc';

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
  const { rtsp, rtspEncryption, tlsAddress } = config;
  const of = (prefix: ServerPrefix, server: string, why: string | undefined): TlsKeys => {
    const names = { key: config[`${prefix}ServerKey`], cert: config[`${prefix}ServerCert`] };
    const files = absoluteKeyFiles(names, cwd);
    // Then the box makes its own.
    const isOwn = isLeftToUs(names) && !existsSync(files.key) && !existsSync(files.cert);
    return {
      server,
      why: isOwn ? undefined : why,
      key: [`${prefix}ServerKey`, files.key],
      cert: [`${prefix}ServerCert`, files.cert],
    };
  };
  const when = (prefix: 'api' | 'playback' | 'metrics' | 'pprof' | 'hls' | 'webrtc', server: string): TlsKeys =>
    of(prefix, server, config[prefix] && config[`${prefix}Encryption`] ? `${prefix}Encryption is on` : undefined);
  const servers: readonly TlsKeys[] = [
    of('tls', 'main', tlsAddress === '' ? undefined : 'tlsAddress is set'),
    of('rtsp', 'RTSP', rtsp && rtspEncryption !== 'no' ? `rtspEncryption is ${rtspEncryption}` : undefined),
    when('hls', 'HLS'),
    when('webrtc', 'WebRTC'),
    when('playback', 'playback'),
    when('api', 'API'),
    when('metrics', 'metrics'),
    when('pprof', 'profiling'),
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
