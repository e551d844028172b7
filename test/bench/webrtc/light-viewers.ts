import { X509Certificate } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CipherContext, classes, DtlsClient, Message, methods, parseMessage, SrtcpSession, SrtpSession } from 'werift';
import { type Check, type Credentials, credentialsIn, writeCheck } from '../../support/clients/webrtc/ice-client.ts';

/**
 * Many viewers that decode nothing: `node light-viewers.ts WHEP_URL DECRYPTED [pion]`. The first DECRYPTED of them decrypt every packet, the
 * rest count. On standard input `open N` opens more until there are N and answers `opened N`; `leave N` ends the N oldest, every other one
 * without a word, and answers `left N`; `begin` resets the counts; `tell` answers with one line of JSON: a `Seen` for each viewer. Ends with
 * its standard input. `pion`: they nominate when pion does, otherwise with their first check, as browsers do.
 */
const [url = '', decrypted = '0', timing = ''] = process.argv.slice(2);
const IS_PION = timing === 'pion';

export interface Seen {
  /** Packets that did not decrypt, of those that were decrypted. */
  readonly damaged: number;
  /** ms from the POST of the offer to the last packet of the first picture. */
  readonly joinedMs: number;
  /** For each picture: its capture by the sender's reports (Unix ms), the arrival of its last packet (monotonic ms), and the number of packets. */
  readonly pictures: readonly (readonly [captureMs: number, arrivalMs: number, packets: number])[];
}

const SIGNATURE = { hash: 4, signature: 3 } as const;
const UFRAG = 'wocP';
const CHECK_MS = 2_500;
/** pion/ice v4: the interval of checks until a pair is selected. */
const PION_CHECK_MS = 200;
const SIDE_BY_SIDE = 8;
const GCM = 7;
const BUFFER_BYTES = 1 << 20;
/** Seconds from 1900, the epoch of NTP, to 1970. */
const NTP_EPOCH_SECONDS = 2_208_988_800;

class LightViewer {
  readonly #socket: Socket;
  readonly #credentials: Credentials;
  readonly #port: number;
  readonly #dtls: DtlsClient;
  readonly #transport;
  readonly #decrypts: boolean;
  readonly connected: Promise<unknown>;
  readonly #session: string;
  readonly #checking: NodeJS.Timeout;
  #srtp: SrtpSession | undefined;
  #srtcp: SrtcpSession | undefined;
  #isDtlsBegun = false;
  /** A check has been answered. */
  #isValid = false;
  #nomination: Check | undefined;
  readonly #postedMs: number;
  #joinedMs = Number.NaN;
  #hasLeft = false;
  #packets = 0;
  #damaged = 0;
  #ssrc = 0;
  /** RTP time and arrival of the last packet of each picture, and the number of packets since the previous one. */
  #pictures: [ticks: number, arrivalMs: number, packets: number][] = [];
  #reportTicks = 0;
  #reportMs = 0;

  /** @param session its URL */
  constructor(
    socket: Socket,
    answer: string,
    session: string,
    certificate: { certPem: string; keyPem: string },
    decrypts: boolean,
    postedMs: number,
  ) {
    this.#postedMs = postedMs;
    this.#socket = socket;
    this.#session = session;
    this.#decrypts = decrypts;
    this.#credentials = credentialsIn(answer);
    this.#port = Number(/a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) /.exec(answer)?.[1]);
    // Its SSRC comes first, that of the retransmissions after it.
    this.#ssrc = Number(/a=ssrc:(\d+) /.exec(answer)?.[1]);
    this.#transport = {
      type: 'udp',
      address: { address: '', family: 'IPv4', port: 0 },
      closed: false,
      onData: (_datagram: Buffer, _from: readonly [string, number]): void => {},
      send: async (datagram: Buffer) => this.#send(datagram),
      close: async () => {},
    };
    this.#dtls = new DtlsClient({
      transport: this.#transport,
      cert: certificate.certPem,
      key: certificate.keyPem,
      signatureHash: SIGNATURE,
      srtpProfiles: [GCM, 1],
      extendedMasterSecret: true,
      certificateRequest: true,
    });
    this.connected = new Promise<void>((resolve) => {
      this.#dtls.onConnect.subscribe(() => {
        this.#onKeys();
        resolve();
      });
    });
    socket.on('message', (packet) => this.#onPacket(packet));
    this.#check();
    this.#checking = setInterval(() => this.#check(), IS_PION ? PION_CHECK_MS : CHECK_MS);
  }

  /** @param isPolite it ends its session; otherwise the server has to notice */
  async leave(isPolite: boolean): Promise<void> {
    this.#hasLeft = true;
    clearInterval(this.#checking);
    if (isPolite) {
      await fetch(this.#session, { method: 'DELETE' });
    }
    this.#socket.close();
  }

  begin(): void {
    this.#packets = 0;
    this.#damaged = 0;
    this.#pictures = [];
  }

  seen(): Seen {
    const pictures = this.#pictures.map(([ticks, arrivalMs, packets]): [number, number, number] => {
      const after = (ticks - this.#reportTicks) | 0;
      return [this.#reportMs + after / 90, arrivalMs, packets];
    });
    return { damaged: this.#damaged, joinedMs: this.#joinedMs, pictures };
  }

  #send(bytes: Uint8Array): void {
    if (this.#hasLeft) {
      return;
    }
    this.#socket.send(bytes, this.#port, '127.0.0.1');
  }

  #check(): void {
    if (IS_PION && !this.#isValid) {
      this.#send(writeCheck(this.#credentials, UFRAG, false).bytes);
    } else {
      this.#nominate();
    }
  }

  #nominate(): void {
    this.#nomination = writeCheck(this.#credentials, UFRAG);
    this.#send(this.#nomination.bytes);
  }

  #onStun(packet: Buffer): void {
    const message = parseMessage(packet);
    if (message?.messageClass === classes.REQUEST) {
      // As pion does, which nominates a pair that works when the other side checks it.
      const answer = new Message(methods.BINDING, classes.RESPONSE, message.transactionId);
      answer.setAttribute('XOR-MAPPED-ADDRESS', ['127.0.0.1', this.#port]);
      this.#send(answer.addMessageIntegrity(Buffer.from(PASSWORD)).addFingerprint().bytes);
      if (this.#isValid && !this.#nomination) {
        this.#nominate();
      }
    } else if (message) {
      this.#isValid = true;
      if (!this.#isDtlsBegun && message.transactionIdHex === this.#nomination?.id) {
        this.#isDtlsBegun = true;
        void this.#dtls.connect();
      }
    }
  }

  #onKeys(): void {
    const profile = this.#dtls.srtp.srtpProfile;
    if (profile === undefined) {
      throw new Error('no SRTP profile was agreed on');
    }
    const keys = this.#dtls.extractSessionKeys(16, profile === GCM ? 12 : 14);
    const config = {
      profile,
      keys: {
        localMasterKey: keys.localKey,
        localMasterSalt: keys.localSalt,
        remoteMasterKey: keys.remoteKey,
        remoteMasterSalt: keys.remoteSalt,
      },
    };
    this.#srtp = new SrtpSession(config);
    this.#srtcp = new SrtcpSession(config);
  }

  #onPacket(packet: Buffer): void {
    const first = packet[0] as number;
    const second = packet[1] as number;
    if (first <= 3) {
      this.#onStun(packet);
    } else if (first < 64) {
      this.#transport.onData(packet, ['', 0]);
    } else if (second >= 192 && second <= 223) {
      // The server may still send to the former viewer of this port.
      if (packet.readUInt32BE(4) === this.#ssrc) {
        this.#onReport(packet);
      }
    } else if (this.#srtp && packet.readUInt32BE(8) === this.#ssrc) {
      this.#onMedia(packet, second);
    }
  }

  #onMedia(packet: Buffer, second: number): void {
    this.#packets += 1;
    if (this.#decrypts) {
      try {
        this.#srtp?.decrypt(packet);
      } catch {
        this.#damaged += 1;
      }
    }
    if ((second & 0x80) !== 0) {
      this.#joinedMs = Number.isNaN(this.#joinedMs) ? performance.now() - this.#postedMs : this.#joinedMs;
      this.#pictures.push([packet.readUInt32BE(4), performance.now(), this.#packets]);
      this.#packets = 0;
    }
  }

  /** RFC 3550 §6.4.1: wall clock at byte 8, RTP time at byte 16. */
  #onReport(packet: Buffer): void {
    const report = this.#srtcp?.decrypt(packet);
    if (report && report[1] === 200) {
      const seconds = report.readUInt32BE(8) - NTP_EPOCH_SECONDS;
      this.#reportMs = seconds * 1000 + (report.readUInt32BE(12) / 2 ** 32) * 1000;
      this.#reportTicks = report.readUInt32BE(16);
    }
  }
}

const certificate = await CipherContext.createSelfSignedCertificateWithKey(SIGNATURE, 23);
const { fingerprint256 } = new X509Certificate(certificate.certPem);
const offer = readFileSync(join(import.meta.dirname, '../../fixtures/offers/chromium-156-linux.sdp'), 'utf8')
  .replaceAll(/a=fingerprint:.*/g, `a=fingerprint:sha-256 ${fingerprint256}\r`)
  .replaceAll(/a=ice-ufrag:.*/g, `a=ice-ufrag:${UFRAG}\r`)
  // A viewer begins the handshake: pion would otherwise do so.
  .replaceAll('a=setup:actpass', 'a=setup:active')
  .replaceAll('\r\r', '\r');
const PASSWORD = /a=ice-pwd:(\S+)/.exec(offer)?.[1] ?? '';
const viewers: LightViewer[] = [];

async function openOne(): Promise<void> {
  const postedMs = performance.now();
  const response = await fetch(url, { method: 'POST', body: offer, headers: { 'Content-Type': 'application/sdp' } });
  const answer = await response.text();
  if (response.status !== 201) {
    throw new Error(`${response.status} ${answer}`);
  }
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.setRecvBufferSize(BUFFER_BYTES);
  const session = new URL(response.headers.get('Location') ?? '', url).href;
  const viewer = new LightViewer(socket, answer, session, certificate, viewers.length < Number(decrypted), postedMs);
  viewers.push(viewer);
  await viewer.connected;
}

async function answerLine(line: string): Promise<void> {
  const [command, count = '0'] = line.split(' ');
  switch (command) {
    case 'open':
      while (viewers.length < Number(count)) {
        const more = Math.min(SIDE_BY_SIDE, Number(count) - viewers.length);
        await Promise.all(Array.from({ length: more }, openOne));
      }
      process.stdout.write(`opened ${viewers.length}\n`);
      break;
    case 'leave':
      await Promise.all(viewers.splice(0, Number(count)).map((viewer, i) => viewer.leave(i % 2 === 0)));
      process.stdout.write(`left ${count}\n`);
      break;
    case 'begin':
      for (const viewer of viewers) {
        viewer.begin();
      }
      process.stdout.write('begun\n');
      break;
    case 'tell':
      process.stdout.write(`${JSON.stringify(viewers.map((viewer) => viewer.seen()))}\n`);
      break;
    default:
      break;
  }
}

process.stdin.on('data', (chunk) => {
  for (const line of chunk.toString().trim().split('\n')) {
    void answerLine(line);
  }
});
process.stdin.on('end', () => process.exit());
