import { X509Certificate } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { CipherContext, DtlsClient, parseMessage, SrtpSession } from 'werift';
import { type Credentials, credentialsIn, frame, writeCheck } from '../../support/clients/webrtc/ice-client.ts';

/*
 * A viewer with one UDP port or one TCP connection at a time, like a phone: it continues its checks whatever happens to
 * its address, and opens another connection when one no longer responds. Prints its state:
 * `seen as 192.0.2.1:5` whenever the server sees it elsewhere, and `120 packets, 0 lost` (decrypted so far, and gaps in the sequence numbers of the video).
 * Arguments: WHEP URL, `udp` or `tcp`, media address of the server.
 */

const CHECK_MS = 250;
/** A TCP connection without a response for this long is dropped. */
const PATIENCE_MS = 1_500;
const SIGNATURE = { hash: 4, signature: 3 } as const;
const UFRAG = 'wocP';
const BUFFER_BYTES = 1 << 20;

const [url = '', protocol = 'udp', mediaIp = ''] = process.argv.slice(2);
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

interface Line {
  send(packet: Uint8Array): void;
  close(): void;
}

async function openUdp(host: string, port: number, onPacket: (packet: Buffer) => void): Promise<Line> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  // RFC 8445 §7.2.5.2.1: a response from another address than the request's is invalid.
  socket.on('message', (packet, from) => {
    if (from.address === host) {
      onPacket(packet);
    }
  });
  socket.on('error', () => {});
  socket.bind(0);
  await once(socket, 'listening');
  socket.setRecvBufferSize(BUFFER_BYTES);
  // Without an address a packet is lost.
  return { send: (packet) => socket.send(packet, port, host, () => {}), close: () => socket.close() };
}

async function openTcp(host: string, port: number, onPacket: (packet: Buffer) => void): Promise<Line> {
  const socket: Socket = connect({ host, port });
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      onPacket(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
  });
  socket.on('error', () => {});
  return { send: (packet) => socket.write(frame(packet)), close: () => socket.destroy() };
}

class RoamingViewer {
  readonly #credentials: Credentials;
  readonly #open: () => Promise<Line>;
  readonly #dtls: DtlsClient;
  readonly #transport;
  #line: Line | undefined;
  #answeredMs = performance.now();
  #seenAs = '';
  #srtp: SrtpSession | undefined;
  #packets = 0;
  #ssrc = 0;
  #first = 0;
  #highest = -1;
  readonly #numbers = new Set<number>();

  constructor(answer: string, certificate: { certPem: string; keyPem: string }) {
    this.#credentials = credentialsIn(answer);
    const { host, port } = candidateIn(answer);
    const open = protocol === 'tcp' ? openTcp : openUdp;
    this.#open = () => open(host, port, (packet) => this.#onPacket(packet));
    this.#transport = {
      type: 'udp',
      address: { address: '', family: 'IPv4', port: 0 },
      closed: false,
      onData: (_datagram: Buffer, _from: readonly [string, number]): void => {},
      send: async (datagram: Buffer) => this.#line?.send(datagram),
      close: async () => {},
    };
    this.#dtls = new DtlsClient({
      transport: this.#transport,
      cert: certificate.certPem,
      key: certificate.keyPem,
      signatureHash: SIGNATURE,
      srtpProfiles: [1],
      extendedMasterSecret: true,
      certificateRequest: true,
    });
    this.#dtls.onConnect.subscribe(() => {
      const { localKey, localSalt, remoteKey, remoteSalt } = this.#dtls.extractSessionKeys(16, 14);
      const keys = { localMasterKey: localKey, localMasterSalt: localSalt };
      this.#srtp = new SrtpSession({
        profile: 1,
        keys: { ...keys, remoteMasterKey: remoteKey, remoteMasterSalt: remoteSalt },
      });
    });
  }

  async start(): Promise<void> {
    this.#line = await this.#open();
    setInterval(() => void this.#check(), CHECK_MS);
    setInterval(() => say(`${this.#packets} packets, ${this.#lost} lost`), 500);
  }

  async #check(): Promise<void> {
    if (protocol === 'tcp' && performance.now() - this.#answeredMs > PATIENCE_MS) {
      this.#answeredMs = performance.now();
      this.#line?.close();
      this.#line = await this.#open();
    }
    this.#line?.send(writeCheck(this.#credentials, UFRAG).bytes);
  }

  #onPacket(packet: Buffer): void {
    const first = packet[0] ?? 0;
    if (first <= 3) {
      this.#onAnswer(packet);
    } else if (first < 64) {
      this.#transport.onData(packet, ['', 0]);
    } else if (this.#srtp && ((packet[1] ?? 0) < 192 || (packet[1] ?? 0) > 223)) {
      this.#srtp.decrypt(packet);
      this.#packets += 1;
      this.#count(packet.readUInt32BE(8), packet.readUInt16BE(2));
    }
  }

  /** The first SSRC is the video's; less than 65,536 packets come. */
  #count(ssrc: number, sequence: number): void {
    if (this.#numbers.size === 0) {
      this.#ssrc = ssrc;
      this.#first = sequence;
    }
    if (ssrc === this.#ssrc) {
      this.#numbers.add((sequence - this.#first) & 0xffff);
      this.#highest = Math.max(this.#highest, (sequence - this.#first) & 0xffff);
    }
  }

  get #lost(): number {
    return Math.max(0, this.#highest + 1 - this.#numbers.size);
  }

  #onAnswer(packet: Buffer): void {
    const seen = parseMessage(packet)?.getAttributeValue('XOR-MAPPED-ADDRESS');
    if (!seen) {
      return;
    }
    const isFirst = this.#seenAs === '';
    this.#answeredMs = performance.now();
    if (this.#seenAs !== seen.join(':')) {
      this.#seenAs = seen.join(':');
      say(`seen as ${this.#seenAs}`);
    }
    if (isFirst) {
      void this.#dtls.connect();
    }
  }
}

/** The first one that is not loopback's: the server is elsewhere. */
function candidateIn(answer: string): { host: string; port: number } {
  const match = new RegExp(`a=candidate:\\S+ 1 ${protocol} \\d+ (${mediaIp.replaceAll('.', '\\.')}) (\\d+) `).exec(
    answer,
  );
  return { host: match?.[1] ?? '', port: Number(match?.[2]) };
}

const certificate = await CipherContext.createSelfSignedCertificateWithKey(SIGNATURE, 23);
const { fingerprint256 } = new X509Certificate(certificate.certPem);
const offer = readFileSync(join(import.meta.dirname, '../../fixtures/offers/chromium-156-linux.sdp'), 'utf8')
  .replaceAll(/a=fingerprint:.*/g, `a=fingerprint:sha-256 ${fingerprint256}\r`)
  .replaceAll(/a=ice-ufrag:.*/g, `a=ice-ufrag:${UFRAG}\r`)
  .replaceAll('\r\r', '\r');
const response = await fetch(url, { method: 'POST', body: offer, headers: { 'Content-Type': 'application/sdp' } });
if (response.status !== 201) {
  throw new Error(`${response.status} ${await response.text()}`);
}
await new RoamingViewer(await response.text(), certificate).start();
