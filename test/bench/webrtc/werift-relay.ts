import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RTCPeerConnection, type RTCRtpSender, RtpPacket, useH264 } from 'werift';
import { RtspFramer } from '../../../agent/media/rtsp/interleaved.ts';
import { pull } from '../../support/clients/rtsp-pull.ts';

/**
 * Relays to browsers with unmodified werift, for comparison: `node werift-relay.ts URL` reads the camera and passes each packet
 * to `sendRtp` of every viewer that has posted an offer. Prints `ready PORT`, and for each line of standard input
 * the number of viewers. Ends with it.
 */
const senders = new Set<RTCRtpSender>();

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

async function answer(offer: string): Promise<string> {
  const rtcpFeedback = [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }];
  const parameters = 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f';
  const peer = new RTCPeerConnection({
    codecs: { video: [useH264({ parameters, rtcpFeedback })], audio: [] },
    iceServers: [],
    iceUseIpv6: false,
    iceAdditionalHostAddresses: ['127.0.0.1'],
  });
  await peer.setRemoteDescription({ type: 'offer', sdp: offer });
  const [transceiver] = peer.getTransceivers();
  transceiver?.setDirection('sendonly');
  peer.connectionStateChange.subscribe((state) => {
    if (state === 'connected' && transceiver) {
      senders.add(transceiver.sender);
    } else if (transceiver && (state === 'closed' || state === 'failed' || state === 'disconnected')) {
      senders.delete(transceiver.sender);
      void peer.close();
    }
  });
  await peer.setLocalDescription(await peer.createAnswer());
  return peer.localDescription?.sdp ?? '';
}

const server = createServer(async (request, response) => {
  response.setHeader('Access-Control-Allow-Origin', '*');
  response.setHeader('Access-Control-Allow-Headers', '*');
  if (request.method !== 'POST') {
    response.writeHead(204).end();
    return;
  }
  const sdp = await answer(await bodyOf(request));
  response.writeHead(201, { 'Content-Type': 'application/sdp' }).end(sdp);
});

const framer = new RtspFramer({
  onFrame: (chunk, channel, start, end) => {
    if (channel !== 0) {
      return;
    }
    // One copy, because the chunk is used again; parsed once for all.
    const packet = RtpPacket.deSerialize(Buffer.from(chunk.subarray(start, end)));
    for (const sender of senders) {
      void sender.sendRtp(packet);
    }
  },
  onMessage: () => {},
});
const socket = await pull(process.argv[2] ?? '');
socket.on('data', (chunk) => framer.push(chunk as Buffer, chunk.length));
socket.resume();
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`ready ${(server.address() as AddressInfo).port}\n`);
});
process.stdin.on('data', () => process.stdout.write(`${senders.size} viewers\n`));
process.stdin.on('end', () => process.exit());
