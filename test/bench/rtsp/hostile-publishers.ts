import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { random } from '../../support/base/random.ts';
import { CHUNK_SIZE, CONNECT, HANDSHAKE, MANY_MESSAGES } from '../../support/clients/rtmp-bytes.ts';
import type { Figure } from '../measure/figure.ts';
import { type Attack, measureRuns } from './hostile-clients.ts';

const ADDRESSES = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'];
const OF_EACH = 250;
const DATAGRAM_BYTES = 1_316;
const TICK_MS = 10;
const DATAGRAMS_OF_A_TICK = 20;
const BEGINNING = Buffer.concat([HANDSHAKE, CONNECT, CHUNK_SIZE, MANY_MESSAGES]);

let srtPort = 0;

/** Clients of RTMP that send what they may before the login, and garbage at the port of SRT. */
const PUBLISHERS: Attack = {
  listen: ({ rtmp, rtp }) => {
    srtPort = rtp + 2;
    return { rtmpAddress: `:${rtmp}`, srtAddress: `:${srtPort}` };
  },
  prepare: async ({ ports }) => {
    const socket = connect(ports.rtmp, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume().end(BEGINNING);
  },
  begin: ({ ports }) => {
    const sockets = ADDRESSES.flatMap((localAddress) =>
      Array.from({ length: OF_EACH }, () => {
        const socket = connect({ port: ports.rtmp, host: '127.0.0.1', localAddress });
        socket.on('error', () => {});
        socket.pause();
        socket.write(BEGINNING);
        return socket;
      }),
    );
    const next = random(9);
    const garbage = Buffer.from(Array.from({ length: DATAGRAM_BYTES * 8 }, () => Math.floor(next() * 256)));
    const udp = createSocket('udp4');
    const timer = setInterval(() => {
      for (let i = 0; i < DATAGRAMS_OF_A_TICK; i += 1) {
        const at = Math.floor(next() * (garbage.length - DATAGRAM_BYTES));
        udp.send(garbage, at, DATAGRAM_BYTES, srtPort, '127.0.0.1');
      }
    }, TICK_MS);
    return () => {
      clearInterval(timer);
      udp.close();
      for (const socket of sockets) {
        socket.destroy();
      }
    };
  },
};

export const hostilePublishers: Figure = {
  name: 'hostile-publishers',
  unit: 'MB',
  goal: 80,
  isAbsolute: false,
  about: `proportional set size that ${ADDRESSES.length * OF_EACH} clients of RTMP add at most, which fill the buffers they get before the login and read nothing, and ${(DATAGRAMS_OF_A_TICK * 1000) / TICK_MS} datagrams of garbage a second at the port of SRT, while Perch records 8 cameras and one viewer watches without a pause; started as for hostile-clients`,
  measure: (note) => measureRuns(PUBLISHERS, note),
};
