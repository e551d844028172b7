import { once } from 'node:events';
import { createServer } from 'node:net';
import { becomeOwnerOf, needsDataFolder } from '../../../system/data-folder.ts';
import { systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { answersAt } from '../../base/network/answers-at.ts';
import { listenFailure } from '../../base/network/listen-tcp.ts';
import { type OwnCommand, ownCommand } from '../../base/own-command.ts';
import type { Environment } from '../../config/load/environment.ts';
import type { Config } from '../../config/load/load.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { checkSyntax } from '../../config/schema/syntax.ts';
import { readLastStart } from '../../config/store/last-start.ts';
import { ConfigStore } from '../../config/store/store.ts';
import { portOf } from '../../config/values/address.ts';
import type { Edit } from '../../config/yaml/edit.ts';
import type { CommandCall } from '../contract.ts';
import { ACME, opensPort } from './keys.ts';

const SERVER: readonly Edit[] = [
  { keyPath: ['server'], value: true },
  { keyPath: ['mdns'], value: false },
];
/** Ports that the authority, and browsers without a port in the address, ask. */
const PORTS = { address: 80, tlsAddress: 443 } as const;
const isFile = (word: string): boolean => /\/|\.ya?ml$/.test(word) && !word.includes('://');

/** @throws PerchError if Perch could not open the port */
type TryPort = (key: string, port: number, env: Environment) => Promise<void>;

/**
 * Writes the keys of a server into the configuration file. A running Perch reads it within seconds.
 * @throws PerchError also if a port cannot be opened: the page would be gone after the change
 */
export async function serverCommand(
  { words, dataDir, cwd, env, keys, write }: CommandCall,
  tryPort: TryPort = openOnce,
): Promise<number> {
  needsDataFolder(dataDir);
  becomeOwnerOf(dataDir);
  const [given, ...more] = words.filter((word) => !isFile(word));
  const file = words.find(isFile) ?? (await readLastStart(dataDir))?.file;
  const name = given === undefined ? undefined : checkSyntax('domain', given);
  const place = { dataDir, cwd, env, ...(file !== undefined && { file }) };
  if (more.length > 0) {
    write(`perch server takes one name; add others on the page or in acmeDomains\n`);
    return 1;
  }
  const own = ownCommand(env, dataDir);
  const store = await ConfigStore.open({ ...place, clock: systemClock, log: silentLogger, keys: await keys() });
  try {
    if (name !== undefined) {
      const others = Object.entries(PORTS).filter(([, port]) => !isOpenNow(store.current, port));
      await Promise.all(others.map(([key, port]) => tryPort(key, port, env)));
    }
    await store.revise(({ config }) => (name === undefined ? SERVER : [...SERVER, ...editsFor(name, config)]));
  } finally {
    store.close();
  }
  const media = mediaPorts(store.current);
  write(name === undefined ? behindProxy(media, own) : withName(name, media, own));
  return 0;
}

function editsFor(name: string, config: Config): readonly Edit[] {
  const { acmeDomains: names } = settingsIn(config, ACME);
  return [
    ...Object.entries(PORTS).map(([key, port]) => ({ keyPath: [key], value: `:${port}` })),
    { keyPath: ['tlsRedirect'], value: true },
    { keyPath: ['acmeDomains'], value: [...new Set([...names, name])] },
  ];
}

/** Whether a running Perch has the port already. */
function isOpenNow(config: Config, port: number): boolean {
  const settings = settingsIn(config, ACME);
  const own = [config.address, config.tlsAddress, ...(opensPort(settings) ? [settings.acmeAddress] : [])];
  return own.some((address) => portOf(address) === port);
}

const isContainer = ({ PERCH_COMMAND: command = '' }: Environment): boolean => command.includes(' exec ');

async function openOnce(key: string, port: number, env: Environment): Promise<void> {
  const server = createServer();
  try {
    server.listen(port);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') {
      throw await listenFailure(error, key, `:${port}`, port);
    }
    if (!/^(?:sudo )?perch$/.test(env['PERCH_COMMAND'] ?? '')) {
      const way = isContainer(env)
        ? 'start the container with --sysctl net.ipv4.ip_unprivileged_port_start=0'
        : 'allow it (sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80), or use the package for Debian';
      throw new PerchError('unavailable', `port ${port} is not allowed to this user: ${way}`, { key });
    }
    // The service of the package may open it, and the user of this command may not even learn whether it is taken.
    if (await answersAt('127.0.0.1', port, systemClock, new AbortController().signal)) {
      throw await listenFailure({ code: 'EADDRINUSE' }, key, `:${port}`, port);
    }
  } finally {
    server.close();
  }
}

/** Such as `TCP and UDP 8189`; undefined: WebRTC has none. */
function mediaPorts({ webrtc, webrtcLocalTCPAddress, webrtcLocalUDPAddress }: Config): string | undefined {
  const [tcp, udp] = webrtc ? [portOf(webrtcLocalTCPAddress), portOf(webrtcLocalUDPAddress)] : [0, 0];
  if (tcp === udp) {
    return tcp === 0 ? undefined : `TCP and UDP ${tcp}`;
  }
  return [tcp === 0 ? '' : `TCP ${tcp}`, udp === 0 ? '' : `UDP ${udp}`].filter((one) => one !== '').join(' and ');
}

const withName = (
  name: string,
  media: string | undefined,
  own: OwnCommand,
): string => `This Perch is a server, by the name of ${name}.
1. Give the name the public address of this machine in the DNS (A, and AAAA for IPv6).
2. Open these ports in its firewall: TCP 80 and 443${media === undefined ? '' : `, ${media}`}.
3. Set the owner's password, unless there is one: ${own.of('claim')}
4. Open https://${name}/ once the certificate is there: the page has the next steps.
`;

const behindProxy = (
  media: string | undefined,
  own: OwnCommand,
): string => `This Perch is a server behind a reverse proxy, which has the certificate.
1. Forward the host name to the port of address, and name the proxy in trustedProxies.
2. ${media === undefined ? 'Name' : `Open ${media} in the firewall, and name`} the host in webrtcAdditionalHosts.
3. Set the owner's password, unless there is one: ${own.of('claim')}
4. Open the page by its host name: it has the next steps.
`;
