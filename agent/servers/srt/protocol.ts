import { pick } from '../../base/pick.ts';
import type { EndCause } from '../../base/reconciler.ts';
import { openUdpPort } from '../../base/udp.ts';
import type { Config } from '../../config/load/load.ts';
import { SRT } from '../../config/schema/srt.ts';
import { parseAddress, portOf } from '../../config/values/address.ts';
import type { RunningServer, ServerDeps, ServerProtocol, SessionTable } from '../../protocols/contract.ts';
import { SrtListener } from '../../transports/srt/listener.ts';
import { HEADER_BYTES } from '../../transports/srt/packet.ts';
import { SrtSession } from './session.ts';
import { SRT_CONN } from './session-kind.ts';

const OPTION_KEYS = ['srtAddress', 'readTimeoutMs', 'udpMaxPayloadSize', 'udpReadBufferSize'] as const;
type Options = Pick<Config, (typeof OPTION_KEYS)[number]>;

const TS_PACKET_BYTES = 188;
const END_WORDS: Record<EndCause, string> = {
  changed: 'the SRT server starts again with its changed configuration',
  off: 'the SRT server was switched off',
  end: 'Perch is ending',
};

interface RunningSrt extends RunningServer {
  readonly port: number;
}

/** MPEG-TS over SRT, for readers and publishers that call. */
export const srtServer: ServerProtocol<Options, RunningSrt> = {
  name: 'srt',
  publishing: {
    key: 'srt',
    urls: ({ srtAddress }) => [`srt://HOST:${portOf(srtAddress)}?streamid=publish:PATH:USER:PASSWORD`],
  },
  label: 'SRT server',
  keys: SRT,
  kinds: [SRT_CONN],
  options: (config) => (config.srt ? pick(config, OPTION_KEYS) : undefined),
  start: startServer,
};

async function startServer(options: Options, deps: ServerDeps): Promise<RunningSrt> {
  const { host = '', port = 0 } = parseAddress(options.srtAddress) ?? {};
  const sockets = await openUdpPort('srtAddress', host, port, options.udpReadBufferSize);
  const sessions = new Map<string, SrtSession>();
  const sessionOptions = {
    readTimeoutMs: options.readTimeoutMs,
    packetBytes: Math.floor((options.udpMaxPayloadSize - HEADER_BYTES) / TS_PACKET_BYTES) * TS_PACKET_BYTES,
    server: { ip: host, port },
  };
  const listener = new SrtListener(
    sockets,
    (request) => {
      const session = new SrtSession(request, listener.endpoint, sessionOptions, deps, ({ id }) => sessions.delete(id));
      sessions.set(session.id, session);
      void session.open();
    },
    deps.clock,
  );
  const stopChecks = deps.clock.eachSecond(() => {
    for (const session of [...sessions.values()]) {
      session.check();
    }
  });
  const table: SessionTable = {
    list: () => [...sessions.values()].map(({ item }) => item),
    kick(id) {
      const session = sessions.get(id);
      session?.close('ended through the API');
      return session !== undefined;
    },
  };
  return {
    port: listener.endpoint.port,
    table: () => table,
    async stop(cause) {
      stopChecks();
      for (const session of [...sessions.values()]) {
        session.close(END_WORDS[cause]);
      }
      await listener.close(END_WORDS[cause]);
    },
  };
}
