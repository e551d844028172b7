import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { RtspResponse } from '../../../agent/media/rtsp/message.ts';
import { RtspCaller } from '../../support/clients/rtsp-caller.ts';

/*
 * Reads the first track of a path over UDP and decodes nothing: `node udp-reader.ts URL`. Prints `120 packets, 0 lost`
 * (received so far, and gaps in the sequence numbers) twice a second. It sends no reports.
 */

const PRINT_MS = 500;
const BUFFER_BYTES = 1 << 20;

const [url = ''] = process.argv.slice(2);
const { hostname, port } = new URL(url);

async function openPort() {
  const socket = createSocket('udp4').bind(0);
  await once(socket, 'listening');
  socket.setRecvBufferSize(BUFFER_BYTES);
  return socket;
}

const [media, reports] = [await openPort(), await openPort()];
/** Counted from the first packet; less than 32,768 packets are missing in a row. */
let highest = -1;
let packets = 0;
media.on('message', (packet) => {
  const sequence = packet.readUInt16BE(2);
  highest = packets === 0 ? sequence : highest + (((sequence - highest) << 16) >> 16);
  first ??= sequence;
  packets += 1;
});
let first: number | undefined;

const connection = connect(Number(port), hostname);
await once(connection, 'connect');
const caller = new RtspCaller(connection);
const ask = async (...request: Parameters<RtspCaller['ask']>): Promise<RtspResponse> => {
  const reply = await caller.ask(...request);
  if (reply.status !== 200) {
    throw new Error(`${request[0]}: ${reply.status}`);
  }
  return reply;
};
const { headers, body } = await ask('DESCRIBE', url, [['Accept', 'application/sdp']]);
const base = (headers.get('Content-Base') ?? url).replace(/\/$/, '');
const [, control = ''] = /^m=.*?^a=control:(\S+)/ms.exec(Buffer.from(body).toString()) ?? [];
const ports = `${media.address().port}-${reports.address().port}`;
await ask('SETUP', control.startsWith('rtsp:') ? control : `${base}/${control}`, [
  ['Transport', `RTP/AVP;unicast;client_port=${ports}`],
]);
await ask('PLAY', base);
setInterval(() => {
  const lost = first === undefined ? 0 : Math.max(0, highest - first + 1 - packets);
  process.stdout.write(`${packets} packets, ${lost} lost\n`);
}, PRINT_MS);
