import { openUdpPort } from '../../base/network/udp.ts';
import { dumpDatagrams } from '../../base/packet-dump/dump-connections.ts';
import type { EndCause } from '../../base/reconciler.ts';
import { parseAddress } from '../../config/values/address.ts';
import type { ServerDeps, SessionTable } from '../../protocols/contract.ts';
import { SrtListener } from '../../transports/srt/endpoint/listener.ts';
import { HEADER_BYTES } from '../../transports/srt/packet.ts';
import type { RunningSrt, SrtOptions } from './options.ts';
import { SrtSession } from './session.ts';

const TS_PACKET_BYTES = 188;
const END_WORDS: Record<EndCause, string> = {
  changed: 'the SRT server starts again with its changed configuration',
  off: 'the SRT server was switched off',
  end: 'Perch is ending',
};

export async function startSrt(options: SrtOptions, deps: ServerDeps): Promise<RunningSrt> {
  const { host = '', port = 0 } = parseAddress(options.srtAddress) ?? {};
  const sockets = await openUdpPort('srtAddress', host, port, options.udpReadBufferSize);
  for (const socket of sockets) {
    dumpDatagrams(socket, 'srt_server_packet_conn');
  }
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
    { idleTimeoutMs: options.readTimeoutMs },
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
