import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { keyFilesOf, type OwnKeys } from '../../config/file/key-pair.ts';
import type { Config } from '../../config/load/load.ts';
import type { HttpServerName } from '../../config/schema/global.ts';
import { ListenerTls } from '../../http/listener/listener-tls.ts';

/** Prefix of a port's key and certificate settings: `hls` of `hlsServerKey`. */
export type TlsServer = 'tls' | HttpServerName;

export const tlsSettings = (server: TlsServer): readonly (keyof Config)[] => [
  ...(server === 'tls' ? [] : [`${server}Encryption` as const]),
  `${server}ServerKey`,
  `${server}ServerCert`,
];

/** Plain HTTP has its own main port; every other port has TLS or not. */
const isWanted = (server: TlsServer, config: Config): boolean => server === 'tls' || config[`${server}Encryption`];

/** Undefined: without TLS. */
export async function openTls(
  server: TlsServer,
  config: Config,
  deps: { readonly cwd: string; readonly own: OwnKeys; readonly clock: Clock; readonly log: Logger },
): Promise<ListenerTls | undefined> {
  if (!isWanted(server, config)) {
    return undefined;
  }
  const names = { key: config[`${server}ServerKey`], cert: config[`${server}ServerCert`] };
  return ListenerTls.open(server, await keyFilesOf(server, names, deps), deps);
}
