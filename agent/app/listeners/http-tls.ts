import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { keyFilesOf, type OwnKeys } from '../../config/file/key-pair.ts';
import type { Config } from '../../config/load/load.ts';
import type { GlobalSettings } from '../../config/schema/global.ts';
import { ListenerTls } from '../../http/listener/listener-tls.ts';

type NameIn<Key> = Key extends `${infer Name}TrustedProxies` ? Name : never;
/** A server with an HTTP port of its own: its settings begin with its name, `hlsAddress`. */
export type HttpServerName = NameIn<keyof GlobalSettings>;
/** Whose settings a port's key and certificate have: `hls` of `hlsServerKey`. */
export type TlsServer = 'tls' | HttpServerName;

/** The settings that a port with TLS depends on. */
export const tlsSettings = (server: TlsServer): readonly (keyof Config)[] => [
  ...(server === 'tls' ? [] : [`${server}Encryption` as const]),
  `${server}ServerKey`,
  `${server}ServerCert`,
];

/** The main port has one for TLS beside it; every other port speaks it or does not. */
const isWanted = (server: TlsServer, config: Config): boolean => server === 'tls' || config[`${server}Encryption`];

/** Key and certificate of a port, when it is to speak TLS. */
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
