import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseTransport, type Transport } from '../../../agent/media/rtsp/transport.ts';
import { Conditions } from '../base/condition.ts';
import { freeUdpPair } from '../base/free-port.ts';
import { rtpFrame, type Script } from './scripted-camera.ts';

/** The UDP side of a scripted camera: two ports on loopback, and the received datagrams. */
export interface UdpCamera extends AsyncDisposable {
  readonly ports: readonly [rtp: number, rtcp: number];
  /** The client's ports in its last SETUP over UDP. */
  readonly asked: Transport | undefined;
  /** Received datagrams, in hex. */
  readonly rtp: readonly string[];
  readonly rtcp: readonly string[];
  /** Answers SETUP over UDP, and sends `onPlay` after the reply to PLAY. @param transport the server's half of the answer's Transport header */
  script(onPlay: readonly Uint8Array[], transport?: string): Script;
  /** Sends to the client's RTP port. */
  send(...packets: readonly Uint8Array[]): void;
  sendControl(packet: Uint8Array): void;
  /** Resolves when `condition` holds after something has arrived. */
  until(condition: () => boolean): Promise<void>;
}

export async function bound(port: number, address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

export async function udpCamera(address = '127.0.0.1'): Promise<UdpCamera> {
  const ports = await freeUdpPair();
  const sockets = [await bound(ports[0], address), await bound(ports[1], address)] as const;
  const received: readonly [string[], string[]] = [[], []];
  const conditions = new Conditions();
  for (const [i, socket] of sockets.entries()) {
    socket.on('message', (datagram) => {
      received[i]?.push(datagram.toString('hex'));
      conditions.changed();
    });
  }
  let asked: Transport | undefined;
  const sendTo = (i: 0 | 1, packet: Uint8Array) => {
    const port = asked?.clientPort?.[i];
    if (port !== undefined) {
      sockets[i].send(packet, port, '127.0.0.1');
    }
  };
  const camera: UdpCamera = {
    ports,
    get asked() {
      return asked;
    },
    rtp: received[0],
    rtcp: received[1],
    script:
      (onPlay, transport = `server_port=${ports[0]}-${ports[1]}`) =>
      (request, caller) => {
        if (request.method === 'SETUP') {
          const wanted = parseTransport(request.headers.get('Transport') ?? '');
          if (wanted.protocol !== 'udp' || wanted.isMulticast) {
            caller.reply(request, 461);
            return true;
          }
          asked = wanted;
          const words = ['RTP/AVP', 'unicast', `client_port=${wanted.clientPort?.join('-')}`, transport];
          caller.reply(request, 200, [
            ['Session', '4711'],
            ['Transport', words.filter((word) => word !== '').join(';')],
          ]);
          return true;
        }
        if (request.method !== 'PLAY') {
          return undefined;
        }
        caller.reply(request, 200, [['Session', '4711']]);
        camera.send(...onPlay);
        return true;
      },
    send: (...packets) => {
      for (const packet of packets) {
        sendTo(0, packet);
      }
    },
    sendControl: (packet) => sendTo(1, packet),
    until: (condition) => conditions.until(condition),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) {
        socket.close();
        await once(socket, 'close');
      }
    },
  };
  return camera;
}

const FRAME_HEADER_BYTES = 4;

/** An RTP packet with 20 ms of G.711; its samples are all `sequence & 0xff`. */
export const soundPacket = (sequence: number, payloadBytes = 160): Uint8Array =>
  rtpFrame(0, new Uint8Array(payloadBytes).fill(sequence), { sequence, ticks: 160 * sequence }).subarray(
    FRAME_HEADER_BYTES,
  );

export const soundFrom = (first: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => soundPacket(first + i));
