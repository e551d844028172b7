import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { explain } from '../base/errors.ts';
import type { Config } from './load.ts';
import type { Fault } from './rules.ts';

/**
 * Files that the configuration names and that a server could not use now. The configuration is right all the same:
 * a running Perch tries again until they are there.
 */
export async function fileFaults(config: Config, cwd: string): Promise<readonly Fault[]> {
  if (!config.rtsp || config.rtspEncryption === 'no') {
    return [];
  }
  const [keyFile, certFile] = [resolve(cwd, config.rtspServerKey), resolve(cwd, config.rtspServerCert)];
  const faults: Fault[] = [];
  const read = async (key: string, file: string): Promise<Buffer | undefined> => {
    try {
      return await readFile(file);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? explain(error);
      const why = `rtspEncryption is ${config.rtspEncryption}`;
      faults.push({ key, message: `${file} cannot be read (${code}): without it there is no RTSP server, as ${why}` });
      return undefined;
    }
  };
  const key = await read('rtspServerKey', keyFile);
  const cert = await read('rtspServerCert', certFile);
  try {
    createSecureContext(key && cert ? { key, cert } : {});
  } catch (error) {
    const message = `${keyFile} and ${certFile} are no key and its certificate (${explain(error)})`;
    faults.push({ key: 'rtspServerKey', message });
  }
  return faults;
}
