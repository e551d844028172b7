import type { ByteChannel } from '../../base/network/socket-channel.ts';
import { pick } from '../../base/pick.ts';
import type { EndCause } from '../../base/reconciler.ts';
import { absoluteKeyFiles, keyFilesOf } from '../../config/file/key-pair.ts';
import { RTSP } from '../../config/schema/servers/rtsp.ts';
import { portOf } from '../../config/values/address.ts';
import type {
  RunningServer,
  ServerDeps,
  ServerProtocol,
  SessionAccess,
  SessionKind,
  SessionTable,
} from '../../protocols/contract.ts';
import { RtspServer } from './server.ts';
import { PLAIN, SECURE } from './session/session-kinds.ts';
import { DatagramPlane } from './transport/datagram-plane.ts';
import { OPTION_KEYS, type RtspServerOptions } from './transport/options.ts';

/** The reason that sessions log. */
const END_WORDS: Record<EndCause, string> = {
  changed: 'the RTSP server starts again with its changed configuration',
  off: 'the RTSP server was switched off',
  end: 'Perch is ending',
};

interface RunningRtsp extends RunningServer {
  /** TCP ports in use; 0: closed. */
  readonly ports: { readonly rtsp: number; readonly rtsps: number };
  /** Serves a connection of another port. */
  adopt(channel: ByteChannel, access: SessionAccess): void;
}

/** UDP ports are opened separately from the server: if one is taken, RTP goes over the connection or by multicast. */
export const rtspServer: ServerProtocol<RtspServerOptions, RunningRtsp> = {
  name: 'rtsp',
  publishing: {
    key: 'rtsp',
    urls: ({ rtspEncryption, rtspAddress, rtspsAddress }) => [
      ...(rtspEncryption === 'strict' ? [] : [`rtsp://USER:PASSWORD@HOST:${portOf(rtspAddress)}/PATH`]),
      ...(rtspEncryption === 'no' ? [] : [`rtsps://USER:PASSWORD@HOST:${portOf(rtspsAddress)}/PATH`]),
    ],
  },
  label: 'RTSP server',
  keys: RTSP,
  kinds: [PLAIN.connection, PLAIN.session, SECURE.connection, SECURE.session],
  options: (config) => (config.rtsp ? pick(config, OPTION_KEYS) : undefined),
  start: startServer,
  extraPorts: { label: 'RTP over UDP', isWanted: () => true },
};

async function startServer(configured: RtspServerOptions, deps: ServerDeps): Promise<RunningRtsp> {
  const { paths, access, connections, preLogin, clock, log } = deps;
  const replays = () => deps.replays?.();
  const options = await withKeys(configured, deps);
  const { rtspEncryption: encryption } = options;
  const planes = {
    plain: new DatagramPlane(options, clock, log),
    secure: new DatagramPlane(options, clock, log, 'secure'),
  };
  const server = new RtspServer(options, paths, access, clock, log, planes, connections, preLogin, replays);
  await server.listen();
  const openPorts = async () => {
    if (encryption !== 'strict') {
      await planes.plain.listen();
    }
    if (encryption !== 'no') {
      await planes.secure.listen();
    }
  };
  const tables = new Map<SessionKind, SessionTable>([
    ...(encryption === 'strict' ? [] : tablesOf(PLAIN, server.rtsp)),
    ...(encryption === 'no' ? [] : tablesOf(SECURE, server.rtsps)),
  ]);
  return {
    ports: { rtsp: server.rtsp.port, rtsps: server.rtsps.port },
    adopt: (channel, by) => (encryption === 'strict' ? server.rtsps : server.rtsp).adopt(channel, by),
    table: (kind) => tables.get(kind),
    openExtraPorts: openPorts,
    stop: (cause) => server.close(END_WORDS[cause]),
  };
}

const tablesOf = ({ connection, session }: typeof PLAIN, { conns, sessions }: RtspServer['rtsp']) =>
  [
    [connection, conns],
    [session, sessions],
  ] as const;

/** Key and certificate as absolute names, or the box's own. */
async function withKeys(options: RtspServerOptions, deps: ServerDeps): Promise<RtspServerOptions> {
  const names = { key: options.rtspServerKey, cert: options.rtspServerCert };
  const { key, cert } = absoluteKeyFiles(names, deps.cwd);
  const { own, sni } = options.rtspEncryption === 'no' ? {} : await keyFilesOf('rtsp', names, deps);
  const ownPair = own === undefined ? {} : { ownPair: own };
  return { ...options, rtspServerKey: key, rtspServerCert: cert, ...ownPair, sni };
}
